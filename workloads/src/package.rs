//! Faults by the handful: what `--faults` and the field `faults` may name.

use crate::names::named;
use crate::{FaultKind, UnknownName};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Kinds of faults that go by one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Package {
    /// Whatever the environment can do, and a correct store must survive.
    All,
    /// Nothing.
    None,
    /// Links that carry nothing.
    Partition,
    /// Whatever can be wrong with links.
    Network,
    /// Acceptors that stop and come back.
    Process,
    /// Acceptors that serve and yet do not.
    Redis,
    /// Acceptors that come back without what they knew.
    Storage,
    /// Proposers that stop and come back.
    Proposers,
}

named!(Package, "package of faults", {
    All => "all",
    None => "none",
    Partition => "partition",
    Network => "network",
    Process => "process",
    Redis => "redis",
    Storage => "storage",
    Proposers => "proposers",
});

impl Package {
    /// The kinds that it stands for, of which an environment can do `able`. Only [`Package::All`]
    /// depends on that: what was asked for by name is not left out in silence.
    #[must_use]
    pub fn kinds(self, able: &[FaultKind]) -> Vec<FaultKind> {
        use FaultKind::{
            Blackhole, Cut, Disconnect, DiskFull, Kill, MemoryFull, OneWay, Pause, ProposerKill,
            ProposerPause, ProposerRestart, Restart, Stall, TailLost, Wipe,
        };
        match self {
            Self::All => able.to_vec(),
            Self::None => Vec::new(),
            Self::Partition => vec![Cut, Blackhole, OneWay],
            Self::Network => {
                FaultKind::ALL.iter().copied().filter(|kind| kind.is_of_links()).collect()
            }
            Self::Process => vec![Restart, Kill, Pause],
            Self::Redis => vec![Disconnect, Stall, MemoryFull, DiskFull],
            Self::Storage => vec![Wipe, TailLost],
            Self::Proposers => vec![ProposerRestart, ProposerKill, ProposerPause],
        }
    }

    /// The packages that a kind is in, beside `all`.
    #[must_use]
    pub fn of(kind: FaultKind) -> Vec<Self> {
        let others = Self::ALL.iter().copied().filter(|package| *package != Self::All);
        others.filter(|package| package.kinds(&[]).contains(&kind)).collect()
    }
}

/// A kind of fault, or a package of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultChoice {
    /// One kind.
    Kind(FaultKind),
    /// Several.
    Package(Package),
}

impl FaultChoice {
    /// Reads names with commas between, as they are typed.
    ///
    /// # Errors
    /// [`UnknownName`] for the first that names neither a kind nor a package.
    pub fn several(text: &str) -> Result<Vec<Self>, UnknownName> {
        text.split(',').map(|name| name.trim().parse()).collect()
    }

    /// The kinds that several choices stand for together, each once, in the order in which they were
    /// asked for.
    #[must_use]
    pub fn kinds(choices: &[Self], able: &[FaultKind]) -> Vec<FaultKind> {
        let mut kinds = Vec::new();
        for choice in choices {
            let more = match choice {
                Self::Kind(kind) => vec![*kind],
                Self::Package(package) => package.kinds(able),
            };
            for kind in more {
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
        }
        kinds
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.name(),
            Self::Package(package) => package.name(),
        }
    }
}

impl fmt::Display for FaultChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FaultChoice {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kind = text.parse().map(Self::Kind);
        kind.or_else(|_| text.parse().map(Self::Package)).map_err(|_: UnknownName| {
            let packages = Package::ALL.iter().map(|package| package.name());
            let kinds = FaultKind::ALL.iter().map(|kind| kind.name());
            let allowed = packages.chain(kinds).collect();
            UnknownName { kind: "fault", name: text.to_owned(), allowed }
        })
    }
}

impl Serialize for FaultChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for FaultChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_and_kinds_can_be_mixed_and_count_once() {
        let choices = FaultChoice::several("kill, partition,latency,cut").unwrap();
        let kinds = FaultChoice::kinds(&choices, &[]);
        let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.join(" "), "kill cut blackhole one-way latency");
        let able = [FaultKind::Cut, FaultKind::Pause];
        let kinds = |text| FaultChoice::kinds(&FaultChoice::several(text).unwrap(), &able);
        assert_eq!(kinds("all"), able);
        assert_eq!(kinds("none"), []);
    }

    #[test]
    fn a_slip_of_the_hand_is_told_the_nearest_of_both() {
        let wrong = |text| FaultChoice::several(text).unwrap_err().to_string();
        assert!(wrong("cut,partitions").contains("did you mean \"partition\"?"));
        assert!(wrong("latnecy").contains("did you mean \"latency\"?"));
        assert!(wrong("cut,,loss").starts_with("there is no fault \"\""));
    }

    #[test]
    fn every_kind_but_membership_is_in_a_package() {
        for kind in FaultKind::ALL {
            assert_eq!(Package::of(*kind).is_empty(), *kind == FaultKind::Membership, "{kind}");
        }
    }
}
