//! The smallest part of a violation that still is one.
//!
//! Only steps are taken that keep a linearizable history linearizable: so what is left proves the
//! whole history wrong. These are: cutting after an event (what has not returned is open from then
//! on); leaving out a read, or a refused CAS; taking a call that returned as one that may have
//! happened; taking a call that may have happened as one that may have happened at any time at all,
//! even before it was called. To leave out an acknowledged write is *not* such a step.
//!
//! Calls of the last sort are *bystanders*: they take part in every trial, but need not be shown,
//! because the violation does not rest on anything about them.

use crate::ModelKind;
use crate::budget::{Budget, Meter};
use crate::decide::{decide, hopeless};
use crate::guide::values;
use crate::key_history::{Call, KeyHistory};
use crate::search::Found;
use crate::space::Space;
use rustc_hash::FxHashSet;

/// Configurations that one trial may make, beside some for each call.
const TRIAL: usize = 20_000;
/// Configurations that all trials together may make, beside some for each call: a trial of a long
/// history costs as many as it has calls, and halving it takes some dozens of them.
const TRIALS: usize = 20_000_000;
const TRIALS_FOR_EACH_CALL: usize = 100;

/// What is left of a violation.
#[derive(Debug, Clone)]
pub(crate) struct Core {
    /// What the violation rests on, in order of invocation.
    pub(crate) calls: Vec<Call>,
    /// Calls that may have happened at any time at all.
    pub(crate) bystanders: Vec<Call>,
    /// Index in `calls` of the one whose return closes every way on.
    pub(crate) failing: usize,
}

/// Shrinks a violation found at the event of some position, as far as the budget allows.
pub(crate) fn shrink(
    history: &KeyHistory<'_>,
    at: usize,
    space: &mut Space,
    budget: &Budget<'_>,
) -> Core {
    let steps = TRIALS + TRIALS_FOR_EACH_CALL * history.calls.len();
    let mut trials = Trials { history, space, meter: Meter::stepped(budget, steps), exact: false };
    let mut core = Core { calls: trials.shortest_prefix(at), bystanders: Vec::new(), failing: 0 };
    trials.leave_out_refusals(&mut core);
    trials.keep_the_last(&mut core);
    trials.leave_out_needless(&mut core);
    let mut chunk = core.calls.len().div_ceil(2).max(1);
    while !trials.exhausted() {
        let shrunk = trials.weaken(&mut core, chunk, bystander);
        if chunk == 1 && !shrunk {
            break;
        }
        trials.leave_out_needless(&mut core);
        chunk = if shrunk { chunk } else { chunk / 2 }.clamp(1, core.calls.len().max(1));
    }
    trials.weaken(&mut core, 1, maybe);
    let last = core.calls.iter().enumerate().max_by_key(|(_, call)| call.returned);
    core.failing = last.map_or(0, |(index, _)| index);
    core
}

/// What a call becomes in a weaker history.
enum Weaker {
    Gone,
    Bystander(Call),
    Kept(Call),
}

fn bystander(call: &Call) -> Weaker {
    if call.action.is_read() {
        return Weaker::Gone;
    }
    Weaker::Bystander(Call { invoked: 0, returned: None, ..*call })
}

fn maybe(call: &Call) -> Weaker {
    Weaker::Kept(if call.action.is_read() { *call } else { Call { returned: None, ..*call } })
}

/// The history as it was known when the event of some position had happened.
pub(crate) fn prefix(calls: &[Call], at: usize) -> Vec<Call> {
    let known = |call: &Call| Call { returned: call.returned.filter(|&r| r <= at), ..*call };
    let begun = calls.iter().filter(|call| call.invoked <= at).map(known);
    begun.filter(|call| call.returned.is_some() || !call.action.is_read()).collect()
}

struct Trials<'a> {
    history: &'a KeyHistory<'a>,
    space: &'a mut Space,
    meter: Meter<'a>,
    /// Uses of crashed calls have to be counted, or even the whole history is no violation.
    exact: bool,
}

