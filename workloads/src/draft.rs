//! A scenario as a user writes it, in a file or as flags: what is left out gets its default.

mod check;
mod check_schedule;

use crate::{
    EnvironmentKind, FaultChoice, FaultKind, Frame, Fsync, Mutant, Package, PlannedFault,
    Proposers, Scenario, Span, Target, Threshold, UnknownName, Workload, minority,
};
use check::{OutOfRange, can_move, check, check_cold};
use check_schedule::check_schedule;
use serde::Deserialize;
use std::fmt;

/// A scenario with gaps.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of `Scenario`")]
pub struct Draft {
    pub workload: Option<Workload>,
    pub environment: Option<EnvironmentKind>,
    pub proposers: Option<Proposers>,
    pub image: Option<String>,
    pub toxiproxy_image: Option<String>,
    pub toxiproxy: Option<String>,
    pub services: Option<Vec<String>>,
    pub fsync: Option<Fsync>,
    pub nodes: Option<u32>,
    pub acceptors: Option<u32>,
    pub time: Option<Span>,
    pub concurrency: Option<u32>,
    pub rate: Option<f64>,
    pub keys: Option<u32>,
    pub cold: Option<u32>,
    pub collect: Option<Span>,
    pub deadline: Option<Span>,
    pub faults: Option<Vec<FaultChoice>>,
    pub fault_interval: Option<Span>,
    pub overlap: Option<u32>,
    pub targets: Option<Vec<Target>>,
    pub quiet: Option<Span>,
    pub seed: Option<u64>,
    pub output: Option<String>,
    pub threshold: Option<Vec<Threshold>>,
    pub mutant: Option<Mutant>,
    pub schedule: Option<Vec<PlannedFault>>,
}

/// How many cold keys there are when the membership changes.
const COLD: u32 = 20;

const FIELDS: &[&str] = &[
    "workload",
    "environment",
    "proposers",
    "image",
    "toxiproxy-image",
    "toxiproxy",
    "services",
    "fsync",
    "nodes",
    "acceptors",
    "time",
    "concurrency",
    "rate",
    "keys",
    "cold",
    "collect",
    "deadline",
    "faults",
    "fault-interval",
    "overlap",
    "targets",
    "quiet",
    "seed",
    "output",
    "threshold",
    "mutant",
    "schedule",
];

/// What is wrong with a scenario, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ScenarioError {
    /// The file, when it came from one.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<usize>,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}: {}", self.reason),
            (Some(file), None) => write!(f, "{file}: {}", self.reason),
            (None, _) => f.write_str(&self.reason),
        }
    }
}

impl Draft {
    /// Reads a scenario file. `file` is its name, for errors.
    ///
    /// # Errors
    /// [`ScenarioError`] with the line, for what is no TOML, no field, or no value of its field.
    pub fn parse(text: &str, file: &str) -> Result<Self, ScenarioError> {
        let error = |line, reason| ScenarioError { file: Some(file.to_owned()), line, reason };
        let line_at = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
        if let Ok(table) = text.parse::<toml::Table>()
            && let Some(key) = table.keys().find(|key| !FIELDS.contains(&key.as_str()))
        {
            let unknown =
                UnknownName { kind: "field", name: key.clone(), allowed: FIELDS.to_vec() };
            return Err(error(line_of(text, key), unknown.to_string()));
        }
        toml::from_str(text).map_err(|cause| {
            let line = cause.span().map(|span| line_at(span.start));
            error(line, cause.message().to_owned())
        })
    }

