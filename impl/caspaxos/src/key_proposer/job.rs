//! One change from its asking to its end, over as many rounds as it takes.

use crate::{Ancestry, Ballot, Decision, HIGHEST_NUMBER, Outcome, Reason, Rules, VersionedValue};
#[cfg(any(test, feature = "mutants"))]
use alloc::collections::VecDeque;
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
pub(crate) struct Job<C> {
    pub(crate) change: C,
    pub(super) deadline: u64,
    applications: usize,
    /// The rounds that may have brought it about, and the application that each would have.
    doubts: Vec<(Ballot, usize)>,
    /// What it does in the round under way.
    part: Part,
    /// Why the round before did not commit.
    pub(super) last: Reason,
    /// How it has ended, once it has.
    pub(super) outcome: Outcome<usize>,
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
        let outcome = Outcome::NotApplied(last);
        Self { change, deadline, applications: 0, doubts, part, last, outcome }
    }

    /// Takes part in a round over what was `seen`, and changes what the changes before it made of that.
    ///
    /// # Errors
    /// Why it takes no part, nor ever will: [`Reason::LineageForgotten`] when it cannot be told any more
    /// whether it has happened already, [`Reason::CounterUsedUp`] when there is no next version.
    pub(super) fn take_part<V: Clone>(
        &mut self,
        rules: &dyn Rules,
        ballot: Ballot,
        seen: &VersionedValue<V>,
        present: &mut VersionedValue<V>,
    ) -> Result<(), Reason>
    where
        C: Change<V>,
    {
        let doubt = self.doubts.first();
        #[cfg(any(test, feature = "mutants"))]
        let doubt = doubt.filter(|_| rules.looks_for_doubtful_changes());
        if let Some((first, _)) = doubt {
            match seen.lineage.ancestry(ballot.proposer, *first) {
                Ancestry::Unknown => return Err(Reason::LineageForgotten),
                Ancestry::Included(through) => {
                    if let Some((_, application)) =
                        self.doubts.iter().find(|(at, _)| *at == through)
                    {
                        self.part = Part::Found(*application);
                        return Ok(());
                    }
                }
                Ancestry::NotIncluded => {}
            }
        }
        let next = match present.version {
            0 => rules.first_version(ballot.counter),
            version => version.saturating_add(1),
        };
        let before = Present { value: present.value.as_ref(), version: present.version, next };
        self.applications += 1;
        self.part = match self.change.apply(before) {
            Decision::Keep(()) => Part::Keeps,
            Decision::Put(..) if next > HIGHEST_NUMBER => return Err(Reason::CounterUsedUp),
            Decision::Put(value, ()) => {
                (present.version, present.value) = (next, value);
                Part::Puts
            }
        };
        Ok(())
    }

    pub(super) const fn puts(&self) -> bool {
        matches!(self.part, Part::Puts)
    }

    /// The application that counts if the round commits.
    fn application(&self) -> usize {
        match self.part {
            Part::Found(application) => application,
            Part::Puts | Part::Keeps | Part::None => self.applications.saturating_sub(1),
        }
    }

    /// The round has committed.
    pub(super) fn commit(&mut self) {
        self.outcome = Outcome::Committed(self.application());
    }

    /// The round ended without being committed. `doubt` is its ballot if its value may have been
    /// accepted, and may yet be found.
    pub(super) fn leave(&mut self, doubt: Option<Ballot>) {
        let application = self.application();
        let part = core::mem::replace(&mut self.part, Part::None);
        if let (Some(ballot), Part::Puts | Part::Found(_)) = (doubt, part) {
            self.doubts.push((ballot, application));
        }
    }

    /// Its deadline has come. `accepting` says that accepts of its round are out.
    pub(super) fn expire(mut self, accepting: bool) -> Self {
        if accepting && matches!(self.part, Part::Puts | Part::Found(_)) {
            self.outcome = Outcome::Unknown(self.last);
            return self;
        }
        let last = self.last;
        self.end_for(last)
    }

    /// It ends for this reason while it has no part in a round.
    pub(super) fn end_for(mut self, reason: Reason) -> Self {
        let doubtless = self.doubts.is_empty();
        self.outcome =
            if doubtless { Outcome::NotApplied(reason) } else { Outcome::Unknown(reason) };
        self
    }
}

/// Answers all changes of a round but the last, before the round has ended: a wrong rule.
#[cfg(any(test, feature = "mutants"))]
pub(super) fn answer_early<C>(jobs: &mut VecDeque<Job<C>>, ended: &mut VecDeque<Job<C>>) {
    let last = jobs.len().saturating_sub(1);
    for mut job in jobs.drain(..last) {
        job.commit();
        ended.push_back(job);
    }
}
