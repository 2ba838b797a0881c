//! A run of real servers, played in the world: the same load, the same faults at the same times.

use crate::fault::played;
use crate::scenario::{Expected, SimScenario};
use crate::setup::{Calls, Load, Network, Setup};
use std::collections::BTreeMap;
use workloads::{FaultKind, PlannedFault, Scenario, Workload};

/// Nanoseconds of a millisecond.
const MS: u64 = 1_000_000;
/// Calls per second of a client of which the scenario says none.
const UNPACED: f64 = 100.0;
/// The most calls that one client makes, so that a long run stays a simulation.
const MOST_CALLS: u32 = 5000;
/// How long a message takes on loopback, through a link: the shortest and the longest time.
const LOOPBACK: (u64, u64) = (MS / 10, MS / 2);
/// How many keys the store remembers.
const CACHE: usize = 10_000;

impl SimScenario {
    /// The world in which a scenario of real servers is played, its schedule of faults to the
    /// millisecond. Seeds draw the calls and the messages; a mutant is left to the caller.
    #[must_use]
    pub fn of_real_run(name: &str, scenario: &Scenario) -> Self {
        let clients = scenario.concurrency;
        let paced = scenario.rate / f64::from(clients.max(1));
        let per_second = if paced > 0.0 { paced } else { UNPACED };
        let seconds = scenario.time.duration().as_secs_f64();
        let most = f64::from(MOST_CALLS);
        let each = (1..MOST_CALLS).find(|&n| f64::from(n) >= (per_second * seconds).min(most));
        let mut setup = Setup {
            acceptors: scenario.nodes,
            proposers: scenario.nodes,
            clients,
            prepare_quorum: scenario.nodes as usize / 2 + 1,
            accept_quorum: scenario.nodes as usize / 2 + 1,
            unsafe_quorums: false,
            cache: CACHE,
            repeats: false,
            deadline: scenario.deadline.as_millis().saturating_mul(MS),
            clocks: Vec::new(),
            load: Load {
                calls: match scenario.workload {
                    Workload::CasRegister => Calls::CasRegister,
                    Workload::Increment => Calls::Increment,
                    Workload::Append => Calls::Append,
                },
                keys: scenario.keys,
                each: each.unwrap_or(MOST_CALLS),
                // Waits are drawn evenly from 0, so the longest is twice the mean.
                think: pause(2.0 / per_second),
                roams: false,
                closing_reads: true,
                quorum_reads: 0.0,
                deletes: 0.0,
                by_version: false,
            },
            network: Network::with_delay(LOOPBACK),
            toggle: None,
            membership: None,
            collections: 0,
            mutant: None,
            faults: Vec::new(),
        };
        let left_out = play(&mut setup, &scenario.schedule);
        Self {
            name: name.to_owned(),
            summary: summary(&left_out),
            expected: Expected::Valid,
            seeds: 20,
            mutant: None,
            left_out,
            fixed: Some(setup),
        }
    }
}

/// Has the world do what it can of a schedule. Answers how many faults of which kind it leaves out, in whole
/// or in part: those that it does not know, those of the busiest, and those of an acceptor that joins in
/// the real run, which is not there.
fn play(setup: &mut Setup, schedule: &[PlannedFault]) -> BTreeMap<FaultKind, usize> {
    let mut left_out = BTreeMap::new();
    for planned in schedule {
        let faults = played(std::slice::from_ref(planned));
        let wanted = faults.len().max(1);
        let done: Vec<_> =
            faults.into_iter().filter(|fault| setup.check_fault(&fault.what).is_ok()).collect();
        if done.len() < wanted {
            *left_out.entry(planned.fault).or_insert(0) += 1;
        }
        setup.faults.extend(done);
    }
    left_out
}

fn summary(left_out: &BTreeMap<FaultKind, usize>) -> String {
    let names: Vec<_> = left_out.keys().map(|kind| kind.name()).collect();
    let without = match names.join(", ") {
        names if names.is_empty() => names,
        names => format!(", without its faults {names}"),
    };
    format!("a run of real servers, played in the world{without}")
}

fn pause(seconds: f64) -> u64 {
    let longest = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
    u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{judge, verdict};
    use crate::record::Detail;
    use crate::run::run;
    use harness_history::Verdict;
    use workloads::{Draft, EnvironmentKind};

    #[test]
    fn a_schedule_for_real_servers_is_played_at_its_own_times_and_violates_nothing() {
        for workload in Workload::ALL {
            let text = format!("workload = \"{workload}\"\nrate = 120.0\nseed = 5");
            let draft = Draft::parse(&text, "run").unwrap();
            let process = EnvironmentKind::Process;
            // The world has changes of membership of its own.
            let scenario =
                draft.settle(process, crate::fault::KNOWN_TO_THE_WORLD, 5, None).unwrap();
            let played = SimScenario::of_real_run("run", &scenario);
            let setup = played.setup(1);
            setup.check().unwrap();
            let begins: Vec<_> = setup.faults.iter().map(|fault| fault.at / MS).collect();
            let planned: Vec<_> =
                scenario.schedule.iter().map(|fault| fault.at.as_millis()).collect();
            assert_eq!(begins, planned);

            let run = run(1, &played, Detail::Everything);
            assert_eq!(verdict(&judge(&run).unwrap()), Verdict::Valid);
            let last = run.events.last().unwrap().time / MS;
            assert!((20_000..60_000).contains(&last), "{workload} ends after {last} ms");
            assert!(run.counts.ok > 2000, "{workload}: {:?}", run.counts);
            assert_eq!(run.counts.faults.values().sum::<u64>(), planned.len() as u64);
            assert_eq!(played.left_out, BTreeMap::new());
        }
    }

    #[test]
    fn what_the_world_cannot_do_is_left_out_and_counted() {
        let links = "links = [\"p1→a2\"]";
        for (fault, left_out) in [
            (format!("\"cut\"\n{links}"), 0),
            (String::from("\"kill\"\nnodes = [1, 2]"), 0),
            (String::from("\"stall\"\nnode = 2"), 0),
            (String::from("\"kill\"\ntarget = \"busiest\""), 1),
            (String::from("\"wipe\"\nnode = 1"), 1),
            (String::from("\"tail-lost\"\nnode = 1"), 1),
            (String::from("\"memory-full\"\nnode = 3"), 1),
            (String::from("\"disk-full\"\nnode = 3"), 1),
            (String::from("\"disconnect\"\nnode = 3"), 1),
            (format!("\"bandwidth\"\nrate = 10\n{links}"), 1),
            (format!("\"drop\"\nprobability = 0.1\n{links}"), 1),
            (format!("\"limit\"\nbytes = 1000\n{links}"), 1),
            (format!("\"reset\"\nlife = \"50ms\"\n{links}"), 1),
        ] {
            let text = format!(
                "workload = \"append\"\nfsync = \"everysec\"\ncold = 1\n[[schedule]]\nat = \"2s\"\nlasts = \"2s\"\nwhom = \"x\"\nfault = {fault}"
            );
            let draft = Draft::parse(&text, "run").unwrap();
            let scenario = draft.settle(EnvironmentKind::Process, FaultKind::ALL, 5, None).unwrap();
            let played = SimScenario::of_real_run("run", &scenario);
            assert_eq!(played.left_out.values().sum::<usize>(), left_out, "{fault}");
            assert_eq!(played.setup(1).faults.is_empty(), left_out > 0, "{fault}");
        }
    }
}
