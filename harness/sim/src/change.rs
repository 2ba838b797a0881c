//! A client's call as a change function over the register's value.

use caspaxos::Step;
use harness_history::{Function, Outcome, Value};
use serde_json::json;
use std::rc::Rc;
use workloads::Call;

/// What a register holds: a JSON value, shared because messages repeat it.
pub(crate) type Held = Rc<Value>;

/// What a change is told when it commits.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) outcome: Outcome,
    pub(crate) value: Held,
}

/// Applies a call to what the register holds; null when it is empty.
pub(crate) fn step(call: &Call, versioned: bool, present: Option<&Held>) -> Step<Held, Told> {
    let null = Rc::new(Value::Null);
    let present = present.unwrap_or(&null);
    let asked = &call.value;
    match call.f {
        Function::Read | Function::Get => Step::Keep(done(present.clone())),
        Function::Write | Function::Put => put(asked.clone(), asked.clone()),
        Function::Cas if versioned => versioned_cas(asked, present),
        Function::Cas if **present == asked[0] => put(asked[1].clone(), asked.clone()),
        Function::Cas => refused(present),
        Function::Append => {
            let mut list = present.as_array().cloned().unwrap_or_default();
            list.push(asked.clone());
            put(list.into(), Value::Null)
        }
        Function::Add => {
            let sum = present.as_i64().unwrap_or(0).saturating_add(asked.as_i64().unwrap_or(0));
            put(sum.into(), Value::Null)
        }
    }
}

/// The register holds null or `[version, value]`; the call is `[expected version, value]`.
fn versioned_cas(asked: &Value, present: &Held) -> Step<Held, Told> {
    let version = present[0].as_u64().unwrap_or(0);
    if asked[0].as_u64() != Some(version) {
        return refused(present);
    }
    put(json!([version + 1, asked[1]]), (version + 1).into())
}

fn put(value: Value, answer: Value) -> Step<Held, Told> {
    Step::Put(Some(Rc::new(value)), done(Rc::new(answer)))
}

const fn done(value: Held) -> Told {
    Told { outcome: Outcome::Ok, value }
}

fn refused(observed: &Held) -> Step<Held, Told> {
    let value = Rc::new(json!({ "observed": **observed }));
    Step::Keep(Told { outcome: Outcome::Fail, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(f: Function, value: Value, versioned: bool, present: Option<Value>) -> String {
        let call = Call { f, key: "k".into(), value };
        match step(&call, versioned, present.map(Rc::new).as_ref()) {
            Step::Put(value, told) => format!("put {} told {}", value.unwrap(), told.value),
            Step::Keep(told) => format!("keep told {:?} {}", told.outcome, told.value),
        }
    }

    #[test]
    fn calls_in_words() {
        let steps = [
            spell(Function::Read, Value::Null, false, None),
            spell(Function::Write, 3.into(), false, Some(2.into())),
            spell(Function::Cas, json!([2, 3]), false, Some(2.into())),
            spell(Function::Cas, json!([2, 3]), false, Some(1.into())),
            spell(Function::Cas, json!([0, 3]), true, None),
            spell(Function::Cas, json!([1, 6]), true, Some(json!([1, 3]))),
            spell(Function::Cas, json!([1, 6]), true, Some(json!([2, 6]))),
            spell(Function::Append, 3.into(), false, Some(json!([1]))),
            spell(Function::Add, 3.into(), false, Some(4.into())),
        ];
        insta::assert_snapshot!(steps.join("\n"), @r#"
        keep told Ok null
        put 3 told 3
        put 3 told [2,3]
        keep told Fail {"observed":1}
        put [1,3] told 1
        put [2,6] told 2
        keep told Fail {"observed":[2,6]}
        put [1,3] told null
        put 7 told null
        "#);
    }
}
