//! Scenarios by name: the swarm, and those of the published simulation.

use crate::mutants::Mutant;
use crate::setup::{Setup, SetupError};
use crate::swarm::swarm;
use serde::Deserialize;
use std::collections::BTreeMap;
use workloads::FaultKind;

/// What a scenario must come to over its seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// No seed violates anything.
    Valid,
    /// At least one seed does.
    Invalid,
}

/// A scenario: what each seed runs.
#[derive(Debug, Clone, PartialEq)]
pub struct SimScenario {
    /// Its name.
    pub name: String,
    /// One line about it.
    pub summary: String,
    /// What it must come to.
    pub expected: Expected,
    /// How many seeds, from 1, show it.
    pub seeds: u64,
    pub(crate) mutant: Option<Mutant>,
    /// How many faults of which kind of a run of real servers the world does not play.
    pub left_out: BTreeMap<FaultKind, usize>,
    /// The same world for each seed; none where each seed draws its own.
    pub(crate) fixed: Option<Setup>,
}

/// The name of the scenario in which every seed draws its own world.
pub const SWARM: &str = "swarm";

/// The scenarios of the published simulation, by their names there: name and file.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("losing/c1p1k1", include_str!("../scenarios/losing-c1p1k1.toml")),
    ("losing/c2p2k2", include_str!("../scenarios/losing-c2p2k2.toml")),
    ("losing/c6p2k2", include_str!("../scenarios/losing-c6p2k2.toml")),
    ("losing/c2p2k1.i", include_str!("../scenarios/losing-c2p2k1.i.toml")),
    ("shuffling/c1p1k1", include_str!("../scenarios/shuffling-c1p1k1.toml")),
    ("shuffling/c1p2k2", include_str!("../scenarios/shuffling-c1p2k2.toml")),
    ("shuffling/c2p1k2", include_str!("../scenarios/shuffling-c2p1k2.toml")),
    ("shuffling/c2p2k1", include_str!("../scenarios/shuffling-c2p2k1.toml")),
    ("partitioning/c1p1k1", include_str!("../scenarios/partitioning-c1p1k1.toml")),
    ("partitioning/c2p2k2", include_str!("../scenarios/partitioning-c2p2k2.toml")),
    ("membership/c2p2k2.a3.a4", include_str!("../scenarios/membership-c2p2k2.a3.a4.toml")),
    ("membership/c2p2k2.flux", include_str!("../scenarios/membership-c2p2k2.flux.toml")),
];

/// Why there is no such scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// No scenario comes along under this name.
    #[error("there is no scenario {name:?}{}. Allowed: swarm, {}", hint(name), names().join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file is not a scenario.
    #[error("{name}: {source}")]
    Malformed {
        /// The file.
        name: String,
        /// What is wrong where.
        source: Box<toml::de::Error>,
    },
    /// The scenario describes a world that cannot be.
    #[error("{name}: {source}")]
    Setup {
        /// The file.
        name: String,
        /// What is wrong.
        source: SetupError,
    },
}

fn names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(name, _)| *name).collect()
}

fn hint(name: &str) -> String {
    workloads::nearest(name, &names())
        .map_or_else(String::new, |nearest| format!("; did you mean {nearest:?}?"))
}

/// A scenario as a file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    summary: String,
    expected: Expected,
    seeds: u64,
    world: Setup,
}

impl SimScenario {
    /// The scenario in which every seed draws its own world.
    #[must_use]
    pub fn swarm() -> Self {
        Self {
            name: SWARM.to_owned(),
            summary: "every seed draws its own load, network and faults".to_owned(),
            expected: Expected::Valid,
            seeds: 1000,
            mutant: None,
            left_out: BTreeMap::new(),
            fixed: None,
        }
    }

    /// A scenario that comes along.
    ///
    /// # Errors
    /// [`ScenarioError::Unknown`] names those that do.
    pub fn named(name: &str) -> Result<Self, ScenarioError> {
        if name == SWARM {
            return Ok(Self::swarm());
        }
        match BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            Some((name, text)) => Self::parse(name, text),
            None => Err(ScenarioError::Unknown { name: name.to_owned() }),
        }
    }

    /// A scenario from a file's text.
    ///
    /// # Errors
    /// [`ScenarioError::Malformed`] and [`ScenarioError::Setup`].
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let file: File = toml::from_str(text).map_err(|source| ScenarioError::Malformed {
            name: name.to_owned(),
            source: Box::new(source),
        })?;
        let setup = |source| ScenarioError::Setup { name: name.to_owned(), source };
        file.world.check().map_err(setup)?;
        Ok(Self {
            name: name.to_owned(),
            summary: file.summary,
            expected: file.expected,
            seeds: file.seeds,
            mutant: file.world.mutant,
            left_out: BTreeMap::new(),
            fixed: Some(file.world),
        })
    }

    /// The same with a fault put into the protocol.
    #[must_use]
    pub const fn with_mutant(mut self, mutant: Mutant) -> Self {
        self.mutant = Some(mutant);
        self.expected = Expected::Invalid;
        self
    }

    /// The world of a seed.
    #[must_use]
    pub fn setup(&self, seed: u64) -> Setup {
        let mut setup = self.fixed.clone().unwrap_or_else(|| swarm(seed));
        if let Some(mutant) = self.mutant {
            mutant.bend(&mut setup);
        }
        setup
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_come_along_can_be_read() {
        for (name, _) in BUILT_IN {
            let scenario = SimScenario::named(name).unwrap();
            assert_eq!(scenario.expected == Expected::Invalid, name.ends_with(".i"), "{name}");
        }
    }

    #[test]
    fn a_misspelt_name_is_told_the_nearest_right_one() {
        let error = SimScenario::named("losing/c2p2k").unwrap_err();
        assert!(error.to_string().contains("did you mean \"losing/c2p2k2\"?"), "{error}");
    }

    #[test]
    fn quorums_that_miss_each_other_must_be_meant() {
        let text = BUILT_IN[3].1.replace("unsafe-quorums = true\n", "");
        let error = SimScenario::parse("x.toml", &text).unwrap_err();
        assert!(error.to_string().contains("unsafe-quorums"), "{error}");
    }
}
