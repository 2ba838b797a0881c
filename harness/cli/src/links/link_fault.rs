//! What a planned fault does to each of its links: toxics of its own, or a cut.

use harness_proxy::{Direction, Effect, Toxic};
use std::time::Duration;
use workloads::{FaultKind, OneWay, PlannedFault};

/// What one fault does to one link. Faults that befall a link together have different numbers, and so
/// do not disturb each other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LinkFault {
    /// The fault's number within the run.
    pub(crate) fault: u32,
    /// Whether the link refuses connections and resets those that there are.
    pub(crate) cuts: bool,
    /// What else is wrong with it.
    pub(crate) toxics: Vec<Toxic>,
}

const BOTH: &[Direction] = &[Direction::Requests, Direction::Replies];

impl LinkFault {
    /// A cut.
    pub(crate) const fn cut(fault: u32) -> Self {
        Self { fault, cuts: true, toxics: Vec::new() }
    }

    /// What a planned fault does to its links; nothing, when it is none of links.
    pub(crate) fn of(planned: &PlannedFault, fault: u32) -> Self {
        let probability = planned.probability.unwrap_or_default();
        let bytes = |bytes: Option<u32>| usize::try_from(bytes.unwrap_or_default()).unwrap_or(1);
        let one_way = match planned.direction {
            Some(OneWay::Replies) => &BOTH[1..],
            Some(OneWay::Requests) | None => &BOTH[..1],
        };
        let (directions, effect) = match planned.fault {
            FaultKind::Cut => return Self::cut(fault),
            FaultKind::Blackhole => (BOTH, Effect::Blackhole),
            FaultKind::OneWay => (one_way, Effect::Blackhole),
            // A round trip is late by the latency, not by twice of it.
            FaultKind::Latency => {
                let latency = planned.latency.unwrap_or_default().duration();
                let jitter = planned.jitter.unwrap_or_default().duration();
                (&BOTH[1..], Effect::Latency { latency, jitter })
            }
            FaultKind::Bandwidth => {
                (BOTH, Effect::Bandwidth { rate: planned.rate.unwrap_or_default().into() })
            }
            FaultKind::Slicing => {
                let average_size = bytes(planned.size);
                let size_variation = average_size / 2;
                let delay = planned.pause.unwrap_or_default().duration();
                (BOTH, Effect::Slicer { average_size, size_variation, delay })
            }
            FaultKind::Loss => (BOTH, Effect::Loss { probability }),
            FaultKind::Drop => {
                let usable = planned.usable.unwrap_or_default();
                (BOTH, Effect::Drop { probability, usable })
            }
            FaultKind::Reset => {
                let timeout = planned.life.map_or(Duration::ZERO, workloads::Span::duration);
                (&BOTH[1..], Effect::ResetPeer { timeout })
            }
            FaultKind::Limit => {
                (&BOTH[1..], Effect::LimitData { bytes: planned.bytes.unwrap_or_default().into() })
            }
            FaultKind::Restart
            | FaultKind::Kill
            | FaultKind::Pause
            | FaultKind::Wipe
            | FaultKind::TailLost
            | FaultKind::Disconnect
            | FaultKind::Stall
            | FaultKind::MemoryFull
            | FaultKind::DiskFull
            | FaultKind::ProposerRestart
            | FaultKind::ProposerKill
            | FaultKind::ProposerPause
            | FaultKind::Membership => (&BOTH[..0], Effect::Noop),
        };
        let toxic = |direction: &Direction| Toxic {
            name: format!("f{fault}-{direction}"),
            direction: *direction,
            toxicity: 1.0,
            effect,
        };
        Self { fault, cuts: false, toxics: directions.iter().map(toxic).collect() }
    }

    /// The same in the words of the genuine Toxiproxy, which has no toxic that loses nothing by that
    /// name.
    pub(super) fn genuine(&self) -> Self {
        let mut genuine = self.clone();
        for toxic in &mut genuine.toxics {
            if toxic.effect == Effect::Blackhole {
                toxic.effect = Effect::Bandwidth { rate: 0 };
            }
        }
        genuine
    }
}

/// Whether the genuine Toxiproxy can do a fault of links. It knows bytes, and no messages.
pub(crate) const fn is_genuine(kind: FaultKind) -> bool {
    !matches!(kind, FaultKind::Loss | FaultKind::Drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use workloads::Span;

    #[test]
    fn every_fault_of_links_changes_them_and_no_other_does() {
        for kind in FaultKind::ALL {
            let planned = PlannedFault::of(*kind, (Span::seconds(1), Span::seconds(1)));
            let link_fault = LinkFault::of(&planned, 3);
            let changes = link_fault.cuts || !link_fault.toxics.is_empty();
            assert_eq!(changes, kind.is_of_links(), "{kind}");
        }
    }

    #[test]
    fn a_blackhole_has_its_equal_in_toxiproxy() {
        let planned = PlannedFault::of(FaultKind::Blackhole, (Span::seconds(1), Span::seconds(1)));
        let genuine = LinkFault::of(&planned, 3).genuine();
        let effects: Vec<_> = genuine.toxics.iter().map(|toxic| toxic.effect).collect();
        assert_eq!(effects, [Effect::Bandwidth { rate: 0 }; 2]);
        assert_eq!(genuine.toxics[0].name, "f3-requests");
    }
}
