//! What stands in a configuration file: the proxies that are there from the first, as JSON.

use super::Refusal;
use crate::wire::{ProxySettings, WrittenProxy, first_document};
use std::collections::BTreeSet;

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not what a configuration looks like.
    #[error("{0}; wanted is [{{\"name\": …, \"listen\": host:port, \"upstream\": host:port}}, …]")]
    Json(#[from] serde_json::Error),
    /// A proxy lacks something.
    #[error(transparent)]
    Proxy(#[from] Refusal),
    /// Two proxies have the same name.
    #[error("there are two proxies named {name}: names are unique")]
    Twice {
        /// The name.
        name: String,
    },
}

/// Reads the proxies of a configuration, in Toxiproxy's own format.
///
/// # Errors
/// [`ConfigError`], with the place in the text or the number of the proxy.
pub fn parse_config(text: &str) -> Result<Vec<ProxySettings>, ConfigError> {
    let nothing = || serde_json::from_str(text);
    let written: Vec<WrittenProxy> = first_document(text.as_bytes()).unwrap_or_else(nothing)?;
    let proxies = settings_of_all(written)?;
    let mut names = BTreeSet::new();
    match proxies.iter().find(|proxy| !names.insert(&proxy.name)) {
        Some(twice) => Err(ConfigError::Twice { name: twice.name.clone() }),
        None => Ok(proxies),
    }
}

/// The settings of proxies that come together: what one lacks is told with its number.
pub(super) fn settings_of_all(written: Vec<WrittenProxy>) -> Result<Vec<ProxySettings>, Refusal> {
    let numbered = written.into_iter().zip(1..);
    let settings = numbered.map(|(proxy, number)| settings(proxy, &format!(" at proxy {number}")));
    settings.collect()
}

/// The settings of one proxy. `which` is added to the name of what it lacks.
pub(super) fn settings(proxy: WrittenProxy, which: &str) -> Result<ProxySettings, Refusal> {
    let required = |field: Option<String>, name| {
        let missing = || Refusal::MissingField(format!("{name}{which}"));
        field.filter(|text| !text.is_empty()).ok_or_else(missing)
    };
    let name = required(proxy.name, "name")?;
    if name.len() > crate::NAME_MAX {
        return Err(Refusal::name_too_long());
    }
    Ok(ProxySettings {
        name,
        upstream: required(proxy.upstream, "upstream")?,
        listen: proxy.listen.unwrap_or_default(),
        enabled: proxy.enabled.unwrap_or(true),
    })
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
