//! What has crossed a link, counted.

use crate::Direction;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a link has counted since it was opened. Each figure is right, but they are not all read at
/// the same instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections accepted. Those refused by a disabled link never reach it and cannot be counted.
    pub accepted: u64,
    /// Connections that are being served at present.
    pub open: u64,
    /// Connections whose server could not be reached; the client was accepted and closed.
    pub unreachable: u64,
    /// Connections that ended in a reset: by a disabled link, a toxic, or one of the two ends.
    pub reset: u64,
    /// Connections that a toxic closed: [`Effect::Timeout`](crate::Effect::Timeout) or
    /// [`Effect::LimitData`](crate::Effect::LimitData).
    pub closed: u64,
    /// Requests and replies lost under [`Effect::Loss`](crate::Effect::Loss).
    pub lost: u64,
    /// Requests and replies left out under [`Effect::Drop`](crate::Effect::Drop). What comes on a
    /// connection that is not usable any more is not counted.
    pub dropped: u64,
    /// Chunks with a bit flipped under [`Effect::Corrupt`](crate::Effect::Corrupt).
    pub corrupted: u64,
    /// What was forwarded to the server.
    pub requests: Flow,
    /// What was forwarded to the client.
    pub replies: Flow,
    /// Bytes taken from one side and not yet given to the other, over all open connections. From
    /// clients whose server is still to be connected to, nothing has been taken.
    pub held: u64,
}

/// What came and what was forwarded in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    /// Bytes taken from the sending side's socket.
    pub received: u64,
    /// Bytes given to the receiving side's socket.
    pub bytes: u64,
    /// Pieces that they came in.
    pub chunks: u64,
}

/// What stages did and nobody was told yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) dropped: u64,
    pub(crate) corrupted: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    open: AtomicU64,
    unreachable: AtomicU64,
    reset: AtomicU64,
    closed: AtomicU64,
    lost: AtomicU64,
    dropped: AtomicU64,
    corrupted: AtomicU64,
    requests: FlowCounters,
    replies: FlowCounters,
}

#[derive(Debug, Default)]
pub(crate) struct FlowCounters {
    received: AtomicU64,
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
    pub(crate) fn over(&self) {
        self.open.fetch_sub(1, Relaxed);
    }

    pub(crate) fn unreachable(&self) {
        self.unreachable.fetch_add(1, Relaxed);
    }

    pub(crate) fn reset(&self) {
        self.reset.fetch_add(1, Relaxed);
    }

    /// Counts a connection that a toxic closed.
    pub(crate) fn closed(&self) {
        self.closed.fetch_add(1, Relaxed);
    }

    /// Counts what toxics did to messages and chunks.
    pub(crate) fn done(&self, tally: Tally) {
        self.dropped.fetch_add(tally.dropped, Relaxed);
        self.corrupted.fetch_add(tally.corrupted, Relaxed);
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
            closed: self.closed.load(Relaxed),
            lost: self.lost.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            corrupted: self.corrupted.load(Relaxed),
            requests: self.requests.flow(),
            replies: self.replies.flow(),
            held: self.requests.held.load(Relaxed) + self.replies.held.load(Relaxed),
        }
    }
}

impl FlowCounters {
    pub(crate) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Relaxed);
    }

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
        Flow {
            received: self.received.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            chunks: self.chunks.load(Relaxed),
        }
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
        counters.over();
        let traffic = counters.traffic();
        assert_eq!((traffic.accepted, traffic.open), (2, 1));
    }
}
