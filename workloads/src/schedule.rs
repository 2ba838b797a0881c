//! One fault of a schedule: when it strikes whom, and with which parameters.

use crate::{FaultKind, Link, OneWay, PlannedChange, Span, Target};
use serde::{Deserialize, Deserializer, Serialize};

/// One fault of a schedule, concrete to the last parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// When it begins, from the start of the load.
    pub at: Span,
    /// How long it lasts.
    pub lasts: Span,
    /// What it is.
    pub fault: FaultKind,
    /// Whom it strikes, in words. A file may leave it out: then it is those that are named below.
    #[serde(default)]
    pub whom: String,
    /// The links that it strikes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// The acceptors that it strikes: those of the nodes of these numbers, if they did not join
    /// later. A file may give a single one as `node = 1`.
    #[serde(
        default,
        alias = "node",
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub nodes: Vec<u32>,
    /// The proposers that it strikes: those of the nodes of these numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposers: Vec<u32>,
    /// [`Target::Busiest`] where it is only known at its time whom it strikes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Which way it stalls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<OneWay>,
    /// By how much it delays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Span>,
    /// By how much a delay varies, up and down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Span>,
    /// How likely one message is to be lost, above 0 and up to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Whether messages still pass on a connection that has dropped one. Redis' protocol does not number
    /// them, so a client that pipelines takes the next reply for the lost one then: no store over it
    /// survives that, and no schedule is drawn so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usable: Option<bool>,
    /// How much may pass, in kilobytes (1000 bytes) a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// How large the pieces are that messages are cut into, in bytes, give or take half of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// The pause between two pieces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Span>,
    /// How long a connection lives before it is reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<Span>,
    /// After how many bytes of replies a connection is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u32>,
    /// Which acceptors join and leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub membership: Option<PlannedChange>,
}

impl PlannedFault {
    /// A fault of this kind that strikes nobody yet.
    #[must_use]
    pub const fn of(fault: FaultKind, (at, lasts): (Span, Span)) -> Self {
        Self {
            at,
            lasts,
            fault,
            whom: String::new(),
            links: Vec::new(),
            nodes: Vec::new(),
            proposers: Vec::new(),
            target: None,
            direction: None,
            latency: None,
            jitter: None,
            probability: None,
            usable: None,
            rate: None,
            size: None,
            pause: None,
            life: None,
            bytes: None,
            membership: None,
        }
    }

    /// Those that it names: links, acceptors or proposers.
    pub(crate) fn named(&self) -> String {
        if self.target == Some(Target::Busiest) {
            return String::from("the busiest");
        }
        let links = self.links.iter().map(ToString::to_string);
        let acceptors = self.nodes.iter().map(|acceptor| format!("a{acceptor}"));
        let proposers = self.proposers.iter().map(|proposer| format!("p{proposer}"));
        links.chain(acceptors).chain(proposers).collect::<Vec<_>>().join(", ")
    }

    /// What it does to whom, in words.
    #[must_use]
    pub fn what(&self) -> String {
        let whom = &self.whom;
        match self.fault {
            FaultKind::Cut => format!("cuts {whom}"),
            FaultKind::Blackhole => format!("stalls {whom}, both ways"),
            FaultKind::OneWay => {
                let direction = self.direction.unwrap_or(OneWay::Requests);
                format!("stalls {whom}, {direction} only")
            }
            FaultKind::Latency => {
                let (latency, jitter) =
                    (self.latency.unwrap_or_default(), self.jitter.unwrap_or_default());
                format!("delays {whom} by {latency} ± {jitter}")
            }
            FaultKind::Loss => {
                format!(
                    "loses {:.0} % of messages on {whom}",
                    self.probability.unwrap_or(0.0) * 100.0
                )
            }
            FaultKind::Bandwidth => {
                format!("narrows {whom} to {} kB a second", self.rate.unwrap_or(0))
            }
            FaultKind::Slicing => {
                let (size, pause) = (self.size.unwrap_or(0), self.pause.unwrap_or_default());
                format!("slices what passes {whom} into some {size} bytes, {pause} apart")
            }
            FaultKind::Drop => {
                let percent = self.probability.unwrap_or(0.0) * 100.0;
                let on = if self.usable == Some(true) { "" } else { ", and what follows them" };
                format!("drops {percent:.0} % of messages on {whom}{on}")
            }
            FaultKind::Reset => {
                let life = self.life.unwrap_or_default();
                format!("resets every connection on {whom} after {life}")
            }
            FaultKind::Limit => {
                let bytes = self.bytes.unwrap_or(0);
                format!("closes every connection on {whom} after {bytes} bytes")
            }
            FaultKind::Restart | FaultKind::ProposerRestart => format!("restarts {whom}"),
            FaultKind::Kill | FaultKind::ProposerKill => format!("kills {whom}"),
            FaultKind::Pause | FaultKind::ProposerPause => format!("pauses {whom}"),
            FaultKind::Wipe => format!("wipes {whom}"),
            FaultKind::TailLost => format!("kills {whom} and cuts off what was not synced"),
            FaultKind::Disconnect => format!("ends the connections of {whom}"),
            FaultKind::Stall => format!("stalls {whom}"),
            FaultKind::MemoryFull => format!("fills the memory of {whom}"),
            FaultKind::DiskFull => format!("fills the disk of {whom}"),
            FaultKind::Membership => {
                self.membership.as_ref().map_or_else(String::new, PlannedChange::what)
            }
        }
    }
}

/// Reads one number, or several.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "the number of a node, or several in brackets")]
    enum Written {
        One(u32),
        Many(Vec<u32>),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::One(node) => vec![node],
        Written::Many(nodes) => nodes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_node_may_be_written_as_earlier_versions_did() {
        let head = "at = \"2s\"\nlasts = \"1s\"\nfault = \"kill\"\nwhom = \"a1\"\n";
        let read = |rest: &str| toml::from_str::<PlannedFault>(&format!("{head}{rest}")).unwrap();
        assert_eq!(read("node = 2").nodes, [2]);
        assert_eq!(read("nodes = [2, 3]").nodes, [2, 3]);
        assert_eq!(read("node = 2"), read("nodes = [2]"));
    }
}
