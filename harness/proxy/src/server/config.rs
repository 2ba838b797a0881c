//! What stands in a configuration file: the proxies that are there from the first, as JSON.

use super::Refusal;
use crate::Toxic;
use crate::order::Order;
use crate::wire::{ProxySettings, WrittenProxy, WrittenToxic, first_document};
use std::collections::BTreeSet;

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not what a configuration looks like.
    #[error("{0}; wanted is [{{\"name\": …, \"listen\": host:port, \"upstream\": host:port}}, …]")]
    Json(#[from] serde_json::Error),
    /// A proxy lacks something.
    #[error("{}", .0.reason())]
    Proxy(#[from] Refusal),
}

/// Reads the proxies of a configuration, in Toxiproxy's own format.
///
/// # Errors
/// [`ConfigError`], with the place in the text or the number of the proxy.
pub fn parse_config(text: &str) -> Result<Vec<ProxySettings>, ConfigError> {
    let nothing = || serde_json::from_str(text);
    let written: Vec<WrittenProxy> = first_document(text.as_bytes()).unwrap_or_else(nothing)?;
    Ok(settings_of_all(written)?)
}

/// The settings of proxies that come together: what one lacks is told with its number.
pub(super) fn settings_of_all(written: Vec<WrittenProxy>) -> Result<Vec<ProxySettings>, Refusal> {
    let mut names = BTreeSet::new();
    let mut all = Vec::with_capacity(written.len());
    for (proxy, number) in written.into_iter().zip(1..) {
        let settings = settings(proxy, &format!(" at proxy {number}"))?;
        if !names.insert(settings.name.clone()) {
            let name = settings.name;
            let twice = format!("there are two proxies named {name}: names are unique");
            return Err(Refusal::BadBody(twice));
        }
        all.push(settings);
    }
    Ok(all)
}

/// The settings of one proxy. `which` is added to the name of what it lacks.
pub(super) fn settings(proxy: WrittenProxy, which: &str) -> Result<ProxySettings, Refusal> {
    let required = |field: Option<String>, name| {
        let missing = || Refusal::MissingField(format!("{name}{which}"));
        field.filter(|text| !text.is_empty()).ok_or_else(missing)
    };
    check_fields(&proxy, which)?;
    let name = required(proxy.name, "name")?;
    if name.len() > crate::NAME_MAX {
        return Err(Refusal::name_too_long());
    }
    Ok(ProxySettings {
        upstream: required(proxy.upstream, "upstream")?,
        listen: proxy.listen.unwrap_or_default(),
        enabled: proxy.enabled.unwrap_or(true),
        toxics: toxics(proxy.toxics.unwrap_or_default(), &name)?,
        name,
    })
}

/// Refuses what a proxy does not have, and would be passed over.
pub(super) fn check_fields(proxy: &WrittenProxy, which: &str) -> Result<(), Refusal> {
    proxy.unknown.as_ref().map_or(Ok(()), |name| {
        let has = "a proxy has name, listen, upstream, enabled and toxics";
        Err(Refusal::BadBody(format!("there is no field {name}{which}: {has}")))
    })
}

/// The toxics that come with a proxy, which it can have together.
fn toxics(written: Vec<WrittenToxic>, proxy: &str) -> Result<Vec<Toxic>, Refusal> {
    let mut order = Order::default();
    for (toxic, number) in written.into_iter().zip(1..) {
        let wrong = |why: &dyn std::fmt::Display| {
            Refusal::BadBody(format!("toxic {number} of proxy {proxy}: {why}"))
        };
        toxic.check(None).map_err(|error| wrong(&error))?;
        let toxic = Toxic::try_from(toxic).map_err(|error| wrong(&error))?;
        order.add(toxic).map_err(|error| wrong(&error))?;
    }
    Ok(order.toxics())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_of_toxiproxy() {
        let text = r#"[
            {"name": "web", "listen": "[::]:18080", "upstream": "example.com:80"},
            {"name": "redis", "listen": "127.0.0.1:26379", "upstream": "redis:6379", "enabled": false}
        ]"#;
        let proxy = |name: &str, listen: &str, upstream: &str, enabled| ProxySettings {
            name: name.to_owned(),
            listen: listen.to_owned(),
            upstream: upstream.to_owned(),
            enabled,
            toxics: Vec::new(),
        };
        let expected = [
            proxy("web", "[::]:18080", "example.com:80", true),
            proxy("redis", "127.0.0.1:26379", "redis:6379", false),
        ];
        assert_eq!(parse_config(text).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_with_a_configuration_is_told_with_its_place() {
        let wrong: String = [
            "[\n  {\"name\": \"a\",}\n]",
            "{}",
            r#"[{"name": "a", "upstream": "b:1"}, {"upstream": "b:1"}]"#,
            r#"[{"name": "a"}]"#,
            r#"[{"name": "a", "upstream": "b:1"}, {"name": "a", "upstream": "b:2"}]"#,
        ]
        .map(|text| format!("{}\n", parse_config(text).unwrap_err()))
        .concat();
        insta::assert_snapshot!(wrong, @r#"
        trailing comma at line 2 column 16; wanted is [{"name": …, "listen": host:port, "upstream": host:port}, …]
        invalid type: map, expected a sequence at line 1 column 0; wanted is [{"name": …, "listen": host:port, "upstream": host:port}, …]
        missing required field: name at proxy 2
        missing required field: upstream at proxy 1
        there are two proxies named a: names are unique
        "#);
    }
}
