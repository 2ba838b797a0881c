//! When which fault strikes whom: drawn from a seed, saved, and played again.

use crate::change::Acceptors;
use crate::{FaultKind, Link, OneWay, PlannedChange, Span};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;
use serde::{Deserialize, Serialize};

/// One fault of a schedule, concrete to the last parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// When it begins, from the start of the load.
    pub at: Span,
    /// How long it lasts.
    pub lasts: Span,
    /// What it is.
    pub fault: FaultKind,
    /// Whom it strikes, in words.
    pub whom: String,
    /// The links that it strikes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// The acceptor that it strikes: that of the node of this number, if it did not join later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<u32>,
    /// Which way it stalls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<OneWay>,
    /// By how much it delays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Span>,
    /// By how much a delay varies, up and down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Span>,
    /// How likely one message is to be lost, above 0 and up to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Which acceptors join and leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub membership: Option<PlannedChange>,
}

impl PlannedFault {
    /// A fault of this kind that strikes nobody yet.
    #[must_use]
    pub const fn of(fault: FaultKind, (at, lasts): (Span, Span)) -> Self {
        Self {
            at,
            lasts,
            fault,
            whom: String::new(),
            links: Vec::new(),
            node: None,
            direction: None,
            latency: None,
            jitter: None,
            probability: None,
            membership: None,
        }
    }

    /// What it does to whom, in words.
    #[must_use]
    pub fn what(&self) -> String {
        let whom = &self.whom;
        match self.fault {
            FaultKind::Cut => format!("cuts {whom}"),
            FaultKind::Blackhole => format!("stalls {whom}, both ways"),
            FaultKind::OneWay => {
                let direction = self.direction.unwrap_or(OneWay::Requests);
                format!("stalls {whom}, {direction} only")
            }
            FaultKind::Latency => {
                let (latency, jitter) =
                    (self.latency.unwrap_or_default(), self.jitter.unwrap_or_default());
                format!("delays {whom} by {latency} ± {jitter}")
            }
            FaultKind::Loss => {
                format!(
                    "loses {:.0} % of messages on {whom}",
                    self.probability.unwrap_or(0.0) * 100.0
                )
            }
            FaultKind::Bandwidth => format!("narrows {whom}"),
            FaultKind::Slicing => format!("slices what passes {whom}"),
            FaultKind::Drop => format!("drops messages on {whom}"),
            FaultKind::Reset => format!("resets connections on {whom}"),
            FaultKind::Limit => format!("limits connections on {whom}"),
            FaultKind::Restart | FaultKind::ProposerRestart => format!("restarts {whom}"),
            FaultKind::Kill | FaultKind::ProposerKill => format!("kills {whom}"),
            FaultKind::Pause | FaultKind::ProposerPause => format!("pauses {whom}"),
            FaultKind::Wipe => format!("wipes {whom}"),
            FaultKind::TailLost => format!("kills {whom} and cuts its log to what was synced"),
            FaultKind::Disconnect => format!("ends the connections of {whom}"),
            FaultKind::Stall => format!("stalls {whom}"),
            FaultKind::MemoryFull => format!("fills the memory of {whom}"),
            FaultKind::DiskFull => format!("fills the disk of {whom}"),
            FaultKind::Membership => {
                self.membership.as_ref().map_or_else(String::new, PlannedChange::what)
            }
        }
    }
}

/// Draws a schedule: one fault at a time, beginning one `interval` apart, from `from` until
/// `until`. Every kind has its turn before any comes again.
#[must_use]
pub fn plan(
    kinds: &[FaultKind],
    nodes: u32,
    from: Span,
    until: Span,
    interval: Span,
    seed: u64,
) -> Vec<PlannedFault> {
    let mut random = Pcg32::seed_from_u64(seed);
    let mut acceptors = Acceptors::of(nodes);
    let mut turns: Vec<FaultKind> = Vec::new();
    let mut planned = Vec::new();
    let mut at = from.as_millis();
    while !kinds.is_empty() && at + interval.as_millis() <= until.as_millis() {
        if turns.is_empty() {
            turns = kinds.to_vec();
            turns.shuffle(&mut random);
        }
        let lasts = random.random_range(interval.as_millis() / 2..=interval.as_millis() * 3 / 4);
        if let Some(kind) = turns.pop() {
            let when = (Span::millis(at), Span::millis(lasts));
            planned.push(draw(kind, when, &mut acceptors, &mut random));
        }
        at += interval.as_millis();
    }
    planned
}

fn draw(
    kind: FaultKind,
    (at, lasts): (Span, Span),
    acceptors: &mut Acceptors,
    random: &mut Pcg32,
) -> PlannedFault {
    let mut planned = PlannedFault::of(kind, (at, lasts));
    if kind == FaultKind::Membership {
        let change = acceptors.change(random);
        let moved = [change.joins, change.leaves].into_iter().flatten();
        let mut moved: Vec<_> = moved.map(|acceptor| format!("a{acceptor}")).collect();
        moved.dedup();
        planned.whom = moved.join(" ");
        planned.membership = Some(change);
        return planned;
    }
    if !kind.is_of_links() {
        let acceptor = acceptors.draw(random);
        planned.node = Some(acceptor);
        planned.whom = format!("a{acceptor}");
        return planned;
    }
    let everywhere =
        matches!(kind, FaultKind::Latency | FaultKind::Loss) && random.random_bool(0.7);
    let shape = acceptors.shape(everywhere, random);
    (planned.whom, planned.links) = (shape.words, shape.links);
    match kind {
        FaultKind::OneWay => {
            let either = [OneWay::Requests, OneWay::Replies];
            planned.direction = Some(either[random.random_range(0..2)]);
        }
        FaultKind::Latency => {
            let latency = random.random_range(20..=120);
            planned.latency = Some(Span::millis(latency));
            planned.jitter = Some(Span::millis(random.random_range(0..=latency / 2)));
        }
        FaultKind::Loss => {
            planned.probability = Some(f64::from(random.random_range(3_u32..=15)) / 100.0);
        }
        _ => {}
    }
    planned
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KINDS: &[FaultKind] = &[
        FaultKind::Cut,
        FaultKind::Blackhole,
        FaultKind::OneWay,
        FaultKind::Latency,
        FaultKind::Loss,
        FaultKind::Restart,
        FaultKind::Kill,
        FaultKind::Pause,
        FaultKind::Membership,
    ];

    fn planned(seed: u64) -> Vec<PlannedFault> {
        let (from, until) = (Span::seconds(2), Span::seconds(32));
        plan(KINDS, 3, from, until, Span::seconds(3), seed)
    }

    #[test]
    fn a_schedule_in_words() {
        let lines = planned(1).into_iter().map(|fault| {
            format!("{} +{} {}: {}", fault.at, fault.lasts, fault.fault, fault.what())
        });
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
    }

    proptest! {
        #[test]
        fn a_seed_says_it_all_and_faults_keep_their_place(seed: u64) {
            let schedule = planned(seed);
            prop_assert_eq!(&schedule, &planned(seed));
            prop_assert_eq!(schedule.len(), 10);
            for pair in schedule.windows(2) {
                prop_assert!(pair[0].at.as_millis() + pair[0].lasts.as_millis() < pair[1].at.as_millis());
            }
            let last = &schedule[9];
            prop_assert!(last.at.as_millis() + last.lasts.as_millis() <= 32_000);
            for kind in KINDS {
                prop_assert!(schedule[..9].iter().any(|fault| fault.fault == *kind));
            }
            for fault in &schedule {
                prop_assert_eq!(fault.links.is_empty(), !fault.fault.is_of_links());
            }
        }
    }
}
