//! What can be done to a link.

use crate::ProxyError;
use std::fmt;
use std::time::Duration;

/// The longest latency, and the widest jitter, that a link accepts.
pub const DELAY_MAX: Duration = Duration::from_secs(3600);

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

/// How a link behaves, towards established and new connections alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Condition {
    /// Everything passes at once.
    Clear,
    /// Established connections are reset on both sides, new ones are refused. What the link held
    /// back is lost with its connection.
    Cut,
    /// Nothing flows either way, and nobody is told. New connections are accepted, but the server
    /// does not see them yet.
    ///
    /// What was sent flows on after the heal, whole and in order, as it does on a network where
    /// TCP retransmits. That includes the last words of a client that has gone meanwhile: its
    /// bytes are delivered and then its close, or its reset.
    Blackhole,
    /// As [`Condition::Blackhole`] for one direction; the other one flows.
    OneWay(Direction),
    /// Replies are late by `latency`, give or take a uniform `jitter`, and never less than not at
    /// all. Requests pass at once, so a round trip grows by exactly that much.
    ///
    /// Delays run side by side and order is kept, so only the wait grows. A connection holds back
    /// at most [`HELD_MAX`](crate::HELD_MAX) bytes, which limits it to that much per `latency`.
    Latency {
        /// The middle of the added delay, at most [`DELAY_MAX`].
        latency: Duration,
        /// How far a delay may lie from the middle, at most [`DELAY_MAX`].
        jitter: Duration,
    },
    /// Messages are lost: each whole request and each whole reply with this probability.
    ///
    /// A stream cannot lose a message from its middle without answering later requests with the
    /// wrong replies, so losing one tears the connection there. All that came before is delivered,
    /// the message and all after it are not, and both sides see a reset. The server has not
    /// executed a lost request, and has executed a request whose reply is lost.
    ///
    /// Messages are told apart as RESP, the protocol of Redis. A stream of anything else passes
    /// untouched.
    Loss {
        /// From 0, never, to 1, always.
        probability: f64,
    },
}

impl Condition {
    /// Whether bytes of this direction are held back until the condition is replaced.
    pub(crate) fn stalls(self, direction: Direction) -> bool {
        match self {
            Self::Blackhole => true,
            Self::OneWay(stalled) => stalled == direction,
            Self::Clear | Self::Cut | Self::Latency { .. } | Self::Loss { .. } => false,
        }
    }

    pub(crate) fn check(self) -> Result<(), ProxyError> {
        match self {
            Self::Latency { latency, jitter } if latency.max(jitter) > DELAY_MAX => {
                Err(ProxyError::Delay { delay: latency.max(jitter) })
            }
            Self::Loss { probability } if !(0.0..=1.0).contains(&probability) => {
                Err(ProxyError::Probability { probability })
            }
            Self::Clear
            | Self::Cut
            | Self::Blackhole
            | Self::OneWay(_)
            | Self::Latency { .. }
            | Self::Loss { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_way_stalls_only_its_own_direction() {
        let lost_requests = Condition::OneWay(Direction::Requests);
        assert!(lost_requests.stalls(Direction::Requests));
        assert!(!lost_requests.stalls(Direction::Replies));
    }

    #[test]
    fn a_probability_outside_0_to_1_is_refused() {
        for probability in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            let refused = Condition::Loss { probability }.check();
            assert!(matches!(refused, Err(ProxyError::Probability { .. })), "{probability}");
        }
        assert!(Condition::Loss { probability: 1.0 }.check().is_ok());
    }

    #[test]
    fn a_delay_beyond_the_longest_is_refused() {
        let jitter = DELAY_MAX + Duration::from_nanos(1);
        let refused = Condition::Latency { latency: Duration::ZERO, jitter }.check();
        assert!(matches!(refused, Err(ProxyError::Delay { delay }) if delay == jitter));
    }
}