impl Trials<'_> {
    fn exhausted(&self) -> bool {
        self.meter.left() == 0 || self.meter.out_of_time()
    }

    /// Whether the calls are certainly a violation. What cannot be decided cheaply counts as none.
    fn violation(&mut self, calls: &[Call]) -> bool {
        if self.exhausted() {
            return false;
        }
        let part = self.meter.part(TRIAL + 16 * calls.len());
        let given = part.left();
        let KeyHistory { model, initial, .. } = *self.history;
        let violation = if self.exact {
            let found = decide(model, initial, calls, self.space, &part).found;
            matches!(found, Found::Violation { .. })
        } else {
            hopeless(model, initial, calls, self.space, &part)
        };
        self.meter.charge((given - part.left()).max(calls.len()));
        violation
    }

    /// Refused calls of the strict reading make everything else more expensive, and are seldom
    /// needed.
    fn leave_out_refusals(&mut self, core: &mut Core) {
        let others = core.calls.iter().filter(|call| !call.action.is_refusal());
        let others: Vec<_> = others.copied().collect();
        if others.len() < core.calls.len() && self.violation(&others) {
            core.calls = others;
        }
    }

    /// Leaves out calls that may or may not have happened and that nobody waits for, as every
    /// decision does; so that trials get shorter with what is left to prove.
    fn leave_out_needless(&self, core: &mut Core) {
        let mut calls: Vec<_> = core.bystanders.iter().chain(&core.calls).copied().collect();
        let values = matches!(self.history.model, ModelKind::Register | ModelKind::CasRegister);
        if !values || calls.iter().any(|call| call.action.is_refusal()) {
            return;
        }
        values::drop_needless(&mut calls);
        let needed: FxHashSet<_> = calls.iter().map(|call| call.source).collect();
        core.bystanders.retain(|call| needed.contains(&call.source));
        core.calls.retain(|call| needed.contains(&call.source));
    }

    /// The shortest prefix that is a violation. The search knows where it died, but where it looked
    /// ahead that may be too early; prefixes of a linearizable history are linearizable, so then
    /// the right place is found by halving.
    fn shortest_prefix(&mut self, at: usize) -> Vec<Call> {
        let calls = &self.history.calls;
        let mut returns: Vec<_> = calls.iter().filter_map(|call| call.returned).collect();
        returns.sort_unstable();
        let mut low = returns.partition_point(|&returned| returned < at);
        let mut high = returns.len().saturating_sub(1);
        let whole = prefix(calls, returns.get(high).copied().unwrap_or(usize::MAX));
        self.exact = !self.violation(&whole);
        if low < high && self.violation(&prefix(calls, at)) {
            return prefix(calls, at);
        }
        if low >= high {
            low = 0;
        }
        while low < high {
            let middle = low.midpoint(high);
            if self.violation(&prefix(calls, returns[middle])) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        prefix(calls, returns.get(high).copied().unwrap_or(usize::MAX))
    }

    /// Most violations rest on calls that returned shortly before: looks for a short stretch of
    /// them.
    fn keep_the_last(&mut self, core: &mut Core) {
        let mut ends: Vec<_> = core.calls.iter().filter_map(|call| call.returned).collect();
        ends.sort_unstable();
        let mut size = 4;
        while size < ends.len() && !self.exhausted() {
            let since = ends[ends.len() - size];
            let mut kept = Core { calls: Vec::new(), bystanders: Vec::new(), failing: 0 };
            for call in &core.calls {
                if call.returned.is_some_and(|returned| returned >= since) {
                    kept.calls.push(*call);
                } else if let Weaker::Bystander(call) = bystander(call) {
                    kept.bystanders.push(call);
                }
            }
            let trial: Vec<_> = kept.bystanders.iter().chain(&kept.calls).copied().collect();
            if self.violation(&trial) {
                *core = kept;
                return;
            }
            size *= 4;
        }
    }

    /// Weakens chunks of calls wherever the rest stays a violation. Says whether any was.
    fn weaken(&mut self, core: &mut Core, size: usize, weaker: fn(&Call) -> Weaker) -> bool {
        let mut shrunk = false;
        let mut start = 0;
        while start < core.calls.len() && !self.exhausted() {
            let end = (start + size).min(core.calls.len());
            let mut trial = core.bystanders.clone();
            let mut replaced = Vec::new();
            for call in &core.calls[start..end] {
                match weaker(call) {
                    Weaker::Gone => {}
                    Weaker::Bystander(call) => trial.push(call),
                    Weaker::Kept(call) => replaced.push(call),
                }
            }
            let bystanders = trial.len();
            trial.extend(&core.calls[..start]);
            trial.extend(&replaced);
            trial.extend(&core.calls[end..]);
            if replaced != core.calls[start..end] && self.violation(&trial) {
                shrunk = true;
                let kept = replaced.len();
                core.calls = trial.split_off(bystanders);
                core.bystanders = trial;
                start += kept;
            } else {
                start = end;
            }
        }
        shrunk
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Action, State};

    #[test]
    fn a_prefix_keeps_open_writes_and_forgets_open_reads() {
        let call = |action, invoked, returned| Call { action, invoked, returned, source: 0 };
        let write = Action::Write(State::value(1));
        let calls = [
            call(write, 0, Some(3)),
            call(Action::Read(State::value(1)), 1, Some(4)),
            call(write, 5, Some(6)),
        ];
        assert_eq!(prefix(&calls, 2), [call(write, 0, None)]);
    }
}
