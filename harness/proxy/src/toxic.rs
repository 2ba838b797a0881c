//! What can be wrong with one direction of a link, piece by piece.

use crate::Direction;
use std::time::Duration;

/// One thing that is wrong with one direction of a link. A link has any number of them, in the
/// order in which they were added; their names are unique across both directions.
#[derive(Debug, Clone, PartialEq)]
pub struct Toxic {
    /// Its name: 1 to 256 bytes.
    pub name: String,
    /// The direction that it is put into. In Toxiproxy's words: `upstream` for requests,
    /// `downstream` for replies.
    pub direction: Direction,
    /// The share of connections that it applies to, from 0 to 1.
    pub toxicity: f64,
    /// What it does.
    pub effect: Effect,
}

/// What a [`Toxic`] does. The first eight are Toxiproxy's, under its names and units; the others are
/// our own.
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
    /// Nothing passes, and the connection is closed after `timeout`; with 0 it stays open until the
    /// toxic is removed, and is closed then.
    Timeout {
        /// Zero for never.
        timeout: Duration,
    },
    /// The connection is reset after `timeout`, whether it was there before or not.
    ResetPeer {
        /// Zero for at once.
        timeout: Duration,
    },
    /// Chunks are cut into pieces with a pause between.
    Slicer {
        /// The middle of a piece's size, in bytes.
        average_size: usize,
        /// How far a size may lie from the middle, in bytes; less than the middle.
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
    /// Whole RESP messages are lost with this probability, and the connection is reset there.
    Loss {
        /// From 0 to 1.
        probability: f64,
    },
    /// Whole RESP messages are left out with this probability, and the connection goes on without
    /// them. Unless `usable`, nothing more is passed in this direction after the first of them,
    /// and the connection stays open.
    Drop {
        /// From 0 to 1.
        probability: f64,
        /// Whether later messages still pass. A client that pipelines takes the next reply for the
        /// lost one then.
        usable: bool,
    },
    /// Each chunk has one of its bits flipped with this probability.
    Corrupt {
        /// From 0 to 1.
        probability: f64,
    },
}
