//! How findings are shown.

use super::{Finding, Level};
use serde::Serialize;
use std::fmt;

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    /// About the cluster as a whole, where there is one.
    pub(super) cluster: Vec<Finding>,
    /// About each server.
    pub(super) acceptors: Vec<Examined>,
}

/// One server, and what was found about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Examined {
    /// Its number, if the cluster has an acceptor at this address.
    pub(super) acceptor: Option<u32>,
    /// Its address.
    pub(super) address: String,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// The worst that was found.
    pub(crate) fn worst(&self) -> Level {
        self.findings().map(|finding| finding.level).max().unwrap_or(Level::Ok)
    }

    fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.cluster.iter().chain(self.acceptors.iter().flat_map(|one| &one.findings))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.cluster.is_empty() {
            writeln!(f, "the cluster")?;
            self.cluster.iter().try_for_each(|finding| finding.fmt(f))?;
        }
        for Examined { acceptor, address, findings } in &self.acceptors {
            match acceptor {
                Some(id) => writeln!(f, "acceptor {id} at {address}")?,
                None => writeln!(f, "the server at {address}")?,
            }
            findings.iter().try_for_each(|finding| finding.fmt(f))?;
        }
        let count = |level| self.findings().filter(|finding| finding.level == level).count();
        let (dangers, warnings) = (count(Level::Danger), count(Level::Warning));
        writeln!(f, "dangers: {dangers}, warnings: {warnings}")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Danger => "danger",
        };
        writeln!(f, "  {level:<7}  {:<11}  {}", self.check, self.text)
    }
}
