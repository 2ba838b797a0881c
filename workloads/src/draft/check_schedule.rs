//! What the faults of a file must keep to, one by one and beside each other.

use super::check::{OutOfRange, objection};
use crate::change::Acceptors;
use crate::{Befalls, FaultKind, Mutant, PlannedFault, Scenario, Span, Target, minority};
use std::fmt;

pub(super) fn check_schedule(scenario: &Scenario, able: &[FaultKind]) -> Result<(), OutOfRange> {
    let end = scenario.time.as_millis() - scenario.quiet.as_millis();
    let mut acceptors = Acceptors::beside(scenario.nodes, scenario.acceptors());
    for (number, planned) in scenario.schedule.iter().enumerate() {
        let objection = timing(planned, end)
            .or_else(|| beside(planned, &scenario.schedule[..number], scenario.overlap))
            .or_else(|| objection(scenario, planned.fault, able))
            .or_else(|| whom(planned, scenario.nodes, &acceptors))
            .or_else(|| memory(planned, scenario, &acceptors))
            .or_else(|| parameters(planned));
        if let Some(reason) = objection {
            let reason = format!("entry {}: {reason}", number + 1);
            return Err(OutOfRange { field: "schedule", reason });
        }
        planned.membership.iter().for_each(|change| acceptors.apply(change));
    }
    Ok(())
}

fn timing(planned: &PlannedFault, end: u64) -> Option<String> {
    let ends = planned.end();
    (ends > end).then(|| {
        let (ends, end) = (Span::millis(ends), Span::millis(end));
        format!("ends at {ends}, after the faults' time of {end}")
    })
}

/// Faults begin one after the other; at the same time there are only so many, and they strike no link
/// in common.
fn beside(planned: &PlannedFault, earlier: &[PlannedFault], overlap: u32) -> Option<String> {
    let at = planned.at;
    if earlier.last().is_some_and(|earlier| earlier.at > at) {
        return Some(format!("begins at {at}, before the one before it; sort them by their times"));
    }
    let going_on = |(_, earlier): &(usize, &PlannedFault)| earlier.end() > at.as_millis();
    let active: Vec<_> = (1..).zip(earlier).filter(going_on).collect();
    let most = overlap as usize;
    if active.len() >= most {
        return Some(if most == 1 {
            format!("begins at {at}, before the one before it has ended; `overlap` allows for more")
        } else {
            format!("begins at {at}, beside {} others; overlap = {overlap}", active.len())
        });
    }
    let met = active.iter().find(|(_, earlier)| earlier.meets(planned));
    met.map(|(number, earlier)| {
        let (kind, other) = (planned.fault, earlier.fault);
        format!(
            "{kind} begins at {at}, while {other} of entry {number} goes on: faults at the same time must strike no link in common, and membership, wipe, tail-lost and the busiest stand alone; name other links, or let it begin at {} or later",
            Span::millis(earlier.end())
        )
    })
}

/// Whether it strikes, or moves, somebody who is there at that time.
fn whom(planned: &PlannedFault, nodes: u32, acceptors: &Acceptors) -> Option<String> {
    let is_node = |number: &u32| (1..=nodes).contains(number);
    let known = planned.links.iter().all(|l| is_node(&l.proposer) && acceptors.has(l.acceptor))
        && planned.nodes.iter().all(|node| acceptors.has(*node))
        && planned.proposers.iter().all(is_node);
    if !known {
        return Some(format!("names a node that is not there; allowed: 1 to {nodes}"));
    }
    let befalls = planned.fault.befalls();
    let busiest = planned.target.is_some();
    let of_servers = |servers: &[u32], sort| !servers.is_empty() || (busiest && befalls == sort);
    if (befalls == Befalls::Links) == planned.links.is_empty()
        || (befalls == Befalls::Acceptor) != of_servers(&planned.nodes, Befalls::Acceptor)
        || (befalls == Befalls::Proposer) != of_servers(&planned.proposers, Befalls::Proposer)
        || (befalls == Befalls::Cluster) != planned.membership.is_some()
    {
        return Some(String::from(
            "a fault of links needs `links`, one of acceptors `nodes`, one of proposers `proposers`, membership `membership`, and none takes another's",
        ));
    }
    let named = planned.nodes.len() + planned.proposers.len() + planned.links.len();
    if planned.target.is_some_and(|target| target != Target::Busiest) || (busiest && named > 0) {
        return Some(String::from(
            "`target` can only be \"busiest\", of acceptors or proposers, and then nobody is named",
        ));
    }
    if repeats(&planned.nodes) || repeats(&planned.proposers) || repeats(&planned.links) {
        return Some(String::from("strikes somebody twice; name each once"));
    }
    planned.membership.as_ref().and_then(|change| acceptors.objection(change))
}

