//! How proxies and toxics are written in Toxiproxy's JSON.
//!
//! | question | file |
//! |---|---|
//! | which fields does a proxy or a toxic have, and what is taken for granted? | here |
//! | which attributes does each type of toxic have? | `wire/attributes.rs` |
//! | how is read what others wrote? | `wire/written.rs` |

mod attributes;
mod written;

pub(crate) use written::{WrittenProxy, WrittenToxic, first_document};

use crate::{Direction, Toxic};
use attributes::{check, effect, known, written};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What a proxy is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct ProxySettings {
    /// Its name, unique on its server.
    pub name: String,
    /// Where it listens, `host:port`. Port 0 stands for any that is free. It is looked up when the
    /// proxy is enabled.
    pub listen: String,
    /// The server that it leads to, `host:port`. A name is resolved for every connection.
    pub upstream: String,
    /// Whether it accepts connections from the first.
    pub enabled: bool,
    /// What is wrong with it from the first. The genuine Toxiproxy passes them over.
    pub toxics: Vec<Toxic>,
}

/// A proxy as its server tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProxyState {
    /// Its name.
    pub name: String,
    /// Where it listens, with the port that it got; or where it is to listen, if it was never enabled.
    pub listen: String,
    /// The server that it leads to.
    pub upstream: String,
    /// Whether it accepts connections.
    pub enabled: bool,
    /// What is wrong with it: first all that is put into requests, then what is put into replies,
    /// each in the order in which it was added, if the server tells it so.
    pub toxics: Vec<Toxic>,
}

/// What is wrong with a toxic that somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// It goes neither way.
    #[error("stream was invalid, can be either upstream or downstream")]
    Stream,
    /// Nobody here knows what it does.
    #[error("invalid toxic type")]
    Type,
    /// One of its attributes is no number that can be used.
    #[error("attribute {name} is {value}: a whole number from 0 {} is wanted", up_to(*most))]
    Attribute {
        /// The attribute.
        name: &'static str,
        /// What it was given as, in JSON.
        value: String,
        /// The largest that it can be; [`u64::MAX`] for any.
        most: u64,
    },
    /// Its type has no such attribute.
    #[error("there is no attribute {name}: the type {kind} has {}", known(kind))]
    UnknownAttribute {
        /// What was given, in small letters.
        name: String,
        /// The toxic's type.
        kind: &'static str,
    },
    /// A toxic has no such field.
    #[error("there is no field {name}: a toxic has name, type, stream, toxicity and attributes")]
    UnknownField {
        /// As it was written.
        name: String,
    },
}

fn up_to(most: u64) -> String {
    if most == u64::MAX { String::from("on") } else { format!("to {most}") }
}

/// A toxic on its way out.
#[derive(Debug, Serialize)]
pub(crate) struct ToxicDocument<'a> {
    attributes: Map<String, Value>,
    name: &'a str,
    r#type: &'static str,
    stream: &'static str,
    toxicity: Value,
}

/// A proxy on its way out.
#[derive(Debug, Serialize)]
pub(crate) struct ProxyDocument<'a> {
    name: &'a str,
    listen: &'a str,
    upstream: &'a str,
    enabled: bool,
    toxics: Vec<ToxicDocument<'a>>,
}

impl<'a> From<&'a Toxic> for ToxicDocument<'a> {
    fn from(toxic: &'a Toxic) -> Self {
        let (kind, attributes) = written(toxic.effect);
        // Toxiproxy writes 1, not 1.0.
        let toxicity = if toxic.toxicity == 1.0 { json!(1) } else { json!(toxic.toxicity) };
        let stream = stream(toxic.direction);
        Self { attributes: attributes.0, name: &toxic.name, r#type: kind, stream, toxicity }
    }
}

impl<'a> From<&'a ProxyState> for ProxyDocument<'a> {
    fn from(proxy: &'a ProxyState) -> Self {
        Self {
            name: &proxy.name,
            listen: &proxy.listen,
            upstream: &proxy.upstream,
            enabled: proxy.enabled,
            toxics: proxy.toxics.iter().map(ToxicDocument::from).collect(),
        }
    }
}

impl<'a> From<&'a ProxySettings> for ProxyDocument<'a> {
    fn from(proxy: &'a ProxySettings) -> Self {
        Self {
            name: &proxy.name,
            listen: &proxy.listen,
            upstream: &proxy.upstream,
            enabled: proxy.enabled,
            toxics: proxy.toxics.iter().map(ToxicDocument::from).collect(),
        }
    }
}

/// What type of toxic it is.
pub(crate) fn kind(toxic: &Toxic) -> &'static str {
    written(toxic.effect).0
}

impl TryFrom<WrittenToxic> for Toxic {
    type Error = WireError;

    /// Fills in what Toxiproxy takes for granted: downstream, all connections, all attributes 0, and
    /// a name made of type and stream.
    fn try_from(toxic: WrittenToxic) -> Result<Self, WireError> {
        let direction = match toxic.stream {
            None => Direction::Replies,
            Some(name) => direction(&name)?,
        };
        let kind = toxic.r#type.unwrap_or_default();
        let effect = effect(&kind, &toxic.attributes.unwrap_or_default())?;
        let name = toxic.name.filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| format!("{kind}_{}", stream(direction)));
        Ok(Self { name, direction, toxicity: toxic.toxicity.unwrap_or(1.0), effect })
    }
}

