//! What a toxic's effect is told in: its type and its attributes.

use super::WireError;
use super::written::Attributes;
use crate::Effect;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// An effect's type and attributes. Times are rounded down to what they are told in, and
/// probabilities to the nearest.
pub(super) fn written(effect: Effect) -> (&'static str, Attributes) {
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
    let attributes =
        if let Value::Object(attributes) = attributes { attributes } else { Map::new() };
    (kind, Attributes(attributes))
}

/// The types, and the names of the attributes that each has.
const TYPES: [(&str, &[&str]); 12] = [
    ("noop", &[]),
    ("latency", &["latency", "jitter"]),
    ("bandwidth", &["rate"]),
    ("slow_close", &["delay"]),
    ("timeout", &["timeout"]),
    ("reset_peer", &["timeout"]),
    ("slicer", &["average_size", "size_variation", "delay"]),
    ("limit_data", &["bytes"]),
    ("blackhole", &[]),
    ("loss", &["per_mille"]),
    ("drop", &["per_mille", "usable"]),
    ("corrupt", &["per_mille"]),
];

/// Whether all attributes are such as this type has.
pub(super) fn check(kind: &str, given: &Attributes) -> Result<(), WireError> {
    // An unknown type is refused when the effect is made.
    let Some((kind, names)) = TYPES.into_iter().find(|(name, _)| *name == kind) else {
        return Ok(());
    };
    match given.0.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(WireError::UnknownAttribute { name: name.clone(), kind }),
    }
}

/// The attributes that a type has, as a sentence goes on: `a, b and c`.
pub(super) fn known(kind: &str) -> String {
    let names = TYPES.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, names)| names);
    match names {
        [] => String::from("none"),
        [name] => (*name).to_owned(),
        [names @ .., last] => format!("{} and {last}", names.join(", ")),
    }
}

/// The effect of this type. Attributes that are missing are 0, and those that it does not have are
/// passed over.
pub(super) fn effect(kind: &str, given: &Attributes) -> Result<Effect, WireError> {
    let up_to = |most: u64, name: &'static str| match given.0.get(name) {
        None => Ok(0),
        Some(value) => value
            .as_u64()
            .filter(|number| *number <= most)
            .ok_or_else(|| WireError::Attribute { name, value: value.to_string(), most }),
    };
    let number = |name| up_to(u64::MAX, name);
    let time = |name| number(name).map(Duration::from_millis);
    // A size that does not fit is larger than anything that a link could carry.
    let size = |name| number(name).map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    let probability = || {
        let per_mille = up_to(1000, "per_mille")?;
        Ok(u32::try_from(per_mille).map_or(1.0, |per_mille| f64::from(per_mille) / 1000.0))
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
        "drop" => Effect::Drop { probability: probability()?, usable: up_to(1, "usable")? == 1 },
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

    #[test]
    fn every_attribute_that_is_written_is_one_that_its_type_has() {
        let time = Duration::from_millis(1);
        for effect in [
            Effect::Noop,
            Effect::Latency { latency: time, jitter: time },
            Effect::Bandwidth { rate: 1 },
            Effect::SlowClose { delay: time },
            Effect::Timeout { timeout: time },
            Effect::ResetPeer { timeout: time },
            Effect::Slicer { average_size: 1, size_variation: 1, delay: time },
            Effect::LimitData { bytes: 1 },
            Effect::Blackhole,
            Effect::Loss { probability: 0.1 },
            Effect::Drop { probability: 0.1, usable: true },
            Effect::Corrupt { probability: 0.1 },
        ] {
            let (kind, attributes) = written(effect);
            let (_, names) = TYPES.into_iter().find(|(name, _)| *name == kind).unwrap();
            assert_eq!(attributes.0.len(), names.len(), "{kind}");
            check(kind, &attributes).unwrap();
        }
    }

    #[test]
    fn what_a_type_has_is_listed() {
        assert_eq!(
            ["noop", "loss", "latency", "slicer"].map(known),
            ["none", "per_mille", "latency and jitter", "average_size, size_variation and delay"]
        );
    }
}
