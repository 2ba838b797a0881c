//! How proxies and toxics are written in Toxiproxy's JSON.

use crate::{Direction, Effect, Toxic};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What a toxic's effect is told in, by name.
pub(crate) type Attributes = Map<String, Value>;

/// What a proxy is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProxySettings {
    /// Its name, unique on its server.
    pub name: String,
    /// Where it listens, `host:port`. Port 0 stands for any that is free.
    pub listen: String,
    /// The server that it leads to, `host:port`. A name is resolved for every connection.
    pub upstream: String,
    /// Whether it accepts connections from the first.
    pub enabled: bool,
}

/// A proxy as its server tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProxyState {
    /// Its name.
    pub name: String,
    /// Where it listens, with the port that it got.
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
    #[error("attribute {name} is {value}: a whole number from 0 on is wanted")]
    Attribute {
        /// The attribute.
        name: &'static str,
        /// What it was given as, in JSON.
        value: String,
    },
}

/// A toxic on its way out.
#[derive(Debug, Serialize)]
pub(crate) struct ToxicDocument<'a> {
    attributes: Attributes,
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

/// A toxic as somebody else wrote it: everything may be missing, and what is unknown is ignored.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WrittenToxic {
    pub(crate) name: Option<String>,
    pub(crate) r#type: Option<String>,
    pub(crate) stream: Option<String>,
    pub(crate) toxicity: Option<f64>,
    pub(crate) attributes: Option<Attributes>,
}

/// A proxy as somebody else wrote it, with the same freedom.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct WrittenProxy {
    pub(crate) name: Option<String>,
    pub(crate) listen: Option<String>,
    pub(crate) upstream: Option<String>,
    pub(crate) enabled: Option<bool>,
    pub(crate) toxics: Option<Vec<WrittenToxic>>,
}

impl<'a> From<&'a Toxic> for ToxicDocument<'a> {
    fn from(toxic: &'a Toxic) -> Self {
        let (kind, attributes) = written(toxic.effect);
        // Toxiproxy writes 1, not 1.0.
        let toxicity = if toxic.toxicity == 1.0 { json!(1) } else { json!(toxic.toxicity) };
        let stream = stream(toxic.direction);
        Self { attributes, name: &toxic.name, r#type: kind, stream, toxicity }
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

/// A toxic after an update: its attributes are replaced one by one, and its toxicity; its name, its
/// type and its stream stay.
pub(crate) fn updated(toxic: &Toxic, update: WrittenToxic) -> Result<Toxic, WireError> {
    let (kind, mut attributes) = written(toxic.effect);
    let given = update.attributes.unwrap_or_default().into_iter();
    attributes.extend(given.filter(|(_, value)| !value.is_null()));
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

/// An effect's type and attributes. Times are rounded down to what they are told in, and
/// probabilities to the nearest.
fn written(effect: Effect) -> (&'static str, Attributes) {
    let (kind, attributes) = match effect {
        Effect::Noop => ("noop", json!({})),
        Effect::Latency { latency, jitter } => {
            ("latency", json!({"latency": millis(latency), "jitter": millis(jitter)}))
        }
        Effect::Bandwidth { rate } => ("bandwidth", json!({"rate": rate})),
        Effect::SlowClose { delay } => ("slow_close", json!({"delay": millis(delay)})),
        Effect::Timeout { timeout } => ("timeout", json!({"timeout": millis(timeout)})),
        Effect::ResetPeer { timeout } => ("reset_peer", json!({"timeout": millis(timeout)})),
        Effect::Slicer { average_size, size_variation, delay } => {
            let delay = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
            let sizes = json!({"average_size": average_size, "size_variation": size_variation, "delay": delay});
            ("slicer", sizes)
        }
        Effect::LimitData { bytes } => ("limit_data", json!({"bytes": bytes})),
        Effect::Blackhole => ("blackhole", json!({})),
        Effect::Loss { probability } => ("loss", json!({"per_mille": per_mille(probability)})),
        Effect::Drop { probability, usable } => {
            ("drop", json!({"per_mille": per_mille(probability), "usable": u8::from(usable)}))
        }
        Effect::Corrupt { probability } => {
            ("corrupt", json!({"per_mille": per_mille(probability)}))
        }
    };
    (kind, if let Value::Object(attributes) = attributes { attributes } else { Map::new() })
}

/// The effect of this type. Attributes that are missing are 0, and those that it does not have are
/// ignored.
fn effect(kind: &str, given: &Attributes) -> Result<Effect, WireError> {
    let number = |name: &'static str| match given.get(name) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => {
            value.as_u64().ok_or_else(|| WireError::Attribute { name, value: value.to_string() })
        }
    };
    let time = |name| number(name).map(Duration::from_millis);
    // A size that does not fit is larger than anything that a link could carry.
    let size = |name| number(name).map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    // Converted by the way of 32 bits, which is exact; what is beyond them is no probability either.
    let probability = || {
        let per_mille = u32::try_from(number("per_mille")?).unwrap_or(u32::MAX);
        Ok(f64::from(per_mille) / 1000.0)
    };
    Ok(match kind {
        "noop" => Effect::Noop,
        "latency" => Effect::Latency { latency: time("latency")?, jitter: time("jitter")? },
        "bandwidth" => Effect::Bandwidth { rate: number("rate")? },
        "slow_close" => Effect::SlowClose { delay: time("delay")? },
        "timeout" => Effect::Timeout { timeout: time("timeout")? },
        "reset_peer" => Effect::ResetPeer { timeout: time("timeout")? },
        "slicer" => Effect::Slicer {
            average_size: size("average_size")?,
            size_variation: size("size_variation")?,
            delay: Duration::from_micros(number("delay")?),
        },
        "limit_data" => Effect::LimitData { bytes: number("bytes")? },
        "blackhole" => Effect::Blackhole,
        "loss" => Effect::Loss { probability: probability()? },
        "drop" => Effect::Drop { probability: probability()?, usable: number("usable")? != 0 },
        "corrupt" => Effect::Corrupt { probability: probability()? },
        _ => return Err(WireError::Type),
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "it is rounded, and from 0 to 1000")]
fn per_mille(probability: f64) -> u16 {
    (probability.clamp(0.0, 1.0) * 1000.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
