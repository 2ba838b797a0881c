//! The gallery: the protocol with one fault put in, to show that the harness sees it.
//!
//! A mutant is one file with one [`Definition`], and a line in the list below. Production code
//! cannot reach any of them: rules are replaced only under the feature `mutants`, and the flaws of
//! processes exist in the simulated world alone.

use crate::fault::{Effect, Fault, Memory, Trouble};
use crate::setup::{Calls, Membership, Network, Setup};
use caspaxos::{Faithful, Rules};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use workloads::{Link, UnknownName};

/// Lists the files of the gallery.
macro_rules! gallery {
    ($($file:ident),+ $(,)?) => {
        $(mod $file;)+
        const GALLERY: &[&Definition] = &[$(&$file::DEFINITION),+];
    };
}

gallery!(
    reused_ballot,
    prepare_ignores_promise,
    accept_ignores_promise,
    promise_not_stored,
    first_instead_of_highest,
    read_without_write_back,
    prepare_quorum_too_small,
    accept_quorum_too_small,
    disjoint_quorums,
    counter_set_back,
    reused_proposer_id,
    cache_kept_after_conflict,
    unconfirmed_refusal,
    lost_reply_not_applied,
    accept_retried,
    lost_tail,
    wiped_voter,
    read_newest,
    answered_early,
    doubt_repeated,
    unfenced,
    no_rescan,
    one_key_rescanned,
    even_unscanned,
    stale_cursor,
    trusted_listing,
    retired_founders,
    one_acceptor_rescanned,
    last_page_skipped,
    two_steps,
    collected_early,
    any_tombstone_collected,
    floor_not_raised,
    floor_lowered,
    version_restarted,
    floor_without_version,
    lineage_forgotten,
);

/// One fault put into the protocol, or into a process that runs it.
#[derive(Debug)]
struct Definition {
    /// The name as users write it.
    name: &'static str,
    /// One line about it.
    summary: &'static str,
    /// The rules of proposers and acceptors.
    rules: fn() -> Arc<dyn Rules>,
    /// What a process does wrong beside the rules.
    flaw: Option<Flaw>,
    /// Gives the fault its place in a world: a crash to come back from, a cache to keep.
    bend: fn(&mut Setup),
}

/// What a process does wrong that no rule of the protocol covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A proposer counts from 0 again after a transport error.
    SetsCounterBack,
    /// A proposer that restarts takes its old id and counts from 0.
    ReusesId,
    /// A proposer takes every broken connection for a request that never left.
    ClaimsNotDelivered,
    /// The transport sends an accept again when its connection breaks, and tells nobody.
    RetriesAccepts,
    /// An acceptor that has lost memory goes on voting.
    VotesWithoutMemory,
    /// The driver of the membership takes two steps at once.
    TakesTwoSteps,
    /// It commits nothing again.
    NoRescan,
    /// It commits nothing again on the way to an even number.
    EvenUnscanned,
    /// It commits one key again, and no other.
    RescansOneKey,
    /// It commits the keys of one acceptor again, and takes them for all.
    RescansOneAcceptor,
    /// It passes over the last page of a listing.
    SkipsLastPage,
    /// It goes on with a listing after the server has restarted.
    KeepsCursors,
    /// It takes an acceptor for what it was when it was asked first.
    TrustsListings,
    /// A process that starts with `--init` passes over what retired servers remember.
    ForgetsRetired,
}

fn faithful() -> Arc<dyn Rules> {
    Arc::new(Faithful)
}

const fn unbent(_: &mut Setup) {}

/// Where a ballot that is used again can show: safe quorums of which two prepare quorums need not
/// meet, one proposer without a cache, blind writes to many keys; and half of the acceptors in its
/// reach, then the other half, then all.
fn prepare_quorums_apart(setup: &mut Setup) {
    (setup.acceptors, setup.prepare_quorum, setup.accept_quorum) = (4, 2, 3);
    (setup.proposers, setup.cache) = (1, 0);
    (setup.load.calls, setup.load.keys, setup.load.think) = (Calls::Append, 60, 0);
    setup.network = Network { refused: 0.15, ..Network::with_delay((300_000, 800_000)) };
    let cut = |at: u64, acceptors: [u32; 2]| Fault {
        at,
        lasts: TURN,
        what: Trouble::Links {
            whom: format!("p1 from a{} a{}", acceptors[0], acceptors[1]),
            links: acceptors.map(|acceptor| Link { proposer: 1, acceptor }).into(),
            direction: None,
            effect: Effect::Cut,
        },
    };
    let turns = (0..TURNS).map(|turn| turn * 3 * TURN);
    setup.faults = turns.flat_map(|at| [cut(at, [3, 4]), cut(at + TURN, [1, 2])]).collect();
}

