//! Values, states and calls in words.

use crate::ModelKind;
use crate::action::{Action, State};
use crate::parse::excerpt;
use crate::space::{ELSEWHERE, OTHER, Space};
use harness_history::{Function, Operation, Outcome, Point, Witness};
use serde_json::Value;
use std::ops::Range;

/// Elements of a list that are shown before it is shortened.
const LONG_LIST: usize = 12;
/// Characters of a string that are shown before it is shortened.
const LONG_TEXT: usize = 60;

/// How values are put in words: long lists and strings without the beginning that they share.
pub(crate) struct Words {
    model: ModelKind,
    /// How many elements, or characters, every long content begins with alike.
    shared: usize,
}

impl Words {
    /// Looks at all contents that are to be shown, to find what they share.
    pub(crate) fn new<'a>(model: ModelKind, shown: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut long = shown.into_iter().filter(|value| is_long(value));
        let shared = long.next().map_or(0, |first| {
            long.map(|other| alike(first, other)).min().unwrap_or_else(|| alike(first, first))
        });
        Self { model, shared }
    }

    /// A value, or the content of an object.
    pub(crate) fn value(&self, value: &Value) -> String {
        match value {
            Value::Null => self.nothing().to_owned(),
            Value::Array(pair) if self.model == ModelKind::VersionedCas && pair.len() == 2 => {
                format!("{} (version {})", excerpt(&pair[1]), pair[0])
            }
            Value::Array(items) if is_long(value) => {
                let item = |index: usize| excerpt(&items[index]);
                format!("[{}]", self.shortened(items.len(), LONG_LIST, "elements", ", ", item))
            }
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(excerpt).collect();
                format!("[{}]", items.join(", "))
            }
            Value::String(text) if is_long(value) => {
                let letters: Vec<_> = text.chars().collect();
                let letter = |index: usize| letters[index].to_string();
                format!(
                    "\"{}\"",
                    self.shortened(letters.len(), LONG_TEXT, "characters", "", letter)
                )
            }
            Value::String(_) => value.to_string(),
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => excerpt(value),
        }
    }

    fn nothing(&self) -> &'static str {
        match self.model {
            ModelKind::Register | ModelKind::CasRegister => "null",
            ModelKind::VersionedCas => "nothing",
            ModelKind::Counter => "0",
            ModelKind::Append => "[]",
            ModelKind::KvAppend => "\"\"",
        }
    }

    /// Leaves out what all contents share, and the middle of what is still too long.
    fn shortened(
        &self,
        length: usize,
        limit: usize,
        what: &str,
        between: &str,
        part: impl Fn(usize) -> String,
    ) -> String {
        let join = |range: Range<usize>| range.map(&part).collect::<Vec<_>>().join(between);
        let hidden = self.shared.min(length.saturating_sub(3));
        let mut shown = Vec::new();
        if hidden > 0 {
            shown.push(format!("… {hidden} {what} …"));
        }
        if length - hidden <= limit {
            shown.push(join(hidden..length));
        } else {
            let ends = limit / 3;
            shown.push(join(hidden..hidden + ends));
            shown.push(format!("… {} {what} …", length - hidden - 2 * ends));
            shown.push(join(length - ends..length));
        }
        shown.join(if between.is_empty() { " " } else { between })
    }

    /// The call: `write 5`, `cas 3 → 4`.
    pub(crate) fn call(&self, operation: &Operation) -> String {
        let name = operation.f.name();
        match (operation.f, operation.input.as_array().map(Vec::as_slice)) {
            (Function::Read | Function::Get, _) => name.to_owned(),
            (Function::Cas, Some([from, to])) if self.model == ModelKind::VersionedCas => {
                format!("{name} version {from} → {}", excerpt(to))
            }
            (Function::Cas, Some([from, to])) => {
                format!("{name} {} → {}", excerpt(from), excerpt(to))
            }
            _ => format!("{name} {}", self.input(operation)),
        }
    }

    /// An argument as it is: null is a value here.
    fn input(&self, operation: &Operation) -> String {
        let input = &operation.input;
        if input.is_null() { input.to_string() } else { self.value(input) }
    }

    /// The answer: `ok`, `read 5`, `no answer`.
    fn answer(&self, operation: &Operation, action: Option<Action>) -> String {
        match operation.outcome {
            Outcome::Info => "no answer".to_owned(),
            Outcome::Fail => match operation.output.get("observed") {
                Some(observed) => format!("refused: saw {}", self.value(observed)),
                None => "refused".to_owned(),
            },
            Outcome::Ok => {
                match (operation.f, action.and_then(|action| self.told(action, operation))) {
                    (Function::Read | Function::Get, _) => {
                        format!("read {}", self.value(&operation.output))
                    }
                    (_, Some(told)) => format!("ok, {told}"),
                    (_, None) => "ok".to_owned(),
                }
            }
        }
    }

    /// What a change was told about the state that it left.
    fn told(&self, action: Action, operation: &Operation) -> Option<String> {
        if let Action::Add { total: Some(total), .. } = action {
            Some(format!("now {total}"))
        } else if let Action::WriteNext { version: Some(version), .. }
        | Action::CasNext { version: Some(version), .. } = action
        {
            Some(format!("version {version}"))
        } else if let Action::Append { result: Some(_), .. } = action {
            Some(format!("answer {}", self.value(&operation.output)))
        } else {
            None
        }
    }

    /// An operation of a counterexample, with the completion that counts in the proof.
    pub(crate) fn witness(
        &self,
        operation: &Operation,
        action: Option<Action>,
        completed: Option<Point>,
    ) -> Witness {
        Witness {
            process: operation.process,
            f: operation.f,
            call: self.call(operation),
            answer: self.answer(operation, action),
            outcome: if completed.is_some() { operation.outcome } else { Outcome::Info },
            invoked: operation.invoked.position,
            invoked_time: operation.invoked.time,
            completed: completed.map(|point| point.position),
            completed_time: completed.map(|point| point.time),
        }
    }

    /// What a process did, as a clause: `process 3 wrote 17 and was told ok`.
    /// With the action, also what a change was told.
    pub(crate) fn deed(&self, operation: &Operation, action: Option<Action>) -> String {
        let process = operation.process;
        if operation.outcome == Outcome::Fail {
            let answer = self.answer(operation, None);
            return format!("process {process}'s {} was {answer}", self.call(operation));
        }
        let deed = match operation.f {
            Function::Read | Function::Get => {
                return format!("process {process} read {}", self.value(&operation.output));
            }
            Function::Write | Function::Put => format!("wrote {}", self.input(operation)),
            Function::Cas => format!("did {}", self.call(operation)),
            Function::Append => format!("appended {}", self.input(operation)),
            Function::Add => format!("added {}", self.input(operation)),
        };
        if operation.outcome == Outcome::Info {
            return format!("process {process} called {} and got no answer", self.call(operation));
        }
        let told = action.and_then(|action| self.told(action, operation));
        let told = told.map_or_else(String::new, |told| format!(", {told}"));
        format!("process {process} {deed} and was told ok{told}")
    }
}