    /// What is set here, and otherwise what is set in `base`.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        Self {
            workload: self.workload.or(base.workload),
            environment: self.environment.or(base.environment),
            proposers: self.proposers.or(base.proposers),
            image: self.image.or(base.image),
            toxiproxy_image: self.toxiproxy_image.or(base.toxiproxy_image),
            toxiproxy: self.toxiproxy.or(base.toxiproxy),
            services: self.services.or(base.services),
            fsync: self.fsync.or(base.fsync),
            nodes: self.nodes.or(base.nodes),
            acceptors: self.acceptors.or(base.acceptors),
            time: self.time.or(base.time),
            concurrency: self.concurrency.or(base.concurrency),
            rate: self.rate.or(base.rate),
            keys: self.keys.or(base.keys),
            cold: self.cold.or(base.cold),
            collect: self.collect.or(base.collect),
            deadline: self.deadline.or(base.deadline),
            faults: self.faults.or(base.faults),
            fault_interval: self.fault_interval.or(base.fault_interval),
            overlap: self.overlap.or(base.overlap),
            targets: self.targets.or(base.targets),
            quiet: self.quiet.or(base.quiet),
            seed: self.seed.or(base.seed),
            output: self.output.or(base.output),
            threshold: self.threshold.or(base.threshold),
            mutant: self.mutant.or(base.mutant),
            schedule: self.schedule.or(base.schedule),
        }
    }

    /// Whether other faults are asked for than a saved schedule has, so that it must be drawn anew.
    #[must_use]
    pub const fn changes_schedule(&self) -> bool {
        self.faults.is_some()
            || self.fault_interval.is_some()
            || self.overlap.is_some()
            || self.targets.is_some()
    }

    /// The faults that are asked for by their own names, and so must be possible: those of a schedule, or
    /// else those that are not merely in a package.
    #[must_use]
    pub fn needs(&self) -> Vec<FaultKind> {
        if let Some(schedule) = &self.schedule {
            return schedule.iter().map(|planned| planned.fault).collect();
        }
        let named = |choice: &FaultChoice| match choice {
            FaultChoice::Kind(kind) => Some(*kind),
            FaultChoice::Package(_) => None,
        };
        self.faults.iter().flatten().filter_map(named).collect()
    }

    /// Fills the gaps, checks every range, and draws the schedule if there is none. `environment`
    /// replaces `auto`; `able` are the faults that it can do. `source` is the
    /// file's name and text, when it came from one.
    ///
    /// # Errors
    /// [`ScenarioError`], with the line when the field stands in the file.
    pub fn settle(
        self,
        environment: EnvironmentKind,
        able: &[FaultKind],
        seed: u64,
        source: Option<(&str, &str)>,
    ) -> Result<Scenario, ScenarioError> {
        let located = |error: OutOfRange| ScenarioError {
            file: source.map(|(file, _)| file.to_owned()),
            line: source.and_then(|(_, text)| line_of(text, error.field)),
            reason: format!("{}: {}", error.field, error.reason),
        };
        let mut scenario = self.filled(environment, able, seed).map_err(located)?;
        check(&scenario, able).map_err(located)?;
        if let Some(schedule) = self.schedule {
            scenario.schedule = schedule;
            check_schedule(&scenario, able).map_err(located)?;
            for planned in scenario.schedule.iter_mut().filter(|one| one.whom.is_empty()) {
                planned.whom = planned.named();
            }
        } else {
            let frame = Frame::of(&scenario);
            let schedule = frame.plan(scenario.seed);
            if schedule.is_empty() && !scenario.faults.is_empty() {
                return Err(located(no_room(&frame)));
            }
            scenario.schedule = schedule;
        }
        check_cold(&scenario).map_err(located)?;
        Ok(scenario)
    }

    fn filled(
        &self,
        environment: EnvironmentKind,
        able: &[FaultKind],
        seed: u64,
    ) -> Result<Scenario, OutOfRange> {
        let workload = self.workload.ok_or_else(|| {
            let names: Vec<_> = Workload::ALL.iter().map(|workload| workload.name()).collect();
            OutOfRange { field: "workload", reason: format!("must be one of {}", names.join(", ")) }
        })?;
        let time = self.time.unwrap_or_else(|| Span::seconds(30));
        let services = self.services.as_deref().unwrap_or_default();
        let there = u32::try_from(services.len()).ok().filter(|services| *services > 0);
        let nodes = self.nodes.or(there).unwrap_or(3);
        let all = [FaultChoice::Package(Package::All)];
        let choices = self.faults.as_deref().unwrap_or(&all);
        let faults = FaultChoice::kinds(choices, &self.survivable(environment, able, nodes));
        let changes = match &self.schedule {
            Some(schedule) => schedule.iter().any(|planned| planned.fault.needs_cold_keys()),
            None => faults.iter().any(|kind| kind.needs_cold_keys()),
        };
        Ok(Scenario {
            workload,
            environment,
            proposers: self.proposers.unwrap_or(Proposers::Inside),
            image: self.image.clone(),
            toxiproxy_image: self.toxiproxy_image.clone(),
            toxiproxy: self.toxiproxy.clone(),
            services: self.services.clone().unwrap_or_default(),
            fsync: self.fsync.unwrap_or(Fsync::Always),
            nodes,
            acceptors: self.acceptors,
            time,
            concurrency: self.concurrency.unwrap_or_else(|| nodes.saturating_mul(2)),
            rate: self.rate.unwrap_or(500.0),
            keys: self.keys.unwrap_or(5),
            cold: self.cold.unwrap_or(if changes { COLD } else { 0 }),
            collect: self.collect.unwrap_or_else(|| Span::seconds(2)),
            deadline: self.deadline.unwrap_or_else(|| Span::millis(500)),
            faults,
            fault_interval: self.fault_interval.unwrap_or_else(|| Span::millis(1500)),
            // A schedule that a file writes out says itself what goes on at once.
            overlap: self.overlap.unwrap_or_else(|| if self.schedule.is_some() { 1 } else { 2 }),
            targets: self.targets.clone().unwrap_or_else(|| vec![Target::One]),
            quiet: self.quiet.unwrap_or_else(|| Span::millis((time.as_millis() / 4).min(5000))),
            seed: self.seed.unwrap_or(seed),
            output: self.output.clone().unwrap_or_else(|| String::from("runs")),
            threshold: self.threshold.clone().unwrap_or_default(),
            mutant: self.mutant,
            schedule: Vec::new(),
        })
    }
}

