//! How much a check may spend.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

/// How much a check may spend. The checker has no clock of its own: it is handed one.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// The reading of `clock` at which to stop.
    pub time: Duration,
    /// Bytes that the configurations of one key may take, approximately.
    pub memory: usize,
    /// Time elapsed since the caller's zero.
    pub clock: &'a (dyn Fn() -> Duration + Sync),
}

impl Budget<'static> {
    /// A budget that never runs out: for small histories, and tests.
    #[must_use]
    pub fn unlimited() -> Self {
        Self { time: Duration::MAX, memory: usize::MAX, clock: &|| Duration::ZERO }
    }
}

impl fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget")
            .field("time", &self.time)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

/// Which part of the budget ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exhausted {
    Time,
    Memory,
    Steps,
    /// More calls are open at once than the search has room for.
    Slots,
}

/// Watches a budget from inside the search.
pub(crate) struct Meter<'a> {
    budget: &'a Budget<'a>,
    /// How many configurations may still be made; the shrinker bounds its trials by it.
    steps: Cell<usize>,
}

/// Configurations between two looks at the clock. Making one takes well under a microsecond, so a
/// budget is overrun by about a millisecond at most.
const STRIDE: usize = 1024;

impl<'a> Meter<'a> {
    pub(crate) fn new(budget: &'a Budget<'a>) -> Self {
        Self::stepped(budget, usize::MAX)
    }

    /// A meter that also stops after so many configurations.
    pub(crate) fn stepped(budget: &'a Budget<'a>, steps: usize) -> Self {
        Self { budget, steps: Cell::new(steps) }
    }

    pub(crate) fn out_of_time(&self) -> bool {
        (self.budget.clock)() >= self.budget.time
    }

    /// How many configurations may still be made.
    pub(crate) fn left(&self) -> usize {
        self.steps.get()
    }

    /// A meter for a part of the work, which may make so many configurations at most.
    pub(crate) fn part(&self, steps: usize) -> Self {
        Self::stepped(self.budget, steps.min(self.left()))
    }

    /// Counts what a part has made.
    pub(crate) fn charge(&self, steps: usize) {
        self.steps.set(self.left().saturating_sub(steps));
    }

    /// Counts one configuration made, and says when something has run out.
    pub(crate) fn spend(&self) -> Result<(), Exhausted> {
        let steps = self.steps.get();
        if steps == 0 {
            return Err(Exhausted::Steps);
        }
        self.steps.set(steps - 1);
        if steps.is_multiple_of(STRIDE) && self.out_of_time() {
            return Err(Exhausted::Time);
        }
        Ok(())
    }

    pub(crate) fn holds(&self, bytes: usize) -> Result<(), Exhausted> {
        if bytes > self.budget.memory { Err(Exhausted::Memory) } else { Ok(()) }
    }
}