/// Whether a list or a string is too long to be shown whole.
fn is_long(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.len() > LONG_LIST,
        Value::String(text) => text.chars().nth(LONG_TEXT).is_some(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// How many elements, or characters, two contents begin with alike.
fn alike(one: &Value, other: &Value) -> usize {
    fn count<T: PartialEq>(a: impl Iterator<Item = T>, b: impl Iterator<Item = T>) -> usize {
        a.zip(b).take_while(|(a, b)| a == b).count()
    }
    if let (Value::Array(one), Value::Array(other)) = (one, other) {
        count(one.iter(), other.iter())
    } else if let (Value::String(one), Value::String(other)) = (one, other) {
        count(one.chars(), other.chars())
    } else {
        0
    }
}

/// The value that a state of the search stands for; none if it stands for several.
pub(crate) fn described(model: ModelKind, state: State, space: &Space) -> Option<Value> {
    match model {
        ModelKind::Register | ModelKind::CasRegister => space.known(state.low()).cloned(),
        ModelKind::VersionedCas if state.version() == 0 => Some(Value::Null),
        ModelKind::VersionedCas if state.low() == OTHER => None,
        ModelKind::VersionedCas => {
            let value = space.known(state.low())?.clone();
            Some(Value::Array(vec![state.version().into(), value]))
        }
        ModelKind::Counter => Some(state.as_total().into()),
        ModelKind::Append | ModelKind::KvAppend if state.low() == ELSEWHERE => None,
        ModelKind::Append => {
            let symbols = space.content(state);
            symbols.into_iter().map(|symbol| space.known(symbol).cloned()).collect()
        }
        ModelKind::KvAppend => {
            let letters = space.content(state).into_iter().filter_map(char::from_u32);
            Some(Value::String(letters.collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn long_lists_are_shown_without_what_they_share() {
        let ours: Value = (0..30).chain([77, 78]).collect::<Vec<_>>().into();
        let theirs: Value = (0..30).chain([78]).collect::<Vec<_>>().into();
        let words = Words::new(ModelKind::Append, [&ours, &theirs, &json!([1, 2])]);
        insta::assert_snapshot!(words.value(&ours), @"[… 29 elements …, 29, 77, 78]");
        insta::assert_snapshot!(words.value(&theirs), @"[… 28 elements …, 28, 29, 78]");
        insta::assert_snapshot!(words.value(&json!([1, 2])), @"[1, 2]");
    }

    #[test]
    fn the_middle_of_one_long_list_is_left_out() {
        let list: Value = (0..30).collect::<Vec<_>>().into();
        let words = Words { model: ModelKind::Append, shared: 0 };
        insta::assert_snapshot!(words.value(&list), @"[0, 1, 2, 3, … 22 elements …, 26, 27, 28, 29]");
    }
}
