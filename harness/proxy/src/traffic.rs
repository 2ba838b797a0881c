//! What has crossed a link, counted.

use crate::Direction;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a link has counted since it was opened. Each figure is right, but they are not all read at
/// the same instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections accepted. Those refused by a cut link never reach it and cannot be counted.
    pub accepted: u64,
    /// Connections that are being served at present.
    pub open: u64,
    /// Connections whose server could not be reached; the client was reset.
    pub unreachable: u64,
    /// Connections that ended in a reset: by a cut, a loss, one of the two ends, or because the
    /// server could not be reached.
    pub reset: u64,
    /// Requests and replies lost under [`Condition::Loss`](crate::Condition::Loss).
    pub lost: u64,
    /// What was forwarded to the server.
    pub requests: Flow,
    /// What was forwarded to the client.
    pub replies: Flow,
    /// Bytes taken from one side and not yet given to the other, over all open connections. From
    /// clients whose server is still to be connected to, nothing has been taken.
    pub held: u64,
}

/// What was forwarded in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    /// Bytes given to the receiving side's socket.
    pub bytes: u64,
    /// Pieces that they came in.
    pub chunks: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    open: AtomicU64,
    unreachable: AtomicU64,
    reset: AtomicU64,
    lost: AtomicU64,
    requests: FlowCounters,
    replies: FlowCounters,
}

#[derive(Debug, Default)]
pub(crate) struct FlowCounters {
    bytes: AtomicU64,
    chunks: AtomicU64,
    held: AtomicU64,
}

impl Counters {
    /// Counts a connection as open, and gives it its number, from 0.
    pub(crate) fn accepted(&self) -> u64 {
        self.open.fetch_add(1, Relaxed);
        self.accepted.fetch_add(1, Relaxed)
    }

    /// Counts a connection as open no more.
    pub(crate) fn closed(&self) {
        self.open.fetch_sub(1, Relaxed);
    }

    pub(crate) fn unreachable(&self) {
        self.unreachable.fetch_add(1, Relaxed);
    }

    pub(crate) fn reset(&self) {
        self.reset.fetch_add(1, Relaxed);
    }

    pub(crate) fn lost(&self) {
        self.lost.fetch_add(1, Relaxed);
    }

    pub(crate) fn flow(&self, direction: Direction) -> &FlowCounters {
        match direction {
            Direction::Requests => &self.requests,
            Direction::Replies => &self.replies,
        }
    }

    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            accepted: self.accepted.load(Relaxed),
            open: self.open.load(Relaxed),
            unreachable: self.unreachable.load(Relaxed),
            reset: self.reset.load(Relaxed),
            lost: self.lost.load(Relaxed),
            requests: self.requests.flow(),
            replies: self.replies.flow(),
            held: self.requests.held.load(Relaxed) + self.replies.held.load(Relaxed),
        }
    }
}

impl FlowCounters {
    pub(crate) fn forwarded(&self, bytes: usize, chunks: u64) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
        self.chunks.fetch_add(chunks, Relaxed);
    }

    /// Changes one connection's share of what is held.
    pub(crate) fn held(&self, before: usize, now: usize) {
        // The sum wraps only in passing: what is taken away was added before.
        self.held.fetch_add((now as u64).wrapping_sub(before as u64), Relaxed);
    }

    fn flow(&self) -> Flow {
        Flow { bytes: self.bytes.load(Relaxed), chunks: self.chunks.load(Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_bytes_go_up_and_down_per_direction() {
        let counters = Counters::default();
        counters.flow(Direction::Requests).held(0, 10);
        counters.flow(Direction::Replies).held(0, 5);
        counters.flow(Direction::Requests).held(10, 3);
        assert_eq!(counters.traffic().held, 8);
    }

    #[test]
    fn connections_are_numbered_from_0_and_open_until_closed() {
        let counters = Counters::default();
        assert_eq!((counters.accepted(), counters.accepted()), (0, 1));
        counters.closed();
        let traffic = counters.traffic();
        assert_eq!((traffic.accepted, traffic.open), (2, 1));
    }
}
