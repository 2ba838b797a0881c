//! What is left of which run, and what is to be done about it. Pure.

use crate::environment::docker::sweep::{Labelled, Things};
use crate::journal::{Elsewhere, Fate, Found, Made, Owner};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// One thing to be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A process is killed.
    Process(Owner),
    /// A container is removed.
    Container(String),
    /// A network is removed.
    Network(String),
    /// A directory is removed, if it is named as the run's are.
    Directory { run: String, path: PathBuf },
    /// A Toxiproxy is freed of the links and the faults that carry the run's id.
    Links { run: String, toxiproxy: String },
    /// The run's keys are deleted from a store that lives on.
    Keys { run: String, service: String, history: PathBuf },
    /// The journal is removed: the last step, when nothing is left that it names.
    Journal(PathBuf),
}

/// A run of which something is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Its id.
    pub(crate) run: String,
    /// Why it is left alone, if it is.
    pub(crate) spared: Option<Spared>,
    /// What is to be done, in order; nothing when it is left alone.
    pub(crate) steps: Vec<Step>,
}

/// Why a run is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spared {
    /// The harness with this process goes on with it.
    Lives(u32),
    /// Whether its harness goes on cannot be told from here, and nobody has named the run.
    Unseen { why: Elsewhere, host: String },
    /// There is a process of its harness's number that may not be looked at, and nobody has named the run.
    Hidden(u32),
    /// Neither a journal nor a label tells whose it is, and nobody has named the run.
    Unowned,
}

/// What is to be done about each run. `things` are the containers and networks that carry a label;
/// they count also where there is no journal. Only the run that is `named`, if one is. `fate` says of
/// a harness what has become of it. What is not certainly left by a harness that has ended is spared.
pub(crate) fn plan(
    journals: &[Found],
    things: &Things,
    named: Option<&str>,
    fate: impl Fn(&Owner) -> Fate,
) -> Vec<Plan> {
    let mut runs: BTreeMap<&str, Left<'_>> = BTreeMap::new();
    for journal in journals {
        let left = runs.entry(&journal.run).or_default();
        left.owner = Some(journal.owner.clone());
        left.journal = Some(journal);
    }
    for (labelled, is_network) in things
        .containers
        .iter()
        .map(|container| (container, false))
        .chain(things.networks.iter().map(|network| (network, true)))
    {
        runs.entry(&labelled.run).or_default().add(labelled, is_network);
    }
    runs.into_iter()
        .filter(|(run, _)| named.is_none_or(|named| named == *run))
        .map(|(run, left)| match left.spared(named.is_some(), &fate) {
            None => Plan { run: run.to_owned(), spared: None, steps: left.steps(run) },
            spared => Plan { run: run.to_owned(), spared, steps: Vec::new() },
        })
        .collect()
}

/// What is known of one run.
#[derive(Default)]
struct Left<'a> {
    owner: Option<Owner>,
    journal: Option<&'a Found>,
    containers: Vec<String>,
    networks: Vec<String>,
}

