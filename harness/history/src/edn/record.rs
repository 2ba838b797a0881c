//! What Jepsen writes of one event, as the fields that JSON lines have.

use super::Form;
use serde_json::{Map, Value};

/// The name of a tag, at its end, that Jepsen and Knossos give to an operation.
const OPERATION: &str = "Op";

/// Values of EDN in the form of JSON's.
///
/// A keyword `:a` becomes the string `":a"`. So that no string is taken for it, a history must
/// not have both keywords and strings with a colon in front among its values.
#[derive(Debug, Default)]
pub(crate) struct Values {
    keyword: bool,
    text_with_colon: bool,
}

impl Values {
    /// A value that a call can have.
    fn exact(&mut self, form: &Form) -> Result<Value, String> {
        let value = match form {
            Form::Nil => Value::Null,
            Form::Bool(bool) => Value::Bool(*bool),
            Form::Number(number) => Value::Number(number.clone()),
            Form::Text(text) => self.text(text).into(),
            Form::Keyword(name) => self.keyword(name).into(),
            Form::Sequence(forms) => {
                let values = forms.iter().map(|form| self.exact(form));
                Value::Array(values.collect::<Result<_, _>>()?)
            }
            Form::Map(pairs) => Value::Object(self.object(pairs)?),
            Form::Unreadable(number) => {
                return Err(format!(
                    "the number {number} cannot be compared exactly; write it as a string"
                ));
            }
            Form::Symbol(_) | Form::Char(_) | Form::Set(_) | Form::Tagged(..) => {
                return Err(format!(
                    "the value {} is none that a call can have: nil, booleans, numbers, strings, \
                     keywords, vectors and maps",
                    loose(form)
                ));
            }
        };
        if self.keyword && self.text_with_colon {
            return Err(String::from(
                "there are keywords and strings with a colon in front among the values: \
                 they could not be told apart",
            ));
        }
        Ok(value)
    }

    fn text(&mut self, text: &str) -> String {
        self.text_with_colon |= text.starts_with(':');
        text.to_owned()
    }

    fn keyword(&mut self, name: &str) -> String {
        self.keyword = true;
        format!(":{name}")
    }

    fn object(&mut self, pairs: &[(Form, Form)]) -> Result<Map<String, Value>, String> {
        let mut object = Map::new();
        for (key, value) in pairs {
            let name = if let Form::Text(text) = key {
                self.text(text)
            } else if let Form::Keyword(name) = key {
                self.keyword(name)
            } else {
                let key = loose(key);
                return Err(format!("the key {key} of a map is no string and no keyword"));
            };
            if object.insert(name, self.exact(value)?).is_some() {
                return Err(format!("the key {} is in a map twice", loose(key)));
            }
        }
        Ok(object)
    }

    /// The answer of a refused compare-and-set is `{"observed": value}`, with either kind of key.
    fn refusal(&mut self, form: &Form) -> Result<Value, String> {
        // Why it failed, as Jepsen's older clients have it.
        if matches!(form, Form::Keyword(_)) {
            return Ok(loose(form));
        }
        if let Form::Map(pairs) = form
            && let [(Form::Keyword(name), observed)] = pairs.as_slice()
            && name == "observed"
        {
            return Ok(Value::Object(Map::from_iter([(name.clone(), self.exact(observed)?)])));
        }
        self.exact(form)
    }
}

/// What is only shown to people.
fn loose(form: &Form) -> Value {
    let joined = |forms: &[Form]| -> Value { forms.iter().map(loose).collect() };
    match form {
        Form::Nil => Value::Null,
        Form::Bool(bool) => Value::Bool(*bool),
        Form::Number(number) => Value::Number(number.clone()),
        Form::Unreadable(text) | Form::Text(text) | Form::Symbol(text) => text.clone().into(),
        Form::Keyword(name) => format!(":{name}").into(),
        Form::Char(name) => format!("\\{name}").into(),
        Form::Sequence(forms) | Form::Set(forms) => joined(forms),
        Form::Map(pairs) => {
            let named = |key: &Form| {
                let name = loose(key);
                name.as_str().map_or_else(|| name.to_string(), str::to_owned)
            };
            let fields = pairs.iter().map(|(key, value)| (named(key), loose(value)));
            Value::Object(fields.collect())
        }
        Form::Tagged(tag, form) => format!("#{tag} {}", loose(form)).into(),
    }
}

/// The fields of an event. Those that only people look at are taken loosely; a call of the nemesis
/// may hold what no client's call can, and is passed over anyway, so all of it is.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn record(form: Form, values: &mut Values) -> Result<Vec<(String, Value)>, String> {
    if let Form::Tagged(tag, form) = form {
        if tag.ends_with(OPERATION) {
            return record(*form, values);
        }
        return Err(format!("#{tag} is no operation"));
    }
    let Form::Map(pairs) = form else {
        return Err(format!("{} is no map", loose(&form)));
    };
    let field = |name: &str| {
        let named = |key: &Form| matches!(key, Form::Keyword(n) | Form::Text(n) if n == name);
        pairs.iter().find(|(key, _)| named(key)).map(|(_, value)| value)
    };
    let by_client = matches!(field("process"), Some(Form::Number(_)));
    let kind = field("type");
    let is =
        |name: &str| matches!(kind, Some(Form::Keyword(kind) | Form::Text(kind)) if kind == name);
    let answers = is("invoke") || is("ok");
    let refused = is("fail");
    let mut fields = Vec::with_capacity(pairs.len());
    for (key, value) in &pairs {
        let (Form::Keyword(name) | Form::Text(name)) = key else {
            return Err(format!("the field {} is no keyword", loose(key)));
        };
        let value = match (name.as_str(), value) {
            ("type" | "f", Form::Keyword(name)) => name.clone().into(),
            ("key", value) if by_client => values.exact(value)?,
            ("value", value) if by_client && answers => values.exact(value)?,
            ("value", value) if by_client && refused => values.refusal(value)?,
            (_, value) => loose(value),
        };
        fields.push((name.clone(), value));
    }
    Ok(fields)
}