impl WrittenToxic {
    /// Refuses what a toxic of this type does not have, and would be passed over. `None` is the type
    /// that it says itself to be of.
    pub(crate) fn check(&self, kind: Option<&str>) -> Result<(), WireError> {
        if let Some(name) = &self.unknown {
            return Err(WireError::UnknownField { name: name.clone() });
        }
        let kind = kind.or(self.r#type.as_deref()).unwrap_or_default();
        self.attributes.as_ref().map_or(Ok(()), |attributes| check(kind, attributes))
    }
}

/// A toxic after an update: its attributes are replaced one by one, and its toxicity; its name, its
/// type and its stream stay.
pub(crate) fn updated(toxic: &Toxic, update: WrittenToxic) -> Result<Toxic, WireError> {
    let (kind, mut attributes) = written(toxic.effect);
    update.check(Some(kind))?;
    attributes.0.extend(update.attributes.unwrap_or_default().0);
    let effect = effect(kind, &attributes)?;
    Ok(Toxic { toxicity: update.toxicity.unwrap_or(toxic.toxicity), effect, ..toxic.clone() })
}

pub(crate) fn stream(direction: Direction) -> &'static str {
    match direction {
        Direction::Requests => "upstream",
        Direction::Replies => "downstream",
    }
}

fn direction(stream: &str) -> Result<Direction, WireError> {
    let directions = [Direction::Requests, Direction::Replies];
    let named = directions.into_iter().find(|way| stream.eq_ignore_ascii_case(self::stream(*way)));
    named.ok_or(WireError::Stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Effect;
    use proptest::prelude::*;
    use std::time::Duration;

    fn toxic(text: &str) -> Result<Toxic, WireError> {
        serde_json::from_str::<WrittenToxic>(text).unwrap().try_into()
    }

    fn text(toxic: &Toxic) -> String {
        serde_json::to_string(&ToxicDocument::from(toxic)).unwrap()
    }

    #[test]
    fn what_is_left_out_is_as_toxiproxy_has_it() {
        let toxic = toxic(r#"{"type":"latency","attributes":{"latency":20,"colour":"red"}}"#);
        let expected = r#"{"attributes":{"jitter":0,"latency":20},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}"#;
        assert_eq!(text(&toxic.unwrap()), expected);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (given, wrong) in [
            (
                r#"{"type":"noop","stream":"sideways"}"#,
                "stream was invalid, can be either upstream or downstream",
            ),
            (r#"{"type":"poison"}"#, "invalid toxic type"),
            (r"{}", "invalid toxic type"),
            (
                r#"{"type":"bandwidth","attributes":{"rate":-1}}"#,
                "attribute rate is -1: a whole number from 0 on is wanted",
            ),
            (
                r#"{"type":"latency","attributes":{"latency":"20"}}"#,
                "attribute latency is \"20\": a whole number from 0 on is wanted",
            ),
        ] {
            assert_eq!(toxic(given).unwrap_err().to_string(), wrong, "{given}");
        }
    }

    #[test]
    fn an_update_replaces_attributes_one_by_one_and_nothing_else_but_the_toxicity() {
        let before = toxic(
            r#"{"name":"slow","type":"latency","stream":"upstream","attributes":{"latency":20,"jitter":5}}"#,
        );
        let update = r#"{"name":"x","type":"noop","stream":"downstream","toxicity":0.5,"attributes":{"jitter":7}}"#;
        let after = updated(&before.unwrap(), serde_json::from_str(update).unwrap()).unwrap();
        let expected = r#"{"attributes":{"jitter":7,"latency":20},"name":"slow","type":"latency","stream":"upstream","toxicity":0.5}"#;
        assert_eq!(text(&after), expected);
    }

    fn effects() -> impl Strategy<Value = Effect> {
        let time = || (0..4_000_000_u64).prop_map(Duration::from_millis);
        let chance = || (0..=1000_u32).prop_map(|per_mille| f64::from(per_mille) / 1000.0);
        let pieces = (1..100_000_usize, 0..1000_usize, 0..1_000_000_u64);
        prop_oneof![
            Just(Effect::Noop),
            Just(Effect::Blackhole),
            (time(), time()).prop_map(|(latency, jitter)| Effect::Latency { latency, jitter }),
            any::<u64>().prop_map(|rate| Effect::Bandwidth { rate }),
            time().prop_map(|delay| Effect::SlowClose { delay }),
            time().prop_map(|timeout| Effect::Timeout { timeout }),
            time().prop_map(|timeout| Effect::ResetPeer { timeout }),
            pieces.prop_map(|(average_size, size_variation, micros)| Effect::Slicer {
                average_size,
                size_variation,
                delay: Duration::from_micros(micros),
            }),
            any::<u64>().prop_map(|bytes| Effect::LimitData { bytes }),
            chance().prop_map(|probability| Effect::Loss { probability }),
            (chance(), any::<bool>())
                .prop_map(|(probability, usable)| Effect::Drop { probability, usable }),
            chance().prop_map(|probability| Effect::Corrupt { probability }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            effect in effects(), name in "[a-z]{1,9}", percent in 0..=100_u8, requests: bool
        ) {
            let direction = if requests { Direction::Requests } else { Direction::Replies };
            let toxicity = f64::from(percent) / 100.0;
            let before = Toxic { name, direction, toxicity, effect };
            prop_assert_eq!(toxic(&text(&before)).unwrap(), before);
        }
    }
}