impl Left<'_> {
    fn add(&mut self, labelled: &Labelled, is_network: bool) {
        if self.owner.is_none() {
            self.owner = labelled.owner.parse().ok();
        }
        let names = if is_network { &mut self.networks } else { &mut self.containers };
        names.push(labelled.name.clone());
    }

    fn spared(&self, is_named: bool, fate: impl Fn(&Owner) -> Fate) -> Option<Spared> {
        let doubt = match self.owner.as_ref().map(fate) {
            Some(Fate::Gone) => return None,
            // Naming it does not end it.
            Some(Fate::Lives(pid)) => return Some(Spared::Lives(pid)),
            Some(Fate::Unknown { why, host }) => Spared::Unseen { why, host },
            Some(Fate::Hidden(pid)) => Spared::Hidden(pid),
            None => Spared::Unowned,
        };
        (!is_named).then_some(doubt)
    }

    fn steps(mut self, run: &str) -> Vec<Step> {
        let run = run.to_owned();
        let (mut processes, mut rest) = (Vec::new(), Vec::new());
        for made in self.journal.iter().flat_map(|journal| &journal.made) {
            match made {
                Made::Run { .. } => {}
                Made::Network { name } => self.networks.push(name.clone()),
                Made::Container { name } => self.containers.push(name.clone()),
                Made::Process { process } => processes.push(Step::Process(process.clone())),
                Made::Directory { path } => {
                    rest.push(Step::Directory { run: run.clone(), path: path.clone() });
                }
                Made::Links { toxiproxy } => {
                    rest.push(Step::Links { run: run.clone(), toxiproxy: toxiproxy.clone() });
                }
                Made::Keys { service, history } => {
                    let (service, history) = (service.clone(), history.clone());
                    rest.push(Step::Keys { run: run.clone(), service, history });
                }
            }
        }
        let mut steps = processes;
        steps.extend(each_once(self.containers).into_iter().map(Step::Container));
        steps.extend(each_once(self.networks).into_iter().map(Step::Network));
        steps.extend(rest);
        steps.extend(self.journal.map(|journal| Step::Journal(journal.path.clone())));
        steps
    }
}

fn each_once(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    names
}