/// How long each half is out of reach, in nanoseconds, and how often that comes round.
const TURN: u64 = 3_000_000;
const TURNS: u64 = 40;

/// Three acceptors are replaced by empty ones, one after the other, while many keys are written
/// that nobody touches for long.
fn replacing(setup: &mut Setup) {
    let goals = [2..=4, 3..=5, 4..=6].map(|goal| goal.collect::<BTreeSet<u32>>());
    (setup.acceptors, setup.prepare_quorum, setup.accept_quorum) = (3, 2, 2);
    setup.proposers = setup.proposers.min(3);
    (setup.load.keys, setup.load.think) = (12, 4_000_000);
    setup.faults.clear();
    setup.membership = Some(Membership {
        at: 10_000_000,
        goals: goals.into(),
        founders: Vec::new(),
        pause: 5_000_000,
        crashes: 0.0,
        gossip: 5_000_000,
        leavers_gone: false,
        rejoined: Vec::new(),
    });
}

/// When a change of membership begins for which keys have been written before.
const CHANGE: u64 = 40_000_000;

/// Many keys, most of which are written once, lie on acceptors 2 and 3 alone, because 1 was cut off until the
/// change began; then 2 is cut off for good and replaced by 4. All depends on what 3 lists, which is several
/// pages.
fn replacing_with_cold_keys(setup: &mut Setup) {
    (setup.acceptors, setup.prepare_quorum, setup.accept_quorum) = (3, 2, 2);
    (setup.proposers, setup.clients) = (2, 4);
    setup.clocks.clear();
    setup.load.calls = Calls::Append;
    (setup.load.deletes, setup.load.by_version, setup.collections) = (0.0, false, 0);
    (setup.load.keys, setup.load.each, setup.load.think) = (24, 30, 2_000_000);
    setup.network = Network::with_delay((50_000, 300_000));
    let cut = |at: u64, lasts: u64, acceptor: u32| Fault {
        at,
        lasts,
        what: Trouble::Links {
            whom: format!("a{acceptor}"),
            links: (1..=4).map(|proposer| Link { proposer, acceptor }).collect(),
            direction: None,
            effect: Effect::Cut,
        },
    };
    setup.faults = vec![cut(0, CHANGE, 1), cut(CHANGE, u64::MAX / 2, 2)];
    setup.membership = Some(Membership {
        at: CHANGE + 1_000_000,
        goals: vec![BTreeSet::from([1, 3, 4])],
        founders: Vec::new(),
        pause: 0,
        crashes: 0.0,
        gossip: 5_000_000,
        leavers_gone: false,
        rejoined: Vec::new(),
    });
}

/// Another moment of a change for every seed, in nanoseconds.
fn moment(setup: &Setup) -> u64 {
    u64::from(setup.clients * 5 + setup.load.each) % 31 * 500_000
}

/// The same, and 3 restarts again and again during the change.
fn replacing_while_restarting(setup: &mut Setup) {
    let moment = moment(setup);
    replacing_with_cold_keys(setup);
    let crash = |number: u64| Fault {
        at: CHANGE + 1_000_000 + moment + number * 1_300_000,
        lasts: 100_000,
        what: Trouble::CrashAcceptor { acceptor: 3, memory: Memory::Kept, silent: false },
    };
    setup.faults.extend((1..=20).map(crash));
}

