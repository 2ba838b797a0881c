//! What a whole scenario must keep to.

use crate::{Befalls, EnvironmentKind, FaultKind, Fsync, Proposers, Scenario, Span, minority};
use std::fmt;

/// A field whose value is out of range.
pub(super) struct OutOfRange {
    pub(super) field: &'static str,
    pub(super) reason: String,
}

pub(super) fn check(scenario: &Scenario, able: &[FaultKind]) -> Result<(), OutOfRange> {
    let (hour, day) = (Span::seconds(3600), Span::seconds(24 * 3600));
    within("nodes", scenario.nodes, 1, 9)?;
    external(scenario)?;
    within("time", scenario.time, Span::seconds(1), day)?;
    within("concurrency", scenario.concurrency, scenario.nodes, 500)?;
    within("keys", scenario.keys, 1, 10_000)?;
    if scenario.collect != Span::default() {
        within("collect", scenario.collect, Span::millis(100), hour)?;
    }
    within("deadline", scenario.deadline, Span::millis(10), Span::seconds(60))?;
    within("fault-interval", scenario.fault_interval, Span::millis(500), hour)?;
    within("overlap", scenario.overlap, 1, 4)?;
    if scenario.targets.is_empty() {
        let reason = String::from("must name at least one");
        return Err(OutOfRange { field: "targets", reason });
    }
    within("quiet", scenario.quiet, Span::millis(100), scenario.time)?;
    within("seed", scenario.seed, 0, i64::MAX.unsigned_abs())?;
    if scenario.rate != 0.0 && !(0.001..=1e6).contains(&scenario.rate) {
        let reason = format!("{} is out of range; allowed: 0.001 to 1000000, and 0", scenario.rate);
        return Err(OutOfRange { field: "rate", reason });
    }
    let objection = scenario.faults.iter().find_map(|kind| objection(scenario, *kind, able));
    objection.map_or(Ok(()), |reason| Err(OutOfRange { field: "faults", reason }))
}

/// Why a kind of fault cannot be in this scenario, if it cannot.
pub(super) fn objection(
    scenario: &Scenario,
    kind: FaultKind,
    able: &[FaultKind],
) -> Option<String> {
    if !able.contains(&kind) {
        return Some(cannot(scenario, kind, able));
    }
    if kind == FaultKind::Membership && !can_move(scenario.environment, scenario.proposers) {
        let proposers = scenario.proposers;
        return Some(format!(
            "membership cannot be changed with proposers in a {proposers} of their own here: they must know the links to acceptors that join later beforehand, which only --environment docker has; or use --proposers inside"
        ));
    }
    if kind == FaultKind::TailLost && scenario.fsync == Fsync::Always {
        return Some(String::from(
            "tail-lost has nothing to lose with fsync always, where every answer waits for its sync; use kill, or --fsync everysec",
        ));
    }
    if kind.loses_memory() && minority(scenario.nodes as usize) == 0 {
        let nodes = scenario.nodes;
        return Some(format!(
            "{kind} needs at least 3 nodes: what one of {nodes} has forgotten is lost by right"
        ));
    }
    None
}

/// Whether acceptors can join: services must know the way to them from the start.
pub(super) fn can_move(environment: EnvironmentKind, proposers: Proposers) -> bool {
    proposers == Proposers::Inside || environment == EnvironmentKind::Docker
}

pub(super) fn cannot(scenario: &Scenario, fault: FaultKind, able: &[FaultKind]) -> String {
    let able: Vec<_> = able.iter().map(|fault| fault.name()).collect();
    let elsewhere = if fault.befalls() == Befalls::Proposer {
        "with proposers of their own: --proposers process or container"
    } else {
        "with --environment process, which needs redis-server"
    };
    format!(
        "the environment {} cannot do {fault}; it can do {}. {fault} can be done {elsewhere}",
        scenario.environment,
        able.join(", ")
    )
}

/// What only an external cluster has, and what it must have.
fn external(scenario: &Scenario) -> Result<(), OutOfRange> {
    within("acceptors", scenario.acceptors(), 1, 9)?;
    let is_external = scenario.environment == EnvironmentKind::External;
    let services = scenario.services.len();
    let wrong = |field, reason: &str| Err(OutOfRange { field, reason: reason.to_owned() });
    match (is_external, services) {
        (true, 0) => wrong(
            "services",
            "environment external needs the addresses of its services, such as http://127.0.0.1:7481",
        ),
        (true, _) if services != scenario.nodes as usize => wrong(
            "nodes",
            &format!("each service is a node, and there are {services}; leave nodes out"),
        ),
        (false, 1..) => {
            wrong("services", "only environment external has services that are there already")
        }
        (false, _) if scenario.acceptors.is_some() => {
            wrong("acceptors", "there are as many as nodes, but for environment external")
        }
        (_, _) => Ok(()),
    }
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

/// Where the membership changes, or memory is lost, there must be keys that nobody touches meanwhile.
pub(super) fn check_cold(scenario: &Scenario) -> Result<(), OutOfRange> {
    let changes = scenario.schedule.iter().any(|planned| planned.fault.needs_cold_keys());
    within("cold", scenario.cold, u32::from(changes), 10_000)
}
