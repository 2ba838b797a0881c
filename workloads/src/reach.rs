//! What a fault lays hold of while it lasts. Faults at the same time must not meet: a probe must know
//! whose effect it sees.

use crate::{Befalls, FaultKind, Link, PlannedFault, Target};
use std::collections::BTreeSet;

impl FaultKind {
    /// Whether an acceptor forgets what it knew, or may have.
    #[must_use]
    pub const fn loses_memory(self) -> bool {
        matches!(self, Self::Wipe | Self::TailLost)
    }

    /// Whether keys that nobody touches meanwhile must be there to show that nothing got lost: the
    /// acceptors change, or one comes back without what it knew.
    #[must_use]
    pub const fn needs_cold_keys(self) -> bool {
        matches!(self, Self::Membership | Self::Wipe)
    }

    /// Whether what it strikes still serves, only later or not every time.
    const fn lets_some_through(self) -> bool {
        matches!(self, Self::Latency | Self::Loss | Self::Membership)
    }
}

/// So many of `acceptors` can be gone, and a majority is left.
#[must_use]
pub const fn minority(acceptors: usize) -> usize {
    acceptors.saturating_sub(1) / 2
}

impl PlannedFault {
    /// Whether it tolerates no other fault beside it: changes of membership need all that is left of
    /// the cluster, acceptors without memory come back by such changes, and nobody knows beforehand
    /// who is the busiest.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.fault == FaultKind::Membership
            || self.fault.loses_memory()
            || self.target == Some(Target::Busiest)
    }

    /// Whether the two strike a link in common. A fault of an acceptor strikes all links to it, one of
    /// a proposer all links from it.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let one_sided = |one: &Self, other: &Self| {
            one.links.iter().any(|link| other.strikes(*link))
                || one.nodes.iter().any(|node| other.nodes.contains(node))
                || one.proposers.iter().any(|proposer| other.proposers.contains(proposer))
                || (!one.nodes.is_empty() && !other.proposers.is_empty())
        };
        self.is_alone() || other.is_alone() || one_sided(self, other) || one_sided(other, self)
    }

    /// Whether it strikes a link, or one of its ends.
    #[must_use]
    pub fn strikes(&self, link: Link) -> bool {
        self.links.contains(&link)
            || self.nodes.contains(&link.acceptor)
            || self.proposers.contains(&link.proposer)
    }

    /// How long it goes on: up to this time, in milliseconds.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.at.as_millis().saturating_add(self.lasts.as_millis())
    }
}

