//! Draws schedules from a seed.

use crate::change::Acceptors;
use crate::{
    Befalls, FaultKind, Link, OneWay, PlannedFault, Scenario, Shape, Span, Target, minority,
};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

/// How many shapes are drawn before one is trimmed to the links that are free.
const TRIES: u32 = 8;

/// What a schedule is drawn within.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame<'a> {
    /// The kinds of faults. Every kind has its turn before any comes again.
    pub kinds: &'a [FaultKind],
    /// Nodes, from 1: each has a proposer.
    pub nodes: u32,
    /// Acceptors at first, from 1: as many, where each node has one.
    pub acceptors: u32,
    /// When the first one begins.
    pub from: Span,
    /// When the last one has ended.
    pub until: Span,
    /// From the beginning of one to that of the next.
    pub interval: Span,
    /// How many there may be at the same time, from 1.
    pub overlap: u32,
    /// How many a fault of acceptors or proposers strikes, one of these each time; one when empty.
    pub targets: &'a [Target],
}

impl<'a> Frame<'a> {
    /// One fault at a time, of one acceptor or proposer.
    #[must_use]
    pub const fn simple(
        kinds: &'a [FaultKind],
        nodes: u32,
        (from, until): (Span, Span),
        interval: Span,
    ) -> Self {
        let acceptors = nodes;
        Self { kinds, nodes, acceptors, from, until, interval, overlap: 1, targets: &[] }
    }

    /// The frame that a scenario draws its schedule within.
    #[must_use]
    pub fn of(scenario: &'a Scenario) -> Self {
        Self {
            kinds: &scenario.faults,
            nodes: scenario.nodes,
            acceptors: scenario.acceptors(),
            from: Scenario::steady(scenario.time),
            until: Span::millis(scenario.time.as_millis() - scenario.quiet.as_millis()),
            interval: scenario.fault_interval,
            overlap: scenario.overlap,
            targets: &scenario.targets,
        }
    }

    /// Draws a schedule. A kind whose turn it is, but which finds nothing free to strike, waits until
    /// earlier faults have ended; no other takes its turn. Memory is never lost by more than a
    /// minority: what a majority has forgotten is lost by right.
    #[must_use]
    pub fn plan(&self, seed: u64) -> Vec<PlannedFault> {
        let mut draw = Draw {
            frame: self,
            random: Pcg32::seed_from_u64(seed),
            acceptors: Acceptors::beside(self.nodes, self.acceptors),
            wiped: Vec::new(),
        };
        let spared = minority(self.acceptors as usize) > 0;
        let kinds: Vec<FaultKind> =
            self.kinds.iter().copied().filter(|kind| spared || !kind.loses_memory()).collect();
        let (mut turns, mut planned) = (Vec::new(), Vec::<PlannedFault>::new());
        let (mut at, interval) = (self.from.as_millis(), self.interval.as_millis().max(1));
        while !kinds.is_empty() && at + interval <= self.until.as_millis() {
            if turns.is_empty() {
                turns.clone_from(&kinds);
                turns.shuffle(&mut draw.random);
            }
            let active: Vec<&PlannedFault> =
                planned.iter().filter(|earlier| earlier.end() > at).collect();
            let drawn = turns.last().and_then(|kind| draw.one(*kind, Span::millis(at), &active));
            if let Some(drawn) = drawn {
                turns.pop();
                planned.push(drawn);
            }
            at += interval;
        }
        planned
    }
}

/// A schedule being drawn.
struct Draw<'a> {
    frame: &'a Frame<'a>,
    random: Pcg32,
    /// Those that there are at the time.
    acceptors: Acceptors,
    /// Those that were wiped, the latest last.
    wiped: Vec<u32>,
}

