//! Which steps of the search cannot lead anywhere, model by model.
//!
//! The search linearizes a call only when some call is about to return that is not yet linearized,
//! and then only what has to come before it. A guide narrows that further. Every rule is an
//! argument of one of two forms: from any legal order that takes the step, a legal order can be
//! made that does not; or, no legal order passes through this state. [`Guide::Exhaustive`] has no
//! rules: the tests compare all others with it.

mod sequences;
mod totals;
pub(crate) mod values;
mod versions;

use crate::ModelKind;
use crate::action::{Action, State};
use crate::configuration::{Configuration, Counting, Open};
use crate::key_history::Call;
use crate::plan::{Class, Plan, Returning};
use crate::space::Space;

/// What a guide knows of one key's history.
#[derive(Debug)]
pub(crate) enum Guide {
    /// No rules: what the others are tested with.
    #[cfg_attr(not(test), expect(dead_code, reason = "what the others are tested with"))]
    Exhaustive,
    Values(values::Values),
    Versions(versions::Versions),
    Totals(totals::Totals),
    Lists(sequences::Lists),
    Texts,
}

/// Where the search stands when it asks.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) space: &'a Space,
    pub(crate) open: &'a Open,
    pub(crate) configuration: &'a Configuration,
    pub(crate) counting: Counting,
    /// Position of the event that the search has come to.
    pub(crate) at: usize,
}

impl<'a> View<'a> {
    pub(crate) fn state(self) -> State {
        self.configuration.state
    }

    /// Open calls that must still be linearized.
    pub(crate) fn owed(self) -> impl Iterator<Item = &'a Returning> {
        self.open.calls(self.plan, self.configuration.owed)
    }

    /// Open calls that are no reads and may still be linearized.
    pub(crate) fn usable(self) -> impl Iterator<Item = &'a Returning> {
        self.open.calls(self.plan, self.configuration.usable)
    }

    /// Whether a crashed call of the class has been invoked and is not used up.
    pub(crate) fn spare(self, class: u32) -> bool {
        let used = match self.counting {
            Counting::Exact | Counting::Frugal => self.configuration.times_used(class) as usize,
            Counting::Lavish => 0,
        };
        self.plan.invoked(class, self.at) > used
    }

    /// Whether a call is still to come that cannot happen at every state.
    pub(crate) fn demand_ahead(self) -> bool {
        self.plan.last_demand_invoked > self.at || self.owed().any(|call| call.action.demands())
    }

    /// Every class that has a crashed call to spare.
    pub(crate) fn spare_classes(self) -> impl Iterator<Item = u32> {
        (0..).take(self.plan.classes.len()).filter(move |&class| self.spare(class))
    }
}

/// What the open calls of a configuration wait for.
pub(crate) enum Wishes {
    /// Any change may help.
    Everything,
    /// Only these states help.
    States(Vec<State>),
}

impl Guide {
    /// Leaves out of `calls` what cannot matter to the verdict; with `merge`, makes equal what no
    /// call can tell apart.
    pub(crate) fn prepare(
        model: ModelKind,
        calls: &mut Vec<Call>,
        space: &Space,
        merge: bool,
    ) -> Self {
        match model {
            ModelKind::Register | ModelKind::CasRegister => {
                Self::Values(values::Values::prepare(calls, merge))
            }
            ModelKind::VersionedCas => Self::Versions(versions::Versions::prepare(calls, merge)),
            ModelKind::Counter => Self::Totals(totals::Totals::prepare(calls)),
            ModelKind::Append => Self::Lists(sequences::Lists::prepare(calls, space)),
            ModelKind::KvAppend => Self::Texts,
        }
    }

    /// Takes note of the classes of crashed calls.
    pub(crate) fn learn(&mut self, classes: &[Class], returning: &[Returning], space: &Space) {
        match self {
            Self::Exhaustive | Self::Texts | Self::Totals(_) => {}
            Self::Values(values) => values.learn(classes),
            Self::Versions(versions) => versions.learn(classes, returning),
            Self::Lists(lists) => lists.learn(classes, space),
        }
    }

    /// Position after which nobody can need a crashed call of this action.
    pub(crate) fn deadline(&self, action: Action) -> Option<usize> {
        match self {
            Self::Values(values) => values.deadline(action),
            Self::Exhaustive | Self::Versions(_) | Self::Totals(_) => None,
            Self::Lists(_) | Self::Texts => None,
        }
    }

    /// Whether a call that returns after a position may look for what a blind write leaves.
    pub(crate) fn wanted_after(&self, action: Action, at: usize) -> bool {
        match self {
            Self::Values(values) => values.wanted_after(action, at),
            Self::Exhaustive | Self::Versions(_) | Self::Totals(_) => true,
            Self::Lists(_) | Self::Texts => true,
        }
    }

    /// Whether uses of a crashed call have to be counted: not if it fits one version only, which
    /// never comes back.
    pub(crate) fn counts(&self, action: Action) -> bool {
        !matches!(action, Action::CasNext { .. })
    }

    /// What the open calls wait for.
    pub(crate) fn wishes(&self, view: View<'_>) -> Wishes {
        match self {
            Self::Values(values) => values.wishes(view),
            Self::Totals(totals) => totals.wishes(view),
            Self::Exhaustive | Self::Versions(_) | Self::Lists(_) | Self::Texts => {
                Wishes::Everything
            }
        }
    }

    /// Whether linearizing an open call before the one that returns can help.
    pub(crate) fn wants(&self, wishes: &Wishes, view: View<'_>, action: Action) -> bool {
        match self {
            Self::Exhaustive | Self::Texts | Self::Lists(_) => true,
            Self::Values(_) => values::wants(wishes, action),
            Self::Totals(_) => totals::wants(wishes, action),
            Self::Versions(versions) => versions.wants(view, action),
        }
    }

    /// The crashed calls that are worth linearizing now.
    pub(crate) fn crashed(&self, wishes: &Wishes, view: View<'_>) -> Vec<u32> {
        match self {
            Self::Exhaustive | Self::Texts => view.spare_classes().collect(),
            Self::Values(values) => values.crashed(wishes, view),
            Self::Totals(_) => totals::crashed(wishes, view),
            Self::Versions(versions) => versions.crashed(view),
            Self::Lists(lists) => lists.crashed(view),
        }
    }

    /// Whether nothing can come of a configuration that was just reached; `forced` if its last call
    /// is the one that returns.
    pub(crate) fn dead(&self, view: View<'_>, forced: bool) -> bool {
        match self {
            Self::Exhaustive | Self::Texts | Self::Values(_) => false,
            Self::Versions(versions) => versions.dead(view.state()),
            Self::Totals(totals) => totals.dead(view),
            Self::Lists(_) => sequences::dead(view, forced),
        }
    }
}
