//! The sequential objects, on plain JSON.

use harness_history::Function;
use serde_json::{Value, json};

/// What a call answers, and what it leaves. No answer: the object refuses.
pub(crate) fn call(
    model: &str,
    state: &Value,
    f: Function,
    input: &Value,
) -> (Option<Value>, Value) {
    match (model, f) {
        (_, Function::Read | Function::Get) => (Some(state.clone()), state.clone()),
        ("register" | "cas-register", Function::Write) => (Some(input.clone()), input.clone()),
        ("kv-append", Function::Put) => (Some(input.clone()), input.clone()),
        ("cas-register", Function::Cas) if *state == input[0] => {
            (Some(input[1].clone()), input[1].clone())
        }
        ("versioned-cas", Function::Write) => {
            let next = state[0].as_u64().unwrap_or(0) + 1;
            (Some(json!(next)), json!([next, input]))
        }
        ("versioned-cas", Function::Cas) if state[0].as_u64().unwrap_or(0) == input[0] => {
            let next = state[0].as_u64().unwrap_or(0) + 1;
            (Some(json!(next)), json!([next, input[1]]))
        }
        (_, Function::Cas) => (None, state.clone()),
        ("counter", Function::Add) => {
            let total = state.as_i64().unwrap_or(0) + input.as_i64().unwrap_or(0);
            (Some(json!(total)), json!(total))
        }
        ("append", Function::Append) => {
            let mut items = state.as_array().cloned().unwrap_or_default();
            items.push(input.clone());
            (Some(Value::Array(items.clone())), Value::Array(items))
        }
        ("kv-append", Function::Append) => {
            let text: String =
                [state, input].map(|text| text.as_str().unwrap_or_default()).concat();
            (Some(json!(text)), json!(text))
        }
        // No workload here calls what the model does not have.
        _ => (None, state.clone()),
    }
}

/// What an object holds at first.
pub(crate) fn initial(model: &str) -> Value {
    match model {
        "counter" => json!(0),
        "append" => json!([]),
        "kv-append" => json!(""),
        _ => Value::Null,
    }
}