/// The same, but 2 is out of reach for the driver alone, now and then, and 3 is flushed in the middle.
fn replacing_while_flushed(setup: &mut Setup) {
    let moment = moment(setup);
    replacing_with_cold_keys(setup);
    setup.faults.truncate(1);
    let link = vec![Link { proposer: setup.driver(), acceptor: 2 }];
    let cut = |turn: u64| Fault {
        at: CHANGE + turn * 5_000_000,
        lasts: 3_500_000,
        what: Trouble::Links {
            whom: String::from("a2 from the driver"),
            links: link.clone(),
            direction: None,
            effect: Effect::Cut,
        },
    };
    setup.faults.extend((0..40).map(cut));
    let what = Trouble::CrashAcceptor { acceptor: 3, memory: Memory::Flushed, silent: false };
    setup.faults.push(Fault { at: CHANGE + 2_000_000 + moment, lasts: 100_000, what });
}

/// Processes are started again with `--init` after every acceptor of their list was replaced.
fn founding_again(setup: &mut Setup) {
    replacing(setup);
    let late = [60, 80, 100, 120, 150, 200].map(|at| at * 1_000_000);
    let proposers = setup.proposers;
    if let Some(membership) = &mut setup.membership {
        let founders = (0..).zip(late).map(|(turn, at)| (at, turn % proposers + 1));
        (membership.at, membership.pause) = (1_000_000, 0);
        membership.founders = founders.collect();
    }
}

/// Keys are deleted, collected and written again all the time.
fn deleting(setup: &mut Setup) {
    setup.load.calls = Calls::CasRegister;
    setup.load.deletes = 0.6;
    (setup.load.keys, setup.load.think) = (3, 4_000_000);
    setup.collections = 3_000_000;
    setup.membership = None;
}

/// Messages are quick for the most part, and otherwise very late, or never leave.
fn late(setup: &mut Setup) {
    setup.network = Network {
        stray: 0.15,
        stray_by: 25_000_000,
        refused: 0.15,
        ..Network::with_delay((50_000, 200_000))
    };
    setup.load.think = 2_000_000;
    setup.collections = 1_000_000;
    setup.faults.clear();
}

/// Crashes one acceptor after the other, each coming back with this memory.
fn crash_one_after_the_other(setup: &mut Setup, memory: Memory) {
    let crash = |number: u32| Fault {
        at: u64::from(number) * 15_000_000,
        lasts: 2_000_000,
        what: Trouble::CrashAcceptor {
            acceptor: number % setup.acceptors + 1,
            memory,
            silent: false,
        },
    };
    let crashes: Vec<_> = (1..6).map(crash).collect();
    setup.faults.extend(crashes);
}

/// A mutant of the gallery.
#[derive(Clone, Copy)]
pub struct Mutant(&'static Definition);

impl Mutant {
    /// The whole gallery, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        GALLERY.iter().copied().map(Self)
    }

    /// The name as users write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// One line about it, for people.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        self.0.summary
    }

    pub(crate) fn rules(self) -> Arc<dyn Rules> {
        (self.0.rules)()
    }

    pub(crate) const fn flaw(self) -> Option<Flaw> {
        self.0.flaw
    }

    pub(crate) fn has(self, flaw: Flaw) -> bool {
        self.0.flaw == Some(flaw)
    }

    /// Puts the mutant into a world.
    pub fn bend(self, setup: &mut Setup) {
        setup.mutant = Some(self);
        (self.0.bend)(setup);
    }
}

impl fmt::Debug for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Mutant {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Mutant {}

impl FromStr for Mutant {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::all().find(|mutant| mutant.name() == name).ok_or_else(|| {
            let allowed: Vec<_> = Self::all().map(Self::name).collect();
            UnknownName { kind: "mutant", name: name.to_owned(), allowed }
        })
    }
}

impl Serialize for Mutant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Mutant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_has_a_name_of_its_own_and_is_found_by_it() {
        let names: BTreeSet<_> = Mutant::all().map(Mutant::name).collect();
        assert_eq!(names.len(), GALLERY.len());
        for mutant in Mutant::all() {
            assert_eq!(mutant.name().parse(), Ok(mutant));
        }
    }

    #[test]
    fn a_misspelt_mutant_is_told_the_nearest_right_name() {
        let error = "reused-balot".parse::<Mutant>().unwrap_err();
        assert!(error.to_string().contains("did you mean \"reused-ballot\"?"), "{error}");
    }
}
