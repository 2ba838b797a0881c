//! One decision: which method takes a key's calls, and what it found.

use crate::ModelKind;
use crate::action::State;
use crate::budget::{Exhausted, Meter};
use crate::configuration::Counting;
use crate::key_history::Call;
use crate::plan::{Plan, TooManyOpen};
use crate::search::{Found, Search};
use crate::space::Space;
use crate::unique;

/// What was found, and the most configurations held at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decision {
    pub(crate) found: Found,
    pub(crate) peak: usize,
}

/// Decides whether the calls can be put into a legal order.
pub(crate) fn decide(
    model: ModelKind,
    initial: State,
    calls: &[Call],
    space: &mut Space,
    meter: &Meter<'_>,
) -> Decision {
    if let Some(linearizable) = decide_unique(model, initial, calls) {
        let last = calls.iter().filter_map(|call| call.returned).max().unwrap_or_default();
        let violation = Found::Violation { at: last };
        return Decision {
            found: if linearizable { Found::Linearizable } else { violation },
            peak: 1,
        };
    }
    match Plan::guided(model, initial, calls, space) {
        Ok(plan) => search(&plan, space, meter),
        Err(TooManyOpen { at }) => {
            Decision { found: Found::Undecided { reason: Exhausted::Slots, at }, peak: 0 }
        }
    }
}

/// Configurations that each way of counting may make in the first round, beside some for each call.
const FIRST_ROUND: usize = 50_000;

/// Searches with all three ways of counting crashed calls in turn, giving each four times as much
/// in every round. Frugal counting can find that there is a way, lavish counting that there is
/// none; exact counting can find both, but may take far longer.
fn search(plan: &Plan, space: &mut Space, meter: &Meter<'_>) -> Decision {
    let mut ways = vec![Counting::Frugal, Counting::Lavish, Counting::Exact];
    if plan.classes.is_empty() {
        ways = vec![Counting::Exact];
    }
    let (mut peak, mut furthest) = (0, 0);
    let mut allowed = FIRST_ROUND + 64 * plan.steps.len();
    while !ways.is_empty() {
        for way in ways.clone() {
            let part = meter.part(if ways.len() == 1 { usize::MAX } else { allowed });
            let given = part.left();
            let mut search = Search::new(plan, space, &part, way);
            let found = search.run();
            peak = search.peak.max(peak);
            meter.charge(given - part.left());
            match (found, way) {
                (Found::Linearizable, Counting::Frugal | Counting::Exact)
                | (Found::Violation { .. }, Counting::Lavish | Counting::Exact) => {
                    return Decision { found, peak };
                }
                (Found::Linearizable, Counting::Lavish)
                | (Found::Violation { .. }, Counting::Frugal) => {
                    ways.retain(|&other| other != way);
                }
                (Found::Undecided { reason, at }, _) => {
                    furthest = at.max(furthest);
                    match reason {
                        Exhausted::Steps if meter.left() > 0 => {}
                        Exhausted::Memory => ways.retain(|&other| other != way),
                        Exhausted::Steps | Exhausted::Time | Exhausted::Slots => {
                            return Decision { found, peak };
                        }
                    }
                }
            }
        }
        allowed = allowed.saturating_mul(4);
    }
    // Only for want of memory does exact counting leave a history undecided.
    let found = Found::Undecided { reason: Exhausted::Memory, at: furthest };
    Decision { found, peak }
}

/// Whether there is certainly no way, even if crashed calls can be used any number of times. Far
/// cheaper than a full decision where there are many of them.
pub(crate) fn hopeless(
    model: ModelKind,
    initial: State,
    calls: &[Call],
    space: &mut Space,
    meter: &Meter<'_>,
) -> bool {
    if let Some(linearizable) = decide_unique(model, initial, calls) {
        return !linearizable;
    }
    Plan::guided(model, initial, calls, space).is_ok_and(|plan| {
        let found = Search::new(&plan, space, meter, Counting::Lavish).run();
        matches!(found, Found::Violation { .. })
    })
}

fn decide_unique(model: ModelKind, initial: State, calls: &[Call]) -> Option<bool> {
    match model {
        ModelKind::Register | ModelKind::CasRegister => {}
        ModelKind::VersionedCas | ModelKind::Counter => return None,
        ModelKind::Append | ModelKind::KvAppend => return None,
    }
    if !calls.iter().any(|call| call.action.is_refusal()) {
        return unique::decide(initial, calls);
    }
    // Without the refusals a history is weaker: if there is no way even so, there is none.
    let others: Vec<_> = calls.iter().filter(|call| !call.action.is_refusal()).copied().collect();
    unique::decide(initial, &others).filter(|&linearizable| !linearizable)
}

#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(test)]
mod tests {
    use super::support::object;
    use super::support::world::{Telling, World, spoil};
    use super::*;
    use crate::budget::Budget;
    use crate::{Answers, FailedCas, KeyHistory, Settings, split};
    use harness_history::operations;
    use proptest::prelude::*;

    fn searched(history: &KeyHistory<'_>, plan: &Plan, counting: Option<Counting>) -> bool {
        let mut space = history.space.clone();
        let budget = Budget::unlimited();
        let meter = Meter::new(&budget);
        let found = match counting {
            Some(counting) => Search::new(plan, &mut space, &meter, counting).run(),
            None => search(plan, &mut space, &meter).found,
        };
        found == Found::Linearizable
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]
        #[test]
        fn every_method_gives_the_answer_of_trying_everything(
            model in proptest::sample::select(ModelKind::ALL.to_vec()),
            clients in 2_u64..5,
            size in 4_usize..16,
            lost in prop_oneof![Just(0_u32), 50..300_u32],
            values in prop_oneof![Just(None), (2_u64..5).prop_map(Some)],
            telling in proptest::sample::select(vec![Telling::Nothing, Telling::After]),
            seed in any::<u64>(),
            spoilt in 0_usize..5,
            mismatch in any::<bool>(),
        ) {
            let world = World {
                model: model.name(), keys: 1, clients, operations: size, lost, values, telling,
            };
            let mut events = world.events(seed);
            spoil(&mut events, spoilt, seed);
            let Ok(operations) = operations(&events) else { return Ok(()) };
            let failed_cas = if mismatch { FailedCas::Mismatch } else { FailedCas::Drop };
            let initial = object::initial(model.name());
            let answers = Answers::After;
            let settings = Settings { failed_cas, answers, ..Settings::new(model, initial) };
            let histories = split(&operations, &settings).unwrap();
            let history = &histories[0];
            let (initial, calls, space) = (history.initial, &history.calls, &history.space);

            let exhaustive = Plan::exhaustive(initial, calls, space).unwrap();
            let expected = searched(history, &exhaustive, Some(Counting::Exact));
            let guided = Plan::guided(model, initial, calls, space).unwrap();
            prop_assert_eq!(searched(history, &guided, Some(Counting::Exact)), expected);
            prop_assert_eq!(searched(history, &guided, None), expected);
            let readable = Plan::readable(model, initial, calls, space).unwrap();
            prop_assert_eq!(searched(history, &readable, None), expected);
            if matches!(model, ModelKind::Register | ModelKind::CasRegister)
                && let Some(unique) = unique::decide(initial, calls)
            {
                prop_assert_eq!(unique, expected);
            }
        }
    }
}
