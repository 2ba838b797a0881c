//! What can be wrong with one direction of a link, piece by piece.

use crate::ProxyError;
use std::fmt;
use std::time::Duration;

/// The longest time that a toxic accepts, be it a delay, a pause or a timeout.
pub const DELAY_MAX: Duration = Duration::from_secs(3600);

/// The longest name of a toxic, in bytes.
pub const NAME_MAX: usize = 256;

/// One of the two ways across a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    Requests,
    /// From the server to the client.
    Replies,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requests => "requests",
            Self::Replies => "replies",
        })
    }
}

/// One thing that is wrong with one direction of a link. A link has any number of them, in the
/// order in which they were added; their names are unique across both directions.
#[derive(Debug, Clone, PartialEq)]
pub struct Toxic {
    /// Its name: 1 to [`NAME_MAX`] bytes.
    pub name: String,
    /// The direction that it is put into. In Toxiproxy's words: `upstream` for requests,
    /// `downstream` for replies.
    pub direction: Direction,
    /// The share of connections that it applies to, from 0 to 1. Each connection draws once, and
    /// what it drew holds against a new toxicity too.
    pub toxicity: f64,
    /// What it does.
    pub effect: Effect,
}

/// What a [`Toxic`] does. The first eight are Toxiproxy's, under its names and units; the others are
/// our own.
///
/// No time may be longer than [`DELAY_MAX`]. One direction of one connection holds back at most
/// [`HELD_MAX`](crate::HELD_MAX) bytes, and has at most [`DELAYED_MAX`](crate::DELAYED_MAX) under way
/// under latencies, which limits it to that much per latency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Effect {
    /// Nothing.
    Noop,
    /// Every chunk is late by `latency`, give or take a uniform `jitter`. Delays run side by side
    /// and order is kept.
    Latency {
        /// The middle of the added delay.
        latency: Duration,
        /// How far a delay may lie from the middle.
        jitter: Duration,
    },
    /// So many kilobytes (1000 bytes) a second and no more; with 0 nothing flows, and what was held
    /// back flows on afterwards.
    Bandwidth {
        /// Kilobytes a second.
        rate: u64,
    },
    /// The end of the stream is passed on late.
    SlowClose {
        /// By how much.
        delay: Duration,
    },
    /// Nothing passes: what comes is lost. The connection is closed after `timeout`, and in any case
    /// when the toxic is removed.
    Timeout {
        /// Zero for never.
        timeout: Duration,
    },
    /// Nothing passes, and the connection is reset after `timeout`, whether it was there before or
    /// not. If something was lost by the time that the toxic is removed, it is reset then.
    ResetPeer {
        /// Zero for at once.
        timeout: Duration,
    },
    /// Chunks are cut into pieces with a pause between.
    Slicer {
        /// The middle of a piece's size, in bytes. If this and the variation are 0, chunks stay whole.
        average_size: usize,
        /// How far a size may lie from the middle, in bytes; a piece has at least one.
        size_variation: usize,
        /// The pause between two pieces.
        delay: Duration,
    },
    /// The connection is closed after so many bytes.
    LimitData {
        /// How many.
        bytes: u64,
    },
    /// Nothing flows, and nobody is told; what was held back flows on, whole and in order, when the
    /// toxic is removed. A server is not connected to on behalf of new clients meanwhile, if it is
    /// requests that are held.
    Blackhole,
    /// Messages are lost, each whole request or reply with this probability, and the connection is
    /// torn there: all that came before is delivered, the message and all after it are not, and
    /// both sides see a reset. The server has not executed a lost request, and has executed a
    /// request whose reply is lost.
    ///
    /// Messages are told apart as RESP, the protocol of Redis. A stream of anything else passes
    /// untouched, and so does the message in whose middle the toxic is put on.
    Loss {
        /// From 0 to 1.
        probability: f64,
    },
    /// Messages are left out, each whole request or reply with this probability, and the connection
    /// stays open. Messages are told apart as under [`Effect::Loss`].
    ///
    /// When the toxic is removed, a connection that is not usable any more is reset, and so is one
    /// in the middle of a message that is being left out.
    Drop {
        /// From 0 to 1.
        probability: f64,
        /// Whether later messages still pass. A client that pipelines takes the next reply for the
        /// lost one then. Otherwise nothing passes in this direction after the first that is left
        /// out, except the close.
        usable: bool,
    },
    /// Each chunk has one of its bits flipped with this probability.
    Corrupt {
        /// From 0 to 1.
        probability: f64,
    },
}

impl Toxic {
    /// Whether everything about it is in range.
    pub(crate) fn check(&self) -> Result<(), ProxyError> {
        if self.name.is_empty() || self.name.len() > NAME_MAX {
            return Err(ProxyError::Name { length: self.name.len() });
        }
        probability(&self.name, "toxicity", self.toxicity)?;
        self.effect.check(&self.name)
    }
}

impl Effect {
    /// Whether it holds everything back until it is removed.
    pub(crate) fn stalls(self) -> bool {
        matches!(self, Self::Blackhole)
    }

    fn check(self, toxic: &str) -> Result<(), ProxyError> {
        match self {
            Self::Noop | Self::Bandwidth { .. } | Self::LimitData { .. } | Self::Blackhole => {
                Ok(())
            }
            Self::Latency { latency, jitter } => {
                time(toxic, "latency", latency)?;
                time(toxic, "jitter", jitter)
            }
            Self::SlowClose { delay } | Self::Slicer { delay, .. } => time(toxic, "delay", delay),
            Self::Timeout { timeout } | Self::ResetPeer { timeout } => {
                time(toxic, "timeout", timeout)
            }
            Self::Loss { probability: given }
            | Self::Drop { probability: given, .. }
            | Self::Corrupt { probability: given } => probability(toxic, "probability", given),
        }
    }
}

fn time(toxic: &str, what: &'static str, given: Duration) -> Result<(), ProxyError> {
    if given > DELAY_MAX {
        return Err(ProxyError::Time { toxic: toxic.to_owned(), what, given });
    }
    Ok(())
}

fn probability(toxic: &str, what: &'static str, given: f64) -> Result<(), ProxyError> {
    if !(0.0..=1.0).contains(&given) {
        return Err(ProxyError::Probability { toxic: toxic.to_owned(), what, given });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(effect: Effect) -> Option<String> {
        let name = "t".to_owned();
        let toxic = Toxic { name, direction: Direction::Replies, toxicity: 1.0, effect };
        toxic.check().err().map(|error| error.to_string())
    }

    #[test]
    fn a_probability_lies_between_0_and_1() {
        for probability in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            let refused = refusal(Effect::Loss { probability }).unwrap();
            assert!(refused.starts_with("toxic t: a probability of "), "{refused}");
        }
        assert_eq!(refusal(Effect::Corrupt { probability: 1.0 }), None);
        assert_eq!(
            refusal(Effect::Drop { probability: 2.0, usable: true }).unwrap(),
            "toxic t: a probability of 2 is not possible: it lies between 0 and 1"
        );
    }

    #[test]
    fn a_time_is_at_most_an_hour() {
        let jitter = DELAY_MAX + Duration::from_millis(1);
        assert_eq!(
            refusal(Effect::Latency { latency: DELAY_MAX, jitter }).unwrap(),
            "toxic t: a jitter of 3600.001s is too long: at most 3600s"
        );
        assert_eq!(refusal(Effect::Timeout { timeout: DELAY_MAX }), None);
    }
}