fn repeats<T: Ord>(struck: &[T]) -> bool {
    let different: std::collections::BTreeSet<_> = struck.iter().collect();
    different.len() < struck.len()
}

/// What a majority has forgotten is lost by right, so there would be nothing to judge. Where nobody
/// guards, that is what is to be seen.
fn memory(planned: &PlannedFault, scenario: &Scenario, acceptors: &Acceptors) -> Option<String> {
    let (struck, most) = (planned.nodes.len(), minority(acceptors.len()));
    let too_many = planned.fault.loses_memory() && struck > most;
    (too_many && scenario.mutant != Some(Mutant::Unguarded)).then(|| {
        format!(
            "{} strikes {struck} of {} acceptors; allowed: up to {most}, because what a majority has forgotten is lost by right",
            planned.fault,
            acceptors.len()
        )
    })
}

fn parameters(planned: &PlannedFault) -> Option<String> {
    let lacks = [
        (FaultKind::OneWay, planned.direction.is_none(), "direction"),
        (FaultKind::Latency, planned.latency.is_none(), "latency"),
        (FaultKind::Loss, planned.probability.is_none(), "probability"),
        (FaultKind::Drop, planned.probability.is_none(), "probability"),
        (FaultKind::Bandwidth, planned.rate.is_none(), "rate"),
        (FaultKind::Slicing, planned.size.is_none(), "size"),
        (FaultKind::Slicing, planned.pause.is_none(), "pause"),
        (FaultKind::Reset, planned.life.is_none(), "life"),
        (FaultKind::Limit, planned.bytes.is_none(), "bytes"),
    ];
    let lacks = lacks.iter().find(|(fault, lacking, _)| *fault == planned.fault && *lacking);
    if let Some((_, _, field)) = lacks {
        return Some(format!("{} needs the field `{field}`", planned.fault));
    }
    if let Some((field, of)) = foreign(planned) {
        let of: Vec<_> = of.iter().map(|kind| kind.name()).collect();
        return Some(format!(
            "{} takes no `{field}`, which would do nothing; it belongs to {}",
            planned.fault,
            of.join(" and ")
        ));
    }
    let long = Span::seconds(10);
    outside("latency", planned.latency, Span::millis(1), long)
        .or_else(|| outside("rate", planned.rate, 1, 500))
        .or_else(|| outside("size", planned.size, 1, 200))
        .or_else(|| outside("pause", planned.pause, Span::millis(1), Span::millis(100)))
        .or_else(|| outside("life", planned.life, Span::millis(0), long))
        .or_else(|| outside("bytes", planned.bytes, 100, 1_000_000))
        .or_else(|| {
            let wide = planned.jitter.is_some_and(|j| planned.latency.is_none_or(|l| j >= l));
            wide.then(|| String::from("jitter is out of range; it must be less than the latency"))
        })
        .or_else(|| {
            // Less cannot be told from an answer of a clear link.
            let least = planned.latency.unwrap_or_default().as_millis();
            let least = least - planned.jitter.unwrap_or_default().as_millis();
            let short = planned.fault == FaultKind::Latency && least < 10;
            short.then(|| String::from("latency less jitter is out of range; allowed: from 10ms on, so that it can be seen"))
        })
        .or_else(|| {
            // The store has several requests under way on a connection. It would take one's answer for
            // another's, which no network does to it.
            let usable = planned.usable == Some(true);
            usable.then(|| String::from("usable is out of range; allowed: false, because answers have no numbers"))
        })
        .or_else(|| {
            let unlikely = planned.probability.is_some_and(|p| !(p > 0.0 && p <= 1.0));
            unlikely
                .then(|| String::from("probability is out of range; allowed: above 0 and up to 1"))
        })
}