impl Draw<'_> {
    /// A fault that meets none of those which are active; `None` when nothing is free.
    fn one(&mut self, kind: FaultKind, at: Span, active: &[&PlannedFault]) -> Option<PlannedFault> {
        let planned = PlannedFault::of(kind, (at, Span::default()));
        let mut planned = match kind.befalls() {
            Befalls::Cluster if active.is_empty() => self.of_cluster(planned),
            Befalls::Cluster => return None,
            Befalls::Links => self.of_links(planned, active)?,
            Befalls::Acceptor | Befalls::Proposer => self.of_servers(planned, active)?,
        };
        if active.iter().any(|earlier| earlier.meets(&planned)) {
            return None;
        }
        planned.lasts = self.lasts(&planned);
        Some(planned)
    }

    /// From half an interval on, and so short that never more than `overlap` are active.
    fn lasts(&mut self, planned: &PlannedFault) -> Span {
        let interval = self.frame.interval.as_millis();
        let alone = planned.is_alone();
        let spans = if alone { 1 } else { u64::from(self.frame.overlap.max(1)) };
        let most = interval * spans - interval / 4;
        let left = self.frame.until.as_millis() - planned.at.as_millis();
        Span::millis(self.random.random_range(interval / 2..=most).min(left))
    }

    fn of_cluster(&mut self, mut planned: PlannedFault) -> PlannedFault {
        let change = self.acceptors.change(&mut self.random);
        let moved = [change.joins, change.leaves].into_iter().flatten();
        let mut moved: Vec<_> = moved.map(|acceptor| format!("a{acceptor}")).collect();
        moved.dedup();
        planned.whom = moved.join(" ");
        planned.membership = Some(change);
        planned
    }

    fn of_links(
        &mut self,
        mut planned: PlannedFault,
        active: &[&PlannedFault],
    ) -> Option<PlannedFault> {
        let shape = self.shape(planned.fault, active)?;
        (planned.whom, planned.links) = (shape.words, shape.links);
        self.parameters(&mut planned);
        Some(planned)
    }

    /// Links that are free, in a shape if there is one that is.
    fn shape(&mut self, kind: FaultKind, active: &[&PlannedFault]) -> Option<Shape> {
        let is_free = |link: &Link| !active.iter().any(|earlier| earlier.strikes(*link));
        let mild = matches!(kind, FaultKind::Latency | FaultKind::Loss);
        let everywhere = mild && self.random.random_bool(0.7);
        let mut trimmed = Vec::new();
        for _ in 0..TRIES {
            let shape = self.acceptors.shape(everywhere, &mut self.random);
            if shape.links.iter().all(is_free) {
                return Some(shape);
            }
            trimmed = shape.links;
            trimmed.retain(is_free);
        }
        if trimmed.is_empty() {
            trimmed = self.acceptors.every_link();
            trimmed.retain(is_free);
            trimmed.shuffle(&mut self.random);
            trimmed.truncate(1);
        }
        (!trimmed.is_empty()).then(|| Shape::of(trimmed))
    }

    /// Parameters that a run survives, and which a probe can tell from nothing.
    fn parameters(&mut self, planned: &mut PlannedFault) {
        let random = &mut self.random;
        match planned.fault {
            FaultKind::OneWay => {
                let either = [OneWay::Requests, OneWay::Replies];
                planned.direction = Some(either[random.random_range(0..2)]);
            }
            FaultKind::Latency => {
                let latency = random.random_range(20..=120);
                planned.latency = Some(Span::millis(latency));
                planned.jitter = Some(Span::millis(random.random_range(0..=latency / 2)));
            }
            FaultKind::Loss | FaultKind::Drop => {
                planned.probability = Some(f64::from(random.random_range(3_u32..=15)) / 100.0);
            }
            FaultKind::Bandwidth => planned.rate = Some(random.random_range(10..=100)),
            FaultKind::Slicing => {
                planned.size = Some(random.random_range(32..=128));
                planned.pause = Some(Span::millis(random.random_range(1..=5)));
            }
            FaultKind::Reset => planned.life = Some(Span::millis(random.random_range(10..=150))),
            FaultKind::Limit => planned.bytes = Some(random.random_range(1_000..=20_000)),
            FaultKind::Cut
            | FaultKind::Blackhole
            | FaultKind::Restart
            | FaultKind::Kill
            | FaultKind::Pause
            | FaultKind::Wipe
            | FaultKind::TailLost
            | FaultKind::Disconnect
            | FaultKind::Stall
            | FaultKind::MemoryFull
            | FaultKind::DiskFull
            | FaultKind::ProposerRestart
            | FaultKind::ProposerKill
            | FaultKind::ProposerPause
            | FaultKind::Membership => {}
        }
    }

    /// As many acceptors, or proposers, as a target says; `None` when so many are not free.
    fn of_servers(
        &mut self,
        mut planned: PlannedFault,
        active: &[&PlannedFault],
    ) -> Option<PlannedFault> {
        let of_acceptors = planned.fault.is_of_acceptor();
        let all: Vec<u32> = if of_acceptors {
            self.acceptors.numbers().collect()
        } else {
            (1..=self.frame.nodes).collect()
        };
        let targets =
            if self.frame.targets.is_empty() { &[Target::One] } else { self.frame.targets };
        let target = targets[self.random.random_range(0..targets.len())];
        let (sort, mark) = if of_acceptors { ("acceptor", 'a') } else { ("proposer", 'p') };
        if target == Target::Busiest {
            planned.target = Some(target);
            planned.whom = format!("the busiest {sort}");
            return Some(planned);
        }
        let mut most = all.len();
        if planned.fault.loses_memory() {
            most = minority(most);
        }
        let struck = |number: u32| {
            let mut alone = planned.clone();
            let whom = if of_acceptors { &mut alone.nodes } else { &mut alone.proposers };
            whom.push(number);
            alone
        };
        let is_free = |number: &u32| {
            let alone = struck(*number);
            !active.iter().any(|earlier| earlier.meets(&alone))
        };
        let mut free: Vec<u32> = all.iter().copied().filter(is_free).collect();
        let size = target.size(all.len()).min(most);
        if free.len() < size {
            return None;
        }
        free.shuffle(&mut self.random);
        if planned.fault == FaultKind::Wipe {
            // Each in its turn: that one has forgotten shows only when the others have, too.
            free.sort_by_key(|number| self.wiped.iter().rposition(|wiped| wiped == number));
        }
        free.truncate(size);
        if planned.fault == FaultKind::Wipe {
            self.wiped.extend(&free);
        }
        free.sort_unstable();
        let names: Vec<_> = free.iter().map(|number| format!("{mark}{number}")).collect();
        planned.whom = names.join(" ");
        *(if of_acceptors { &mut planned.nodes } else { &mut planned.proposers }) = free;
        Some(planned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EARLIER: &[FaultKind] = &[
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

    fn words(schedule: &[PlannedFault]) -> String {
        let lines = schedule.iter().map(|fault| {
            format!("{} +{} {}: {}", fault.at, fault.lasts, fault.fault, fault.what())
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_schedule_in_words() {
        let times = (Span::seconds(2), Span::seconds(32));
        let schedule = Frame::simple(EARLIER, 3, times, Span::seconds(3)).plan(1);
        insta::assert_snapshot!(words(&schedule));
    }

    #[test]
    fn a_schedule_of_everything_with_overlap_in_words() {
        let schedule = Frame {
            kinds: FaultKind::ALL,
            nodes: 5,
            acceptors: 5,
            from: Span::seconds(2),
            until: Span::seconds(122),
            interval: Span::seconds(3),
            overlap: 2,
            targets: Target::ALL,
        };
        insta::assert_snapshot!(words(&schedule.plan(1)));
    }

    #[test]
    fn links_are_struck_only_from_proposers_that_there_are_and_to_every_acceptor() {
        let kinds = [FaultKind::Cut, FaultKind::Latency];
        let times = (Span::seconds(2), Span::seconds(402));
        for (nodes, acceptors) in [(2, 5), (3, 1), (1, 3)] {
            let frame =
                Frame { acceptors, ..Frame::simple(&kinds, nodes, times, Span::seconds(2)) };
            let schedule = frame.plan(1);
            assert_eq!(schedule.len(), 200);
            let mut struck: Vec<Link> = schedule.iter().flat_map(|one| one.links.clone()).collect();
            struck.sort_unstable();
            struck.dedup();
            assert_eq!(struck, Acceptors::beside(nodes, acceptors).every_link());
            assert!(schedule.iter().all(|one| !one.links.is_empty()));
        }
    }

    /// Any frame with room for every kind to have its turn, whatever must wait for another.
    fn frames() -> impl Strategy<Value = (u32, u32, Vec<Target>, u64)> {
        let targets = proptest::sample::subsequence(Target::ALL.to_vec(), 1..=5);
        (1_u32..=6, 1_u32..=4, targets, any::<u64>())
    }

    proptest! {
        #[test]
        fn a_seed_says_it_all_and_faults_keep_their_place((nodes, overlap, targets, seed) in frames()) {
            let (from, until) = (Span::seconds(2), Span::seconds(402));
            let interval = Span::seconds(2);
            let frame = Frame { kinds: FaultKind::ALL, nodes, acceptors: nodes, from, until, interval, overlap, targets: &targets };
            let schedule = frame.plan(seed);
            prop_assert_eq!(&schedule, &frame.plan(seed));
            for (number, fault) in schedule.iter().enumerate() {
                prop_assert!(fault.at >= from && fault.end() <= until.as_millis());
                prop_assert!(fault.lasts.as_millis() >= 1000, "{fault:?}");
                let at = fault.at.as_millis();
                let beside: Vec<_> =
                    schedule[..number].iter().filter(|earlier| earlier.end() > at).collect();
                prop_assert!(beside.len() < overlap as usize);
                prop_assert!(!beside.iter().any(|earlier| earlier.meets(fault)));
                let struck = [fault.links.len(), fault.nodes.len(), fault.proposers.len()];
                let struck = struck.iter().filter(|&&struck| struck > 0).count();
                let named = usize::from(fault.membership.is_some() || fault.target.is_some());
                prop_assert_eq!(struck + named, 1, "{:?}", fault);
            }
        }

        #[test]
        fn every_kind_has_its_turn_before_any_comes_again((nodes, overlap, targets, seed) in frames()) {
            let (from, until) = (Span::seconds(2), Span::seconds(402));
            let interval = Span::seconds(2);
            let frame = Frame { kinds: FaultKind::ALL, nodes, acceptors: nodes, from, until, interval, overlap, targets: &targets };
            let drawn: Vec<_> = frame.plan(seed).iter().map(|fault| fault.fault).collect();
            // Without a minority to spare nobody forgets.
            let kinds = FaultKind::ALL.len() - if nodes < 3 { 2 } else { 0 };
            for round in drawn.chunks(kinds) {
                let mut different = round.to_vec();
                different.sort_unstable();
                different.dedup();
                prop_assert_eq!(different.len(), round.len());
            }
            prop_assert!(drawn.len() >= kinds, "{} of {kinds}", drawn.len());
        }

        #[test]
        fn acceptors_are_wiped_in_turn((nodes, _, _, seed) in frames()) {
            let times = (Span::seconds(2), Span::seconds(42));
            let kinds = [FaultKind::Wipe];
            let wiped: Vec<u32> = Frame::simple(&kinds, nodes, times, Span::seconds(2))
                .plan(seed)
                .iter()
                .flat_map(|fault| fault.nodes.clone())
                .collect();
            for round in wiped.chunks(nodes as usize) {
                let mut different = round.to_vec();
                different.sort_unstable();
                different.dedup();
                prop_assert_eq!(different.len(), round.len(), "{:?}", wiped);
            }
        }

        #[test]
        fn targets_have_their_sizes_and_memory_is_lost_by_a_minority((nodes, _, _, seed) in frames()) {
            let kinds = [FaultKind::Kill, FaultKind::Wipe, FaultKind::ProposerPause];
            let times = (Span::seconds(2), Span::seconds(42));
            for target in Target::ALL {
                let targets = [*target];
                let frame = Frame { targets: &targets, ..Frame::simple(&kinds, nodes, times, Span::seconds(2)) };
                for fault in frame.plan(seed) {
                    let of = nodes as usize;
                    let struck = fault.nodes.len() + fault.proposers.len();
                    match target {
                        Target::Busiest => prop_assert_eq!(struck, 0),
                        Target::One => prop_assert_eq!(struck, 1),
                        Target::Minority => prop_assert_eq!(struck, minority(of).max(1)),
                        Target::Majority | Target::All if fault.fault == FaultKind::Wipe => {
                            prop_assert_eq!(struck, minority(of));
                        }
                        Target::Majority => prop_assert_eq!(struck, of / 2 + 1),
                        Target::All => prop_assert_eq!(struck, of),
                    }
                }
            }
        }
    }
}
