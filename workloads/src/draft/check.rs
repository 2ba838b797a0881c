//! What a whole scenario must keep to.

use crate::change::Acceptors;
use crate::{FaultKind, PlannedFault, Scenario, Span};
use std::fmt;

/// A field whose value is out of range.
pub(super) struct OutOfRange {
    pub(super) field: &'static str,
    pub(super) reason: String,
}

pub(super) fn check(scenario: &Scenario, able: &[FaultKind]) -> Result<(), OutOfRange> {
    let (hour, day) = (Span::seconds(3600), Span::seconds(24 * 3600));
    within("nodes", scenario.nodes, 1, 9)?;
    within("time", scenario.time, Span::seconds(1), day)?;
    within("concurrency", scenario.concurrency, scenario.nodes, 500)?;
    within("keys", scenario.keys, 1, 10_000)?;
    if scenario.collect != Span::default() {
        within("collect", scenario.collect, Span::millis(100), hour)?;
    }
    within("deadline", scenario.deadline, Span::millis(10), Span::seconds(60))?;
    within("fault-interval", scenario.fault_interval, Span::millis(500), hour)?;
    within("quiet", scenario.quiet, Span::millis(100), scenario.time)?;
    within("seed", scenario.seed, 0, i64::MAX.unsigned_abs())?;
    if scenario.rate != 0.0 && !(0.001..=1e6).contains(&scenario.rate) {
        let reason = format!("{} is out of range; allowed: 0.001 to 1000000, and 0", scenario.rate);
        return Err(OutOfRange { field: "rate", reason });
    }
    if let Some(unable) = scenario.faults.iter().find(|fault| !able.contains(fault)) {
        return Err(OutOfRange { field: "faults", reason: cannot(scenario, *unable, able) });
    }
    Ok(())
}

fn cannot(scenario: &Scenario, fault: FaultKind, able: &[FaultKind]) -> String {
    let able: Vec<_> = able.iter().map(|fault| fault.name()).collect();
    format!(
        "the environment {} cannot do {fault}; it can do {}. {fault} can be done with --environment process, which needs redis-server",
        scenario.environment,
        able.join(", ")
    )
}

fn within<T: PartialOrd + fmt::Display>(
    field: &'static str,
    value: T,
    least: T,
    most: T,
) -> Result<(), OutOfRange> {
    if value < least || value > most {
        let reason = format!("{value} is out of range; allowed: {least} to {most}");
        return Err(OutOfRange { field, reason });
    }
    Ok(())
}

pub(super) fn check_schedule(scenario: &Scenario, able: &[FaultKind]) -> Result<(), OutOfRange> {
    let end = scenario.time.as_millis() - scenario.quiet.as_millis();
    let mut acceptors = Acceptors::of(scenario.nodes);
    let mut free = 0;
    for (number, planned) in scenario.schedule.iter().enumerate() {
        let objection = timing(planned, free, end)
            .or_else(|| {
                (!able.contains(&planned.fault)).then(|| cannot(scenario, planned.fault, able))
            })
            .or_else(|| whom(planned, scenario.nodes, &acceptors))
            .or_else(|| parameters(planned));
        if let Some(reason) = objection {
            let reason = format!("entry {}: {reason}", number + 1);
            return Err(OutOfRange { field: "schedule", reason });
        }
        free = planned.at.as_millis() + planned.lasts.as_millis();
        planned.membership.iter().for_each(|change| acceptors.apply(change));
    }
    Ok(())
}

/// Where the membership changes, there must be keys that nobody touches meanwhile.
pub(super) fn check_cold(scenario: &Scenario) -> Result<(), OutOfRange> {
    let changes = scenario.schedule.iter().any(|planned| planned.membership.is_some());
    within("cold", scenario.cold, u32::from(changes), 1000)
}

fn timing(planned: &PlannedFault, free: u64, end: u64) -> Option<String> {
    let ends = planned.at.as_millis().saturating_add(planned.lasts.as_millis());
    if ends > end {
        let (ends, end) = (Span::millis(ends), Span::millis(end));
        return Some(format!("ends at {ends}, after the faults' time of {end}"));
    }
    let early = planned.at.as_millis() < free;
    early.then(|| format!("begins at {}, before the one before it has ended", planned.at))
}

/// Whether it strikes, or moves, somebody who is there at that time.
fn whom(planned: &PlannedFault, nodes: u32, acceptors: &Acceptors) -> Option<String> {
    let links_known = planned
        .links
        .iter()
        .all(|link| (1..=nodes).contains(&link.proposer) && acceptors.has(link.acceptor));
    if !links_known || planned.node.is_some_and(|node| !acceptors.has(node)) {
        return Some(format!("names a node that is not there; allowed: 1 to {nodes}"));
    }
    let kind = planned.fault;
    if kind.is_of_links() == planned.links.is_empty()
        || kind.is_of_acceptor() != planned.node.is_some()
        || (kind == FaultKind::Membership) != planned.membership.is_some()
    {
        return Some(String::from(
            "a fault of links needs `links`, one of an acceptor `node`, membership `membership`, and none takes another's",
        ));
    }
    planned.membership.as_ref().and_then(|change| acceptors.objection(change))
}

fn parameters(planned: &PlannedFault) -> Option<String> {
    let lacks = [
        (FaultKind::OneWay, planned.direction.is_none(), "direction"),
        (FaultKind::Latency, planned.latency.is_none(), "latency"),
        (FaultKind::Loss, planned.probability.is_none(), "probability"),
    ];
    let lacks = lacks.iter().find(|(fault, lacking, _)| *fault == planned.fault && *lacking);
    if let Some((_, _, field)) = lacks {
        return Some(format!("{} needs the field `{field}`", planned.fault));
    }
    let delays = Span::millis(1)..=Span::seconds(10);
    if planned.latency.is_some_and(|latency| !delays.contains(&latency)) {
        return Some(String::from("latency is out of range; allowed: 1ms to 10s"));
    }
    if planned.jitter.is_some_and(|jitter| planned.latency.is_none_or(|l| jitter >= l)) {
        return Some(String::from("jitter is out of range; it must be less than the latency"));
    }
    let unlikely = planned.probability.is_some_and(|p| !(p > 0.0 && p <= 1.0));
    unlikely.then(|| String::from("probability is out of range; allowed: above 0 and up to 1"))
}