impl Draft {
    /// What `all` stands for: of what the environment can do, what a correct store survives here.
    fn survivable(
        &self,
        environment: EnvironmentKind,
        able: &[FaultKind],
        nodes: u32,
    ) -> Vec<FaultKind> {
        let spared = minority(nodes as usize) > 0;
        let proposers = self.proposers.unwrap_or(Proposers::Inside);
        let survives = |kind: FaultKind| {
            // Where not every write is synced what was acknowledged is lost by right; where every one is,
            // there is nothing to lose.
            kind != FaultKind::TailLost
                && (spared || !kind.loses_memory())
                && (can_move(environment, proposers) || kind != FaultKind::Membership)
        };
        able.iter().copied().filter(|kind| survives(*kind)).collect()
    }
}

fn no_room(frame: &Frame<'_>) -> OutOfRange {
    let Frame { from, until, interval, .. } = frame;
    let reason = format!(
        "there is no room for a fault: between {from} and {until} none fits into a fault-interval of {interval}; give more time, a shorter fault-interval or quiet, or no faults"
    );
    OutOfRange { field: "time", reason }
}

/// The line on which a top-level field is set, from 1.
fn line_of(text: &str, field: &str) -> Option<usize> {
    let sets = |line: &str| {
        let rest = line.trim_start().trim_start_matches("[[").strip_prefix(field);
        rest.is_some_and(|rest| rest.trim_start().starts_with(['=', ']']))
    };
    text.lines().position(sets).map(|line| line + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BUILT_IN;

    fn settled(text: &str) -> Result<Scenario, ScenarioError> {
        let file = "my.toml";
        Draft::parse(text, file)?.settle(
            EnvironmentKind::Embedded,
            &[FaultKind::Cut, FaultKind::Loss, FaultKind::Kill, FaultKind::Wipe],
            7,
            Some((file, text)),
        )
    }

    fn wrong(text: &str) -> String {
        settled(text).unwrap_err().to_string()
    }

    #[test]
    fn a_saved_scenario_reads_back_as_the_same_schedule_and_all() {
        let scenario =
            settled("workload = \"append\"\nthreshold = [\"p99<1s\"]\nmutant = \"reused-ballot\"")
                .unwrap();
        assert!(scenario.schedule.len() > 5);
        assert_eq!(settled(&scenario.to_toml().unwrap()).unwrap(), scenario);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_what_would_be_right() {
        insta::assert_snapshot!([
            wrong("workload = \"append\"\ntiem = \"3s\""),
            wrong("workload = \"apend\""),
            wrong("workload = \"append\"\n\nnodes = 12"),
            wrong("workload = \"append\"\ntime = \"3 days\""),
            wrong("workload = \"append\"\nfaults = [\"cut\", \"pause\"]"),
            wrong("workload = \"append\"\nrate = -5.0"),
            wrong("nodes = 3"),
            wrong("workload = "),
            wrong("workload = \"append\"\n[[schedule]]\nat = \"2s\"\nlasts = \"1s\"\nfault = \"cut\"\nwhom = \"p1→a9\"\nlinks = [\"p1→a9\"]"),
            wrong("workload = \"append\"\n[[schedule]]\nat = \"2s\"\nlasts = \"1s\"\nfault = \"cut\"\nwhom = \"a1\"\nnode = 1"),
            wrong("workload = \"append\"\n[[schedule]]\nat = \"2s\"\nlasts = \"1s\"\nfault = \"loss\"\nwhom = \"p1→a2\"\nlinks = [\"p1→a2\"]"),
            wrong("workload = \"append\"\n[[schedule]]\nat = \"24s\"\nlasts = \"3s\"\nfault = \"cut\"\nwhom = \"p1→a2\"\nlinks = [\"p1→a2\"]"),
        ].join("\n"));
    }

    #[test]
    fn flags_go_over_the_file_and_the_file_over_the_defaults() {
        let file = Draft::parse("workload = \"append\"\nnodes = 5\nkeys = 2", "f").unwrap();
        let flags = Draft { nodes: Some(4), ..Draft::default() };
        let scenario = flags.over(file).settle(EnvironmentKind::Embedded, &[], 1, None).unwrap();
        assert_eq!((scenario.nodes, scenario.keys, scenario.concurrency), (4, 2, 8));
    }

    #[test]
    fn an_external_cluster_has_a_node_for_each_service_and_any_number_of_acceptors() {
        let able = [FaultKind::Cut];
        let draft =
            |text: &str| Draft::parse(&format!("workload = \"append\"\n{text}"), "f").unwrap();
        let settle = |text: &str, kind| draft(text).settle(kind, &able, 1, None);
        let external = |text: &str| settle(text, EnvironmentKind::External);
        let two = "services = [\"http://h:1\", \"http://h:2\"]";
        let scenario = external(&format!("{two}\nacceptors = 5")).unwrap();
        assert_eq!((scenario.nodes, scenario.acceptors(), scenario.concurrency), (2, 5, 4));
        assert!(scenario.schedule.iter().any(|one| one.links.iter().any(|l| l.acceptor == 5)));
        let wrong = [
            external("").unwrap_err(),
            external(&format!("{two}\nnodes = 3")).unwrap_err(),
            settle(two, EnvironmentKind::Process).unwrap_err(),
            settle("acceptors = 5", EnvironmentKind::Process).unwrap_err(),
        ];
        insta::assert_snapshot!(wrong.map(|error| error.to_string()).join("\n"), @r"
        services: environment external needs the addresses of its services, such as http://127.0.0.1:7481
        nodes: each service is a node, and there are 2; leave nodes out
        services: only environment external has services that are there already
        acceptors: there are as many as nodes, but for environment external
        ");
    }

    #[test]
    fn there_are_cold_keys_where_the_membership_changes() {
        let cold = |text: &str| {
            let draft = Draft::parse(text, "f").unwrap();
            draft.settle(EnvironmentKind::Embedded, FaultKind::ALL, 1, None).unwrap().cold
        };
        assert_eq!(cold("workload = \"append\"\nfaults = [\"membership\"]"), COLD);
        assert_eq!(cold("workload = \"append\"\nfaults = [\"cut\"]"), 0);
        assert_eq!(cold("workload = \"append\"\nfaults = [\"cut\"]\ncold = 3"), 3);
    }

    #[test]
    fn all_is_what_a_correct_store_survives() {
        let all = |text: &str, nodes: u32| {
            let draft = Draft::parse(&format!("workload = \"append\"\n{text}"), "f").unwrap();
            let draft = Draft { nodes: Some(nodes), ..draft };
            let process = EnvironmentKind::Process;
            draft.settle(process, FaultKind::ALL, 1, None).unwrap().faults
        };
        let but_tails = |kind: &FaultKind| *kind != FaultKind::TailLost;
        let most: Vec<_> = FaultKind::ALL.iter().copied().filter(but_tails).collect();
        assert_eq!(all("", 3), most);
        assert_eq!(all("", 3), all("faults = [\"all\"]", 3));
        assert_eq!(all("fsync = \"everysec\"", 3), most);
        assert!(all("fsync = \"no\"", 3).contains(&FaultKind::Wipe));
        assert!(!all("", 2).contains(&FaultKind::Wipe));
        assert!(!all("proposers = \"process\"", 3).contains(&FaultKind::Membership));
        let asked = all("fsync = \"no\"\nfaults = [\"storage\"]", 3);
        assert_eq!(asked, [FaultKind::Wipe, FaultKind::TailLost]);
    }

    #[test]
    fn a_tail_is_lost_only_where_there_may_be_one() {
        let settled = |fsync: &str, faults: &str| {
            let text = format!("workload = \"append\"\nfsync = \"{fsync}\"\n{faults}");
            let draft = Draft::parse(&text, "f").unwrap();
            draft.settle(EnvironmentKind::Process, FaultKind::ALL, 1, None).map_err(|it| it.reason)
        };
        let scheduled = "[[schedule]]\nat = \"2s\"\nlasts = \"1s\"\nfault = \"tail-lost\"\nwhom = \"a1\"\nnodes = [1]\n";
        for faults in ["faults = [\"tail-lost\"]", "faults = [\"kill\", \"storage\"]", scheduled] {
            let refused = settled("always", faults).unwrap_err();
            assert!(
                refused.contains("tail-lost has nothing to lose with fsync always"),
                "{refused}"
            );
            assert!(settled("everysec", faults).is_ok() && settled("no", faults).is_ok());
        }
    }

    #[test]
    fn every_parameter_reads_back_as_it_was_written() {
        let text = "workload = \"append\"\ntime = \"10m\"\noverlap = 3\ntargets = [\"majority\", \"busiest\"]";
        let read = |text: &str| {
            let draft = Draft::parse(text, "f").unwrap();
            draft.settle(EnvironmentKind::Process, FaultKind::ALL, 1, None).unwrap()
        };
        let scenario = read(text);
        let kinds: std::collections::BTreeSet<_> =
            scenario.schedule.iter().map(|planned| planned.fault).collect();
        assert_eq!(kinds.len(), FaultKind::ALL.len() - 1, "all but tail-lost");
        assert_eq!(read(&scenario.to_toml().unwrap()), scenario);
    }

    #[test]
    fn the_scenarios_that_come_along_are_whole() {
        for (name, _, text) in BUILT_IN {
            let draft = Draft::parse(text, name).unwrap();
            let settled =
                draft.settle(EnvironmentKind::Embedded, FaultKind::ALL, 1, Some((name, text)));
            assert!(!settled.unwrap().schedule.is_empty(), "{name} has no faults");
        }
    }
}
