//! A client's call as a change of a register.

use crate::message::OpId;
use caspaxos::{Change, Decision, Present, VersionedValue};
use harness_history::{Function, Outcome, Value};
use serde_json::json;
use std::rc::Rc;
use workloads::Call;

/// A JSON value, shared because messages repeat it.
pub(crate) type Shared = Rc<Value>;

/// What a register holds.
pub(crate) type Content = VersionedValue<Shared>;

/// What a change is told when it commits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) outcome: Outcome,
    pub(crate) value: Shared,
    /// The version of the register afterwards.
    pub(crate) version: u64,
    /// Whether that version is this change's own.
    pub(crate) changed: bool,
}

/// A call under way at a proposer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) op: OpId,
    pub(crate) call: Call,
    /// The version that a compare-and-set expects, where it compares versions and not values.
    pub(crate) expected: Option<u64>,
    /// The register holds `[version, value]`, as in the published simulation.
    pub(crate) pairs: bool,
    /// What each application would answer.
    pub(crate) told: Vec<Told>,
}

impl Change<Shared> for Asked {
    fn apply(&mut self, present: Present<'_, Shared>) -> Decision<Shared, ()> {
        let null = Rc::new(Value::Null);
        let held = present.value.unwrap_or(&null);
        let (made, outcome, value) = self.step(held, present.version);
        let changed = made != Decision::Keep(());
        let version = if changed { present.next } else { present.version };
        self.told.push(Told { outcome, value, version, changed });
        made
    }
}

type Step = (Decision<Shared, ()>, Outcome, Shared);

impl Asked {
    /// What becomes of the value that is held, null when there is none, and the answer.
    fn step(&self, held: &Shared, version: u64) -> Step {
        let asked = &self.call.value;
        match self.call.f {
            Function::Read | Function::Get => (Decision::Keep(()), Outcome::Ok, held.clone()),
            Function::Write | Function::Put => put(asked.clone(), asked.clone()),
            Function::Cas if self.pairs => cas_of_pairs(asked, held),
            Function::Cas => {
                let matches =
                    self.expected.map_or(**held == asked[0], |expected| expected == version);
                if matches {
                    put(asked[1].clone(), asked.clone())
                } else if self.expected.is_some() {
                    refused_by_version(held)
                } else {
                    refused(held)
                }
            }
            Function::Append => {
                let mut list = held.as_array().cloned().unwrap_or_default();
                list.push(asked.clone());
                put(list.into(), Value::Null)
            }
            Function::Add => {
                let sum = held.as_i64().unwrap_or(0).saturating_add(asked.as_i64().unwrap_or(0));
                put(sum.into(), Value::Null)
            }
        }
    }
}

/// The register holds null or `[version, value]`; the call is `[expected version, value]`.
fn cas_of_pairs(asked: &Value, held: &Shared) -> Step {
    let version = held[0].as_u64().unwrap_or(0);
    if asked[0].as_u64() != Some(version) {
        return refused(held);
    }
    put(json!([version + 1, asked[1]]), (version + 1).into())
}

/// Writing null deletes.
fn put(value: Value, answer: Value) -> Step {
    let value = (!value.is_null()).then(|| Rc::new(value));
    (Decision::Put(value, ()), Outcome::Ok, Rc::new(answer))
}

/// The value may be the expected one again, under another version.
fn refused_by_version(observed: &Shared) -> Step {
    let value = json!({ "observed": **observed, "compared": "version" });
    (Decision::Keep(()), Outcome::Fail, Rc::new(value))
}

fn refused(observed: &Shared) -> Step {
    (Decision::Keep(()), Outcome::Fail, Rc::new(json!({ "observed": **observed })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(f: Function, value: Value, pairs: bool, present: Option<Value>) -> String {
        let call = Call { f, key: "k".into(), value };
        let op = OpId { client: 0, number: 0 };
        let asked = Asked { op, call, expected: None, pairs, told: Vec::new() };
        spelt(asked, present)
    }

    fn spelt(mut asked: Asked, present: Option<Value>) -> String {
        let held = present.map(Rc::new);
        let made = asked.apply(Present { value: held.as_ref(), version: 7, next: 8 });
        let Told { outcome, value, version, .. } = &asked.told[0];
        match made {
            Decision::Put(Some(new), ()) => format!("put {new} told {value}@{version}"),
            Decision::Put(None, ()) => format!("delete told {value}@{version}"),
            Decision::Keep(()) => format!("keep told {outcome:?} {value}@{version}"),
        }
    }

    #[test]
    fn calls_in_words() {
        let steps = [
            spell(Function::Read, Value::Null, false, None),
            spell(Function::Write, 3.into(), false, Some(2.into())),
            spell(Function::Write, Value::Null, false, Some(2.into())),
            spell(Function::Cas, json!([2, 3]), false, Some(2.into())),
            spell(Function::Cas, json!([2, 3]), false, Some(1.into())),
            spell(Function::Cas, json!([0, 3]), true, None),
            spell(Function::Cas, json!([1, 6]), true, Some(json!([1, 3]))),
            spell(Function::Cas, json!([1, 6]), true, Some(json!([2, 6]))),
            spell(Function::Append, 3.into(), false, Some(json!([1]))),
            spell(Function::Add, 3.into(), false, Some(4.into())),
        ];
        insta::assert_snapshot!(steps.join("\n"), @r#"
        keep told Ok null@7
        put 3 told 3@8
        delete told null@8
        put 3 told [2,3]@8
        keep told Fail {"observed":1}@7
        put [1,3] told 1@8
        put [2,6] told 2@8
        keep told Fail {"observed":[2,6]}@7
        put [1,3] told null@8
        put 7 told null@8
        "#);
    }

    #[test]
    fn versions_are_compared_whatever_the_value() {
        let call = Call { f: Function::Cas, key: "k".into(), value: json!([1, 2]) };
        let op = OpId { client: 0, number: 0 };
        let asked =
            |expected| Asked { op, call: call.clone(), expected, pairs: false, told: Vec::new() };
        assert_eq!(spelt(asked(Some(7)), Some(9.into())), "put 2 told [1,2]@8");
        assert_eq!(
            spelt(asked(Some(6)), Some(1.into())),
            "keep told Fail {\"compared\":\"version\",\"observed\":1}@7"
        );
    }
}
