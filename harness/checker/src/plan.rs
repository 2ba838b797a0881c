//! The order of a key's events in which the search walks, with everything it looks up on the way.

use crate::ModelKind;
use crate::action::{Action, State};
use crate::guide::Guide;
use crate::key_history::Call;
use crate::space::Space;
use rustc_hash::FxHashMap;

/// How many calls that returned may be open at once: the width of a configuration's masks.
pub(crate) const SLOTS: usize = 128;

/// A call that returned. While it is open it occupies a bit of the masks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Returning {
    pub(crate) action: Action,
    pub(crate) slot: u8,
    /// Position of its completion: its deadline.
    pub(crate) returned: usize,
}

/// Calls of the same action that never return. Any of them can stand for any other that has been
/// invoked, so only how many have been used is kept.
#[derive(Debug, Clone)]
pub(crate) struct Class {
    pub(crate) action: Action,
    /// Positions of their invocations, ascending.
    pub(crate) invoked: Vec<usize>,
    /// Whether uses have to be counted. Not if the state itself forbids a second use.
    pub(crate) counted: bool,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happening {
    /// The call of this index in [`Plan::returning`] begins.
    Invoke(u32),
    /// It has returned.
    Return(u32),
    /// Nobody can need the crashed calls of this class any more.
    Forget(u32),
}

/// A happening and the position of the event that brings it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) at: usize,
    pub(crate) what: Happening,
}

/// The order of events, and everything that the search looks up.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) initial: State,
    pub(crate) steps: Vec<Step>,
    pub(crate) returning: Vec<Returning>,
    pub(crate) classes: Vec<Class>,
    pub(crate) guide: Guide,
    /// Position at which the last call returns that cannot happen at every state.
    pub(crate) last_demand: usize,
    /// Position at which the last such call is invoked.
    pub(crate) last_demand_invoked: usize,
}

/// More calls are open at once than a configuration has bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyOpen {
    pub(crate) at: usize,
}

impl Plan {
    /// A plan that leaves out what cannot matter, and whose guide passes over useless steps.
    pub(crate) fn guided(
        model: ModelKind,
        initial: State,
        calls: &[Call],
        space: &Space,
    ) -> Result<Self, TooManyOpen> {
        Self::prepared(model, initial, calls, space, true)
    }

    /// The same, but states that no call can tell apart stay apart, so that they can be shown.
    pub(crate) fn readable(
        model: ModelKind,
        initial: State,
        calls: &[Call],
        space: &Space,
    ) -> Result<Self, TooManyOpen> {
        Self::prepared(model, initial, calls, space, false)
    }

    fn prepared(
        model: ModelKind,
        initial: State,
        calls: &[Call],
        space: &Space,
        merge: bool,
    ) -> Result<Self, TooManyOpen> {
        let mut calls = relevant(calls);
        let guide = Guide::prepare(model, &mut calls, space, merge);
        Self::build(initial, &calls, guide, space)
    }

    /// A plan that takes every call as it is, and tries everything: what the others are tested
    /// with.
    #[cfg(test)]
    pub(crate) fn exhaustive(
        initial: State,
        calls: &[Call],
        space: &Space,
    ) -> Result<Self, TooManyOpen> {
        Self::build(initial, &relevant(calls), Guide::Exhaustive, space)
    }

    fn build(
        initial: State,
        calls: &[Call],
        mut guide: Guide,
        space: &Space,
    ) -> Result<Self, TooManyOpen> {
        let mut steps = Vec::with_capacity(calls.len() * 2);
        let mut returning = Vec::new();
        let mut classes: Vec<Class> = Vec::new();
        let mut class_of: FxHashMap<Action, usize> = FxHashMap::default();
        let (mut last_demand, mut last_demand_invoked) = (0, 0);
        for call in calls {
            let Some(returned) = call.returned else {
                let class = *class_of.entry(call.action).or_insert_with(|| {
                    let counted = guide.counts(call.action);
                    classes.push(Class { action: call.action, invoked: Vec::new(), counted });
                    classes.len() - 1
                });
                classes[class].invoked.push(call.invoked);
                continue;
            };
            let number = index(returning.len());
            steps.push(Step { at: call.invoked, what: Happening::Invoke(number) });
            steps.push(Step { at: returned, what: Happening::Return(number) });
            returning.push(Returning { action: call.action, slot: 0, returned });
            if call.action.demands() {
                last_demand = last_demand.max(returned);
                last_demand_invoked = last_demand_invoked.max(call.invoked);
            }
        }
        for (number, class) in classes.iter_mut().enumerate() {
            class.invoked.sort_unstable();
            if let Some(at) = guide.deadline(class.action) {
                steps.push(Step { at, what: Happening::Forget(index(number)) });
            }
        }
        // The sort is stable, so a class is forgotten after the return that it was kept for.
        steps.sort_by_key(|step| step.at);
        assign_slots(&steps, &mut returning)?;
        guide.learn(&classes, &returning, space);
        Ok(Self { initial, steps, returning, classes, guide, last_demand, last_demand_invoked })
    }

    /// How many crashed calls of the class have been invoked before a position.
    pub(crate) fn invoked(&self, class: u32, at: usize) -> usize {
        self.classes[class as usize].invoked.partition_point(|&invoked| invoked < at)
    }
}

/// Calls as the search takes them: what nobody got an answer to cannot rest on an answer.
fn relevant(calls: &[Call]) -> Vec<Call> {
    let open_read = |call: &&Call| call.returned.is_none() && call.action.is_read();
    let weakened = |call: &Call| match call.returned {
        Some(_) => *call,
        None => Call { action: call.action.unanswered(), ..*call },
    };
    calls.iter().filter(|call| !open_read(call)).map(weakened).collect()
}

/// Gives every call the lowest bit that no call has that is open at the same time.
fn assign_slots(steps: &[Step], returning: &mut [Returning]) -> Result<(), TooManyOpen> {
    let mut taken = 0_u128;
    for step in steps {
        match step.what {
            Happening::Invoke(call) => {
                let slot = taken.trailing_ones();
                if slot as usize == SLOTS {
                    return Err(TooManyOpen { at: step.at });
                }
                taken |= 1 << slot;
                returning[call as usize].slot = u8::try_from(slot).unwrap_or(u8::MAX);
            }
            Happening::Return(call) => taken &= !(1 << returning[call as usize].slot),
            Happening::Forget(_) => {}
        }
    }
    Ok(())
}

fn index(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
