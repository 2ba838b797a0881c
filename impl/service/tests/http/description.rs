//! The service's own description, as a client reads it.

use serde_json::Value;

pub(crate) struct Description(Value);

impl Description {
    pub(crate) fn load() -> Self {
        Self(serde_json::from_str(include_str!("../../src/service/openapi.json")).unwrap())
    }

    /// A schema by name.
    pub(crate) fn schema(&self, name: &str) -> &Value {
        &self.0["components"]["schemas"][name]
    }

    /// Every path, with its methods in upper case.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (&str, Vec<String>)> {
        self.0["paths"].as_object().unwrap().iter().map(|(path, item)| {
            let keys = item.as_object().unwrap().keys();
            let methods = keys.filter(|key| *key != "parameters").map(|key| key.to_uppercase());
            (path.as_str(), methods.collect())
        })
    }

    /// Whether an answer is one that the description lets a client expect. Methods and paths that
    /// are not described are 404 or 405; HEAD is described where GET is.
    pub(crate) fn allows(&self, method: &str, path: &str, status: u16) -> bool {
        let path = path.split('?').next().unwrap();
        let Some(template) = self.template(path) else { return status == 404 || status == 400 };
        let item = &self.0["paths"][template];
        let method = method.to_lowercase();
        let described = item.get(&method).or_else(|| item.get("get").filter(|_| method == "head"));
        match described {
            None => matches!(status, 405 | 401 | 403),
            Some(operation) => operation["responses"].get(status.to_string()).is_some(),
        }
    }

    fn template(&self, path: &str) -> Option<&str> {
        let fits = |template: &str| {
            let (given, wanted): (Vec<_>, Vec<_>) =
                (path.split('/').collect(), template.split('/').collect());
            given.len() == wanted.len()
                && given.iter().zip(wanted).all(|(given, wanted)| {
                    *given == wanted || (wanted.starts_with('{') && !given.is_empty())
                })
        };
        self.paths().map(|(template, _)| template).find(|template| fits(template))
    }
}
