//! The rules that safety hangs on, each at one place and under its own name.
//!
//! The store follows [`Faithful`]. A gallery of mutants replaces one rule at a time, to show that
//! the harness sees the difference; that needs the feature `mutants`.
//!
//! What an acceptor refuses or erases, and which version, lineage or floor comes next, is one expression each.
//! Under a name it reads better than in its place, so these rules are asked in every build. The others change
//! the course of a machine. There the faithful course is written plainly, and a wrong one exists only under
//! the feature, where a file named `mutants.rs` has it.

use crate::{Ballot, Ballots, Lineage, Stage};
use core::fmt::Debug;

/// The rules as the protocol has them. Every provided method is the right one.
pub trait Rules: Debug + Send + Sync {
    /// Whether an acceptor in the state `held` refuses to promise `ballot`.
    fn refuses_prepare(&self, held: Ballots, ballot: Ballot) -> bool {
        held.promised >= ballot || held.accepted >= ballot
    }

    /// Whether an acceptor in the state `held` refuses to accept under `ballot`.
    fn refuses_accept(&self, held: Ballots, ballot: Ballot) -> bool {
        held.promised > ballot || held.accepted >= ballot
    }

    /// Whether an acceptor refuses requests of this kind of older epochs than its own.
    ///
    /// A prepare that is not refused lets its proposer go on to acceptors that are in its epoch still; a read
    /// that is not refused answers what has been overwritten since.
    fn fences(&self, stage: Stage) -> bool {
        let _ = stage;
        true
    }

    /// The promise floor of an acceptor that is to raise it to this one. It never falls.
    fn raised_floor(&self, held: u64, told: u64) -> u64 {
        held.max(told)
    }

    /// Whether an acceptor erases a register in this state: only if it still holds this tombstone, and has
    /// promised nothing since that the floor would forget. `dead` says that it holds a tombstone: any, not
    /// only the one that is meant.
    fn collects(&self, held: Ballots, dead: bool, tombstone: Ballot, promise_floor: u64) -> bool {
        let _ = dead;
        held.accepted == tombstone && held.promised.counter <= promise_floor
    }

    /// The promise floor that collecting a tombstone of this ballot counter and version asks for: above every
    /// ballot that is kept out, and above every version that was given.
    fn floor_of_collection(&self, counter: u64, version: u64) -> u64 {
        counter.max(version)
    }

    /// The version of a change of a register that holds nothing, in a round of this counter.
    fn first_version(&self, counter: u64) -> u64 {
        counter
    }

    /// The lineage of a value that is put under this ballot in the place of one with this lineage.
    fn lineage_of_put(&self, before: &Lineage, ballot: Ballot) -> Lineage {
        let mut lineage = before.clone();
        lineage.extend(ballot);
        lineage
    }

    /// Whether an acceptor remembers that it has promised.
    #[cfg(any(test, feature = "mutants"))]
    fn stores_promise(&self) -> bool {
        true
    }

    /// Whether a promise that brings a value accepted under `accepted` outdoes the promises before
    /// it, of which `newest` was the best: `None` before the first.
    #[cfg(any(test, feature = "mutants"))]
    fn outdoes(&self, newest: Option<Ballot>, accepted: Ballot) -> bool {
        newest.is_none_or(|newest| accepted > newest)
    }

    /// The promise floor that a quorum of promises comes to; `highest` is that of those before, `None`
    /// before the first.
    ///
    /// It must be the highest: an acceptor that joined after a register was collected has not erased it.
    #[cfg(any(test, feature = "mutants"))]
    fn floor_of_promises(&self, highest: Option<u64>, floor: u64) -> u64 {
        highest.unwrap_or(0).max(floor)
    }

    /// The mark of the lineage of a register that was found to hold nothing, under this promise floor: the
    /// ballots up to it may have led to what was collected.
    #[cfg(any(test, feature = "mutants"))]
    fn mark(&self, promise_floor: u64) -> Ballot {
        Ballot::at_floor(promise_floor)
    }

    /// Whether a proposer goes on under the ballot of an accept round that did not end in a quorum.
    ///
    /// It must not: one acceptor may hold the first value under that ballot while a quorum of the
    /// others accepts a second one, and a later reader cannot tell which of them was acknowledged.
    #[cfg(any(test, feature = "mutants"))]
    fn keeps_ballot_of_incomplete_accept(&self, saw_conflict: bool) -> bool {
        let _ = saw_conflict;
        false
    }

    /// Whether a proposer that met a higher ballot counts past it and goes on from the value that it
    /// knew, without asking for promises again.
    #[cfg(any(test, feature = "mutants"))]
    fn keeps_value_after_conflict(&self) -> bool {
        false
    }

    /// Whether a change function's wish to keep the value is answered only after a quorum has
    /// accepted that value once more.
    ///
    /// A promised value may be held by a minority, which the next reader need not see; a cached one
    /// may have been overwritten since.
    #[cfg(any(test, feature = "mutants"))]
    fn confirms_unchanged(&self, from_cache: bool) -> bool {
        let _ = from_cache;
        true
    }

    /// Whether a tombstone is erased only after every acceptor has accepted it.
    ///
    /// One that has not may hold an older value, which would be the newest of all.
    #[cfg(any(test, feature = "mutants"))]
    fn collects_what_all_hold(&self) -> bool {
        true
    }

    /// Whether a read without a write is answered only where those asked hold one and the same
    /// ballot.
    #[cfg(any(test, feature = "mutants"))]
    fn reads_one_ballot(&self) -> bool {
        true
    }

    /// Whether changes that share a round are answered only when it has committed.
    #[cfg(any(test, feature = "mutants"))]
    fn answers_after_the_round(&self) -> bool {
        true
    }

    /// Whether a change whose round ended in doubt is looked for among the ancestors of the present
    /// value before it is applied again.
    #[cfg(any(test, feature = "mutants"))]
    fn looks_for_doubtful_changes(&self) -> bool {
        true
    }
}

/// The protocol's own rules.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faithful;

impl Rules for Faithful {}