/// Whether this proposer keeps a quorum under all these faults together, so that calls of its clients
/// can succeed. In doubt it is denied: where the membership has grown, more could be lost than is
/// allowed for here, and which proposer is the busiest is not known beforehand.
#[must_use]
pub fn keeps_a_quorum(faults: &[&PlannedFault], proposer: u32, acceptors: u32) -> bool {
    let spared = minority(acceptors as usize);
    let stopping = || faults.iter().filter(|planned| !planned.fault.lets_some_through());
    if let Some(planned) = stopping().find(|planned| planned.target == Some(Target::Busiest)) {
        return planned.fault.befalls() != Befalls::Proposer && spared > 0;
    }
    if stopping().any(|planned| planned.proposers.contains(&proposer)) {
        return false;
    }
    let lost: BTreeSet<u32> = stopping()
        .flat_map(|planned| {
            let of_links = planned.links.iter().filter(|link| link.proposer == proposer);
            of_links.map(|link| link.acceptor).chain(planned.nodes.iter().copied())
        })
        .collect();
    lost.len() <= spared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Shape, Span};

    fn fault(kind: FaultKind) -> PlannedFault {
        PlannedFault::of(kind, (Span::seconds(1), Span::seconds(1)))
    }

    fn cut(links: Vec<Link>) -> PlannedFault {
        PlannedFault { links, ..fault(FaultKind::Cut) }
    }

    fn kill(nodes: &[u32]) -> PlannedFault {
        PlannedFault { nodes: nodes.to_vec(), ..fault(FaultKind::Kill) }
    }

    #[test]
    fn faults_meet_where_they_strike_a_link_in_common() {
        let proposer = PlannedFault { proposers: vec![1], ..fault(FaultKind::ProposerKill) };
        let link = |proposer, acceptor| cut(vec![Link { proposer, acceptor }]);
        assert!(link(1, 2).meets(&kill(&[2])) && kill(&[2]).meets(&link(1, 2)));
        assert!(link(1, 2).meets(&proposer) && !link(2, 1).meets(&proposer));
        assert!(!link(1, 2).meets(&link(2, 1)) && !link(1, 2).meets(&kill(&[1, 3])));
        assert!(proposer.meets(&kill(&[3])), "every proposer has a link to every acceptor");
        assert!(fault(FaultKind::Membership).meets(&link(1, 2)));
        let busiest = PlannedFault { target: Some(Target::Busiest), ..fault(FaultKind::Kill) };
        assert!(link(1, 2).meets(&busiest));
    }

    #[test]
    fn a_quorum_is_left_while_one_proposer_sees_a_majority() {
        let leaves_of = |faults: &[&PlannedFault], nodes| {
            (1..=nodes).any(|proposer| keeps_a_quorum(faults, proposer, nodes))
        };
        let leaves = |faults: &[&PlannedFault]| leaves_of(faults, 3);
        assert!(leaves(&[&cut(Shape::isolate(3, 2).links)]));
        assert!(leaves(&[&cut(Shape::ring(3).links)]));
        assert!(!leaves(&[&cut(Shape::all(3).links)]));
        assert!(leaves(&[&kill(&[1])]) && !leaves(&[&kill(&[1, 3])]));
        assert!(!leaves(&[&kill(&[1]), &cut(Shape::isolate(3, 2).links)]));
        let slow = PlannedFault { links: Shape::all(3).links, ..fault(FaultKind::Latency) };
        assert!(leaves(&[&slow]));
        let stopped = PlannedFault { proposers: vec![1, 2, 3], ..fault(FaultKind::ProposerPause) };
        assert!(!leaves(&[&stopped]));
        let busiest = PlannedFault { target: Some(Target::Busiest), ..fault(FaultKind::Kill) };
        assert!(leaves(&[&busiest]) && !leaves_of(&[&busiest], 2));
    }

    #[test]
    fn each_proposer_keeps_a_quorum_or_not() {
        let keep = |faults: &[&PlannedFault]| [1, 2, 3].map(|n| keeps_a_quorum(faults, n, 3));
        assert_eq!(keep(&[]), [true; 3]);
        assert_eq!(keep(&[&kill(&[3])]), [true; 3]);
        assert_eq!(keep(&[&kill(&[1, 3])]), [false; 3]);
        let links = |acceptors: &[u32]| {
            acceptors.iter().map(|&acceptor| Link { proposer: 2, acceptor }).collect::<Vec<_>>()
        };
        assert_eq!(keep(&[&cut(links(&[1]))]), [true; 3]);
        assert_eq!(keep(&[&cut(links(&[1, 2]))]), [true, false, true]);
        assert_eq!(keep(&[&cut(links(&[1])), &kill(&[2])]), [true, false, true]);
        let slow = PlannedFault { links: Shape::all(3).links, ..fault(FaultKind::Latency) };
        assert_eq!(keep(&[&slow]), [true; 3]);
        let killed = PlannedFault { proposers: vec![1], ..fault(FaultKind::ProposerKill) };
        assert_eq!(keep(&[&killed]), [false, true, true]);
        let busiest = PlannedFault { target: Some(Target::Busiest), ..fault(FaultKind::Kill) };
        assert_eq!(keep(&[&busiest]), [true; 3]);
        let busiest = PlannedFault { fault: FaultKind::ProposerKill, ..busiest };
        assert_eq!(keep(&[&busiest]), [false; 3], "any of them may be the busiest");
    }
}
