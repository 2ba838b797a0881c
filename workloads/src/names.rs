//! Names that a user types, and the nearest right one when it is none.

use std::fmt;

/// A word that names nothing of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct UnknownName {
    /// What kind of thing was asked for: `fault`, `workload`.
    pub kind: &'static str,
    /// What was written.
    pub name: String,
    /// What could have been written.
    pub allowed: Vec<&'static str>,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no {} {:?}", self.kind, self.name)?;
        match nearest(&self.name, &self.allowed) {
            Some(nearest) => write!(f, "; did you mean {nearest:?}?")?,
            None => f.write_str(".")?,
        }
        write!(f, " Allowed: {}", self.allowed.join(", "))
    }
}

/// The candidate that looks most like `name`, if one is close enough to be meant.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let likeness = |candidate: &str| strsim::jaro_winkler(&name.to_lowercase(), candidate);
    candidates
        .iter()
        .copied()
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Gives an enum of names its `ALL`, `name`, `Display`, `FromStr` and serde forms from one table.
macro_rules! named {
    ($type:ident, $kind:literal, { $($variant:ident => $name:literal),+ $(,)? }) => {
        impl $type {
            /// All of them, in the order in which they are listed to people.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name as users write it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|value| value.name() == text).ok_or_else(|| {
                    $crate::UnknownName {
                        kind: $kind,
                        name: text.to_owned(),
                        allowed: Self::ALL.iter().map(|value| value.name()).collect(),
                    }
                })
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use named;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FaultKind;

    #[test]
    fn a_slip_of_the_hand_is_told_the_nearest_right_word() {
        let error = "blackhol".parse::<FaultKind>().unwrap_err().to_string();
        insta::assert_snapshot!(error, @r#"there is no fault "blackhol"; did you mean "blackhole"? Allowed: cut, blackhole, one-way, latency, bandwidth, slicing, loss, drop, reset, limit, restart, kill, pause, wipe, tail-lost, disconnect, stall, memory-full, disk-full, proposer-restart, proposer-kill, proposer-pause, membership"#);
    }

    #[test]
    fn a_word_that_is_like_nothing_is_told_what_there_is() {
        assert_eq!(nearest("xyzzy", &["cut", "pause"]), None);
    }
}
