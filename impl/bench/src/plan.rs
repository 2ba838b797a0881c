//! Which cases are run, and in which order.

use crate::workload::Workload;
use crate::{Options, Profile};

/// One thing that is measured.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Case {
    /// The store's accept, one register a call, sent by a bare pipelined client.
    RawAccept,
    /// `SET` of a value of the same size, sent likewise.
    RawSet,
    /// One accept after the other, each to all servers, waiting for a majority.
    FanOut,
    /// Loops, or arrivals on time, over the store itself.
    Load(Workload),
}

/// The names by which targets find their cases.
pub(crate) mod name {
    pub(crate) const RAW_ACCEPT: &str = "raw accept";
    pub(crate) const RAW_SET: &str = "raw SET";
    pub(crate) const FAN_OUT: &str = "bare fan-out";
    pub(crate) const CHANGES_1: &str = "changes 1/1";
    pub(crate) const CHANGES_64: &str = "changes 64/64";
    pub(crate) const CHANGES_512: &str = "changes 512/512";
    pub(crate) const CONTENTION: &str = "contention 2×32/1";
    pub(crate) const READS_64: &str = "reads 64/64";
    pub(crate) const MIXED_64: &str = "mixed 64/64";
}

impl Case {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::RawAccept => name::RAW_ACCEPT,
            Self::RawSet => name::RAW_SET,
            Self::FanOut => name::FAN_OUT,
            Self::Load(workload) => &workload.name,
        }
    }

    /// The loops over the store, if it is about the store.
    pub(crate) const fn workload(&self) -> Option<&Workload> {
        match self {
            Self::Load(workload) => Some(workload),
            Self::RawAccept | Self::RawSet | Self::FanOut => None,
        }
    }
}

/// What is run, beginning with the cases that the others are compared with.
pub(crate) fn cases(options: &Options) -> Vec<Case> {
    let mut cases = vec![Case::RawAccept, Case::RawSet, Case::FanOut];
    let loads = if options.own_workload() || options.soak.is_some() {
        vec![Workload::of(options)]
    } else {
        profile(options.profile.unwrap_or(Profile::Standard))
    };
    cases.extend(loads.into_iter().map(Case::Load));
    cases
}

/// How many instances of the store the cases need at most.
pub(crate) fn proposers(cases: &[Case]) -> usize {
    let each = cases.iter().filter_map(Case::workload).map(|workload| workload.proposers);
    each.max().unwrap_or(1)
}

fn profile(profile: Profile) -> Vec<Workload> {
    let changes = |name, loops, keys| Workload::changes(name, loops, keys);
    let standard = vec![
        changes(name::CHANGES_1, 1, 1),
        changes(name::CHANGES_64, 64, 64),
        changes(name::CHANGES_512, 512, 512),
        Workload { proposers: 2, ..changes(name::CONTENTION, 64, 1) },
    ];
    match profile {
        Profile::Standard => standard,
        Profile::Figures => {
            // Each key has one writer and readers on both proposers, so that a conflict can only
            // be that of a reader with a writer.
            let mixed = changes(name::MIXED_64, 64, 64);
            let reads = [
                Workload { read_share: 1.0, ..changes(name::READS_64, 64, 64) },
                Workload { read_share: 0.5, proposers: 2, ..mixed },
            ];
            standard.into_iter().chain(reads).collect()
        }
    }
}

/// The order of turns: every case once a round, each round beginning one case later, so that
/// no case always follows the same one where two rounds meet.
pub(crate) fn turns(cases: usize, rounds: usize) -> impl Iterator<Item = usize> {
    (0..rounds).flat_map(move |round| (0..cases).map(move |turn| (turn + round) % cases))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rounds_begin_one_case_later_each_time() {
        assert_eq!(turns(3, 3).collect::<Vec<_>>(), [0, 1, 2, 1, 2, 0, 2, 0, 1]);
    }

    proptest! {
        #[test]
        fn every_case_has_one_turn_in_every_round(cases in 1_usize..12, rounds in 1_usize..9) {
            let order: Vec<_> = turns(cases, rounds).collect();
            for round in order.chunks(cases) {
                let mut round = round.to_vec();
                round.sort_unstable();
                prop_assert_eq!(round, (0..cases).collect::<Vec<_>>());
            }
            prop_assert_eq!(order.len(), cases * rounds);
        }
    }
}
