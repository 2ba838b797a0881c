//! One change from its asking to its end, over as many rounds as it takes.

use crate::{
    Ancestry, Ballot, Decision, Lineage, Outcome, ProposerId, Reason, Rules, VersionedValue,
};
use alloc::vec::Vec;

/// What a change finds.
#[derive(Debug, PartialEq, Eq)]
pub struct Present<'a, V> {
    /// The value; `None` when there is none, or no more.
    pub value: Option<&'a V>,
    /// Its version; 0 where the register was never written. A tombstone has one too.
    pub version: u64,
    /// The version that a put would get.
    pub next: u64,
}

// Derived, both would ask the same of the value.
impl<V> Clone for Present<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Present<'_, V> {}

/// Something that is to be done to a register.
pub trait Change<V> {
    /// Says what is to become of the present value. It is asked once a round, and keeps its answer
    /// for each: [`Outcome::Committed`] says which one counts, from 0.
    fn apply(&mut self, present: Present<'_, V>) -> Decision<V, ()>;
}

/// A change under way.
#[derive(Debug, Clone, Hash)]
pub(super) struct Job<C> {
    pub(super) change: C,
    pub(super) deadline: u64,
    applications: usize,
    /// The rounds that may have brought it about, and the application that each would have.
    doubts: Vec<(Ballot, usize)>,
    /// What it does in the round under way.
    part: Part,
    /// Why the round before did not commit.
    pub(super) last: Reason,
}

/// What a job does in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    None,
    Puts,
    Keeps,
    /// An earlier round of it turned out to have led to the present value.
    Found(usize),
}

impl<C> Job<C> {
    pub(super) fn new(change: C, deadline: u64) -> Self {
        let (doubts, part, last) = (Vec::new(), Part::None, Reason::Deadline);
        Self { change, deadline, applications: 0, doubts, part, last }
    }

    /// What happened to its doubtful rounds, seen from the present value; `None` when it has none.
    fn ancestry<V>(
        &self,
        proposer: ProposerId,
        present: Option<&VersionedValue<V>>,
    ) -> Option<Ancestry> {
        let (first, _) = self.doubts.first()?;
        // A register that holds nothing may have been written, deleted and collected since.
        Some(present.map_or(Ancestry::Unknown, |cell| cell.lineage.ancestry(proposer, *first)))
    }

    /// Takes part in a round over the present value, and changes it. `false` when it cannot be
    /// told any more whether it has happened already.
    pub(super) fn take_part<V: Clone>(
        &mut self,
        rules: &dyn Rules,
        ballot: Ballot,
        seen: Option<&VersionedValue<V>>,
        present: &mut Option<VersionedValue<V>>,
    ) -> bool
    where
        C: Change<V>,
    {
        let doubtful = rules.looks_for_doubtful_changes();
        match self.ancestry(ballot.proposer, seen).filter(|_| doubtful) {
            Some(Ancestry::Unknown) => return false,
            Some(Ancestry::Included(through)) => {
                if let Some((_, application)) = self.doubts.iter().find(|(at, _)| *at == through) {
                    self.part = Part::Found(*application);
                    return true;
                }
            }
            Some(Ancestry::NotIncluded) | None => {}
        }
        let version = present.as_ref().map_or(0, |cell| cell.version);
        let first = rules.first_version(ballot.counter);
        let next = present.as_ref().map_or(first, |cell| cell.version + 1);
        let value = present.as_ref().and_then(|cell| cell.value.as_ref());
        self.applications += 1;
        self.part = match self.change.apply(Present { value, version, next }) {
            Decision::Keep(()) => Part::Keeps,
            Decision::Put(value, ()) => {
                let lineage = present.take().map(|cell| cell.lineage);
                let lineage = lineage.unwrap_or_else(|| Lineage::since(ballot));
                *present = Some(VersionedValue { version: next, value, lineage });
                Part::Puts
            }
        };
        true
    }

    pub(super) const fn puts(&self) -> bool {
        matches!(self.part, Part::Puts)
    }

    /// The application that counts if the round has committed.
    pub(super) fn application(&self) -> usize {
        match self.part {
            Part::Found(application) => application,
            Part::Puts | Part::Keeps | Part::None => self.applications.saturating_sub(1),
        }
    }

    /// The round ended without being committed. `doubt` is its ballot if its value may have been
    /// accepted, and may yet be found.
    pub(super) fn left(&mut self, doubt: Option<Ballot>) {
        let application = self.application();
        let part = core::mem::replace(&mut self.part, Part::None);
        if let (Some(ballot), Part::Puts | Part::Found(_)) = (doubt, part) {
            self.doubts.push((ballot, application));
        }
    }

    /// How it ends if no further round is run. `voting` says that accepts of its round are out.
    pub(super) fn ended(&self, voting: bool) -> Outcome<usize> {
        let touched = voting && matches!(self.part, Part::Puts | Part::Found(_));
        if touched || !self.doubts.is_empty() {
            return Outcome::Unknown(self.last);
        }
        Outcome::NotApplied(self.last)
    }
}