impl fmt::Display for Spared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lives(pid) => write!(f, "its harness goes on (pid {pid})"),
            Self::Unseen { why, host } => {
                let host = if host.is_empty() { "" } else { &format!(" {host:?}") };
                match why {
                    Elsewhere::Namespace => write!(
                        f,
                        "its harness is in another container{host}, or outside of this one, and cannot be seen from here"
                    ),
                    Elsewhere::Machine => write!(
                        f,
                        "its harness is on another machine{host} and cannot be seen from here"
                    ),
                    Elsewhere::Unknown => write!(f, "it is not known where its harness is"),
                }
            }
            Self::Hidden(pid) => {
                write!(
                    f,
                    "its harness may go on: process {pid} is another user's and cannot be seen"
                )
            }
            Self::Unowned => write!(f, "nothing tells whose it is"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(process) => write!(f, "kill process {}", process.pid()),
            Self::Container(name) => write!(f, "remove container {name}"),
            Self::Network(name) => write!(f, "remove network {name}"),
            Self::Directory { path, .. } => write!(f, "remove directory {}", path.display()),
            Self::Links { toxiproxy, .. } => {
                write!(f, "free the Toxiproxy at {toxiproxy} of the run's links and faults")
            }
            Self::Keys { service, history, .. } => write!(
                f,
                "delete the run's keys, which {} names, from the store behind {service}",
                history.display()
            ),
            Self::Journal(path) => write!(f, "remove journal {}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(pid: u32) -> Owner {
        format!("{pid}:5:boot").parse().unwrap()
    }

    fn labelled(run: &str, name: &str, pid: u32) -> Labelled {
        let owner = owner(pid).to_string();
        Labelled { name: name.to_owned(), run: run.to_owned(), owner }
    }

    fn container(name: &str) -> Made {
        Made::Container { name: name.to_owned() }
    }

    fn journal(run: &str, pid: u32, made: Vec<Made>) -> Found {
        let path = PathBuf::from(format!("{run}.jsonl"));
        Found { path, run: run.to_owned(), owner: owner(pid), made }
    }

    /// The plans in words.
    fn words(plans: &[Plan]) -> Vec<String> {
        let steps = |plan: &Plan| {
            plan.steps.iter().map(|step| format!("{}: {step}", plan.run)).collect::<Vec<_>>()
        };
        plans.iter().flat_map(steps).collect()
    }

    #[test]
    fn a_run_whose_harness_is_gone_is_undone_with_its_journal_last() {
        let process = Made::Process { process: owner(9) };
        let network = Made::Network { name: String::from("n") };
        let directory = Made::Directory { path: PathBuf::from("/tmp/harness-r-redis-x") };
        let links = Made::Links { toxiproxy: String::from("http://t:8474") };
        let (service, history) = (String::from("http://s:7480"), PathBuf::from("/runs/h.jsonl"));
        let keys = Made::Keys { service, history };
        let made = vec![network, container("c2"), container("c1"), directory, process, links, keys];
        let plans = plan(&[journal("r", 1, made)], &Things::default(), None, |_| Fate::Gone);
        assert_eq!(
            words(&plans),
            [
                "r: kill process 9",
                "r: remove container c1",
                "r: remove container c2",
                "r: remove network n",
                "r: remove directory /tmp/harness-r-redis-x",
                "r: free the Toxiproxy at http://t:8474 of the run's links and faults",
                "r: delete the run's keys, which /runs/h.jsonl names, from the store behind http://s:7480",
                "r: remove journal r.jsonl",
            ]
        );
    }

    #[test]
    fn a_live_run_is_left_alone_by_journal_or_by_label() {
        let things = Things {
            containers: vec![labelled("labelled", "c", 2), labelled("dead", "d", 3)],
            networks: vec![labelled("labelled", "n", 2)],
        };
        let journals = [journal("journalled", 1, vec![container("e")])];
        let fate = |owner: &Owner| match owner.pid() {
            pid @ ..3 => Fate::Lives(pid),
            _ => Fate::Gone,
        };
        let plans = plan(&journals, &things, None, fate);
        assert_eq!(words(&plans), ["dead: remove container d"]);
        let lives: Vec<_> =
            plans.iter().map(|plan| (plan.run.as_str(), plan.spared.clone())).collect();
        let spared = |pid| Some(Spared::Lives(pid));
        assert_eq!(lives, [("dead", None), ("journalled", spared(1)), ("labelled", spared(2))]);
        // Naming one does not end it.
        for named in ["journalled", "labelled"] {
            assert_eq!(words(&plan(&journals, &things, Some(named), fate)), [""; 0], "{named}");
        }
    }

    #[test]
    fn what_may_live_is_left_alone_until_it_is_named() {
        let things = Things {
            containers: vec![labelled("labelled", "c", 2)],
            networks: vec![labelled("labelled", "n", 2)],
        };
        let journals = [journal("journalled", 1, vec![container("e")])];
        let host = String::from("box");
        for fate in [
            Fate::Unknown { why: Elsewhere::Namespace, host: host.clone() },
            Fate::Unknown { why: Elsewhere::Machine, host },
            Fate::Unknown { why: Elsewhere::Unknown, host: String::new() },
            Fate::Hidden(7),
        ] {
            let all = plan(&journals, &things, None, |_| fate.clone());
            assert_eq!(words(&all), [""; 0], "{fate:?}");
            assert!(all.iter().all(|plan| plan.spared.is_some()), "{fate:?}");
            let named = plan(&journals, &things, Some("labelled"), |_| fate.clone());
            let done = ["labelled: remove container c", "labelled: remove network n"];
            assert_eq!(words(&named), done, "{fate:?}");
        }
    }

    #[test]
    fn what_is_nobodys_is_left_alone_until_it_is_named() {
        let unowned = Labelled { owner: String::from("soup"), ..labelled("r", "c", 1) };
        let things = Things { containers: vec![unowned], networks: vec![labelled("s", "n", 1)] };
        let all = plan(&[], &things, None, |_| Fate::Gone);
        assert_eq!(words(&all), ["s: remove network n"]);
        assert_eq!(all[0].spared, Some(Spared::Unowned));
        let named = plan(&[], &things, Some("r"), |_| Fate::Gone);
        assert_eq!(words(&named), ["r: remove container c"]);
    }

    #[test]
    fn what_has_a_journal_and_a_label_is_undone_once() {
        let things = Things { containers: vec![labelled("r", "c", 1)], networks: Vec::new() };
        let plans = plan(&[journal("r", 1, vec![container("c")])], &things, None, |_| Fate::Gone);
        assert_eq!(words(&plans), ["r: remove container c", "r: remove journal r.jsonl"]);
    }

    #[test]
    fn nothing_left_is_nothing_to_do() {
        assert_eq!(plan(&[], &Things::default(), None, |_| Fate::Gone), []);
    }
}