/// A field that is given and does nothing, and the faults that it belongs to.
fn foreign(planned: &PlannedFault) -> Option<(&'static str, &'static [FaultKind])> {
    use FaultKind::{Bandwidth, Drop, Latency, Limit, Loss, OneWay, Reset, Slicing};
    let fields: [(&str, bool, &[FaultKind]); 10] = [
        ("direction", planned.direction.is_some(), &[OneWay]),
        ("latency", planned.latency.is_some(), &[Latency]),
        ("jitter", planned.jitter.is_some(), &[Latency]),
        ("probability", planned.probability.is_some(), &[Loss, Drop]),
        ("usable", planned.usable.is_some(), &[Drop]),
        ("rate", planned.rate.is_some(), &[Bandwidth]),
        ("size", planned.size.is_some(), &[Slicing]),
        ("pause", planned.pause.is_some(), &[Slicing]),
        ("life", planned.life.is_some(), &[Reset]),
        ("bytes", planned.bytes.is_some(), &[Limit]),
    ];
    let foreign = fields.into_iter().find(|(_, given, of)| *given && !of.contains(&planned.fault));
    foreign.map(|(field, _, of)| (field, of))
}

fn outside<T: PartialOrd + fmt::Display>(
    field: &str,
    value: Option<T>,
    least: T,
    most: T,
) -> Option<String> {
    let outside = value.is_some_and(|value| value < least || value > most);
    outside.then(|| format!("{field} is out of range; allowed: {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use crate::{Draft, EnvironmentKind, FaultKind, Scenario, ScenarioError};

    /// A scenario with these faults, each beginning and lasting as told, in seconds.
    fn settled(head: &str, faults: &[(u64, u64, &str)]) -> Result<Scenario, ScenarioError> {
        let entry = |(at, lasts, rest): &(u64, u64, &str)| {
            format!("[[schedule]]\nat = \"{at}s\"\nlasts = \"{lasts}s\"\nwhom = \"some\"\n{rest}\n")
        };
        let schedule: String = faults.iter().map(entry).collect();
        let text = format!("workload = \"append\"\n{head}\n{schedule}");
        let process = EnvironmentKind::Process;
        Draft::parse(&text, "my.toml")?.settle(process, FaultKind::ALL, 7, None)
    }

    fn wrong(head: &str, faults: &[(u64, u64, &str)]) -> String {
        settled(head, faults).unwrap_err().to_string()
    }

    const CUT: &str = "fault = \"cut\"\nlinks = [\"p1→a2\"]";
    const CUT_BACK: &str = "fault = \"cut\"\nlinks = [\"p2→a1\"]";
    const KILL: &str = "fault = \"kill\"\nnode = 2";
    const WIPE: &str = "fault = \"wipe\"\nnodes = [1, 2]";
    const BUSIEST: &str = "fault = \"kill\"\ntarget = \"busiest\"";

    #[test]
    fn faults_at_the_same_time_are_allowed_for_and_disjoint() {
        assert!(settled("overlap = 2", &[(2, 4, CUT), (3, 2, CUT_BACK), (6, 1, KILL)]).is_ok());
        assert!(settled("", &[(2, 4, BUSIEST), (6, 4, CUT)]).is_ok());
        insta::assert_snapshot!(
            [
                wrong("", &[(2, 4, CUT), (3, 1, CUT_BACK)]),
                wrong("overlap = 2", &[(2, 4, CUT), (3, 4, CUT_BACK), (4, 1, CUT)]),
                wrong("overlap = 2", &[(2, 4, CUT), (3, 1, KILL)]),
                wrong("overlap = 2", &[(2, 4, CUT_BACK), (3, 1, BUSIEST)]),
                wrong("overlap = 2", &[(4, 1, CUT), (3, 1, KILL)]),
                wrong("overlap = 5", &[]),
            ]
            .join("\n")
        );
    }

    #[test]
    fn two_faults_of_one_link_at_a_time_are_refused_with_a_way_out() {
        let entry = |fault: &str| format!("fault = {fault}\nlinks = [\"p1→a1\"]");
        let kinds = [
            "\"cut\"",
            "\"blackhole\"",
            "\"latency\"\nlatency = \"30ms\"\njitter = \"10ms\"",
            "\"reset\"\nlife = \"100ms\"",
            "\"loss\"\nprobability = 0.1",
            "\"bandwidth\"\nrate = 10",
        ];
        for first in kinds {
            for second in kinds {
                let (first, second) = (entry(first), entry(second));
                let said = wrong("overlap = 2", &[(1, 4, &first), (2, 2, &second)]);
                assert!(
                    said.contains("entry 2: ") && said.contains("of entry 1 goes on"),
                    "{said}"
                );
                assert!(
                    said.ends_with("name other links, or let it begin at 5s or later"),
                    "{said}"
                );
                assert!(settled("overlap = 2", &[(1, 4, &first), (5, 2, &second)]).is_ok());
            }
        }
    }

    #[test]
    fn whom_it_strikes_need_not_be_said_twice() {
        for (rest, whom) in [
            ("fault = \"cut\"\nlinks = [\"p1→a2\", \"p2→a1\"]", "p1→a2, p2→a1"),
            ("fault = \"kill\"\nnode = 2", "a2"),
            ("fault = \"kill\"\nnodes = [1, 3]", "a1, a3"),
            ("fault = \"proposer-kill\"\nproposers = [1, 2]", "p1, p2"),
            ("fault = \"kill\"\ntarget = \"busiest\"", "the busiest"),
            ("fault = \"cut\"\nlinks = [\"p1→a2\"]\nwhom = \"the first two\"", "the first two"),
        ] {
            let text = format!(
                "workload = \"append\"\nproposers = \"process\"\n[[schedule]]\nat = \"2s\"\nlasts = \"2s\"\n{rest}"
            );
            let draft = Draft::parse(&text, "my.toml").unwrap();
            let scenario = draft.settle(EnvironmentKind::Process, FaultKind::ALL, 7, None).unwrap();
            assert_eq!(scenario.schedule[0].whom, whom, "{rest}");
        }
    }

    #[test]
    fn a_field_that_would_do_nothing_is_refused() {
        for (rest, field, of) in [
            ("fault = \"loss\"\nprobability = 0.1\nrate = 5", "rate", "bandwidth"),
            ("fault = \"loss\"\nprobability = 0.1\nlatency = \"20ms\"", "latency", "latency"),
            ("fault = \"cut\"\nprobability = 0.1", "probability", "loss and drop"),
            ("fault = \"cut\"\ndirection = \"replies\"", "direction", "one-way"),
            ("fault = \"loss\"\nprobability = 0.1\nusable = false", "usable", "drop"),
            ("fault = \"bandwidth\"\nrate = 5\nbytes = 500", "bytes", "limit"),
            ("fault = \"limit\"\nbytes = 500\nlife = \"1s\"", "life", "reset"),
            ("fault = \"blackhole\"\njitter = \"1ms\"", "jitter", "latency"),
            ("fault = \"reset\"\nlife = \"1s\"\nsize = 5", "size", "slicing"),
            ("fault = \"reset\"\nlife = \"1s\"\npause = \"5ms\"", "pause", "slicing"),
        ] {
            let said = wrong("", &[(2, 4, &format!("{rest}\nlinks = [\"p1→a2\"]"))]);
            let told = format!("takes no `{field}`, which would do nothing; it belongs to {of}");
            assert!(said.ends_with(&told), "{said}");
        }
    }

    #[test]
    fn whom_it_strikes_and_how_must_be_possible() {
        let one = |rest: &str| wrong("", &[(2, 4, rest)]);
        insta::assert_snapshot!(
            [
                one("fault = \"kill\"\nnodes = [1, 4]"),
                one("fault = \"kill\"\nnodes = [1, 1]"),
                one("fault = \"kill\"\nproposers = [1]"),
                one("fault = \"kill\"\nnode = 1\ntarget = \"busiest\""),
                one("fault = \"kill\"\nnode = 1\ntarget = \"all\""),
                one("fault = \"proposer-kill\"\nproposers = [4]"),
                one("fault = \"bandwidth\"\nlinks = [\"p1→a2\"]"),
                one("fault = \"bandwidth\"\nlinks = [\"p1→a2\"]\nrate = 0"),
                one("fault = \"reset\"\nlinks = [\"p1→a2\"]\nlife = \"1m\""),
                one("fault = \"limit\"\nlinks = [\"p1→a2\"]\nbytes = 5"),
                one(WIPE),
                wrong("nodes = 2", &[(2, 4, "fault = \"wipe\"\nnode = 1")]),
                wrong(
                    "proposers = \"process\"",
                    &[(2, 4, "fault = \"membership\"\n[schedule.membership]\njoins = 4")]
                ),
            ]
            .join("\n")
        );
        // Where nobody guards, that is what is to be seen.
        assert!(settled("mutant = \"unguarded\"", &[(2, 4, WIPE)]).is_ok());
    }
}
