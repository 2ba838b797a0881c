//! A run of real servers, played in the world: the same load, the same faults at the same times.

use crate::fault::played;
use crate::scenario::{Expected, SimScenario};
use crate::setup::{Calls, Load, Network, Setup};
use workloads::{PlannedFault, Scenario, Workload};

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
    /// millisecond. Seeds draw the calls and the messages; a mutant is left out.
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
            faults: played(&scenario.schedule),
        };
        // Whoever joins in the real run is not there.
        let faults = std::mem::take(&mut setup.faults);
        setup.faults =
            faults.into_iter().filter(|fault| setup.check_fault(&fault.what).is_ok()).collect();
        Self {
            name: name.to_owned(),
            summary: summary(scenario),
            expected: Expected::Valid,
            seeds: 20,
            mutant: None,
            fixed: Some(setup),
        }
    }
}

fn summary(scenario: &Scenario) -> String {
    let unknown = |planned: &&PlannedFault| played(std::slice::from_ref(*planned)).is_empty();
    let mut unknown: Vec<_> =
        scenario.schedule.iter().filter(unknown).map(|planned| planned.fault).collect();
    unknown.sort_unstable();
    unknown.dedup();
    let names: Vec<_> = unknown.iter().map(|kind| kind.name()).collect();
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
        }
    }
}
