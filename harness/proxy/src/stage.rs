//! A toxic at work in one direction of one connection. Knows no clock: every instant is handed in.
//! What it draws, it draws from what it was made with.

use crate::Effect;
use crate::lane::Ending;
use crate::order::Entry;
use crate::queue::{Item, Parcel, Queue};
use crate::resp::Frames;
use crate::traffic::Tally;
use bytes::Bytes;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use std::time::{Duration, Instant};

/// How long what leaves at once takes under [`Effect::Bandwidth`]: the smoothness of its flow.
const QUANTUM_MS: u64 = 10;

/// How far a stage with a pace makes up for what it could not pass on in time.
const CATCH_UP: Duration = Duration::from_millis(20);

/// A toxic at work. What comes in waits in its queue until the toxic lets it go.
pub(crate) struct Stage {
    pub(crate) added: u64,
    updated: u64,
    effect: Effect,
    random: Pcg64Mcg,
    /// When the connection met the toxic, or heard of its last update.
    since: Instant,
    /// Follows what comes in, to know where messages begin and end.
    incoming: Frames,
    /// Bytes let through under [`Effect::LimitData`].
    passed: u64,
    /// Whether the message that is coming in is being left out.
    dropping: bool,
    /// Whether so much was left out that the stream cannot go on without the toxic.
    broken: bool,
    queue: Queue,
    /// Under a pace, nothing leaves earlier.
    free: Instant,
}

impl Stage {
    /// Begins at a place in the stream that `incoming` has followed to.
    pub(crate) fn new(entry: &Entry, random: Pcg64Mcg, incoming: Frames, now: Instant) -> Self {
        Self {
            added: entry.added,
            updated: entry.updated,
            effect: entry.toxic.effect,
            random,
            since: now,
            incoming,
            passed: 0,
            dropping: false,
            broken: false,
            queue: Queue::default(),
            free: now,
        }
    }

    /// Hears of an update, if it has not yet. What was delayed is due at once.
    pub(crate) fn update(&mut self, entry: &Entry, now: Instant) {
        if self.updated != entry.updated {
            self.updated = entry.updated;
            self.effect = entry.toxic.effect;
            self.since = now;
            self.free = self.free.min(now);
            self.queue.hasten(now);
        }
    }

    /// How the connection ends because the toxic is taken out, if it does.
    pub(crate) fn removal(&self) -> Option<Ending> {
        if matches!(self.effect, Effect::Timeout { .. }) {
            return Some(Ending::Closed);
        }
        (self.broken || self.dropping).then_some(Ending::Reset)
    }

    /// When and how the toxic ends the connection by itself.
    pub(crate) fn deadline(&self) -> Option<(Instant, Ending)> {
        if let Effect::ResetPeer { timeout } = self.effect {
            return Some((self.since + timeout, Ending::Reset));
        }
        let Effect::Timeout { timeout } = self.effect else { return None };
        (timeout > Duration::ZERO).then_some((self.since + timeout, Ending::Closed))
    }

    pub(crate) fn incoming(&self) -> &Frames {
        &self.incoming
    }

    /// Whether what waits is under way, and not held back.
    pub(crate) fn delays(&self) -> bool {
        matches!(self.effect, Effect::Latency { .. })
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Gives up all that waits.
    pub(crate) fn into_waiting(self) -> impl Iterator<Item = Item> {
        self.queue.into_items()
    }

    /// Takes in what arrives at `at`.
    pub(crate) fn take(&mut self, item: Item, at: Instant, tally: &mut Tally) {
        match item {
            Item::Data(bytes) => self.take_data(bytes, at, tally),
            end @ (Item::Finish | Item::Reset | Item::Tear | Item::Close) => self.take_end(end, at),
        }
    }

    fn take_end(&mut self, end: Item, at: Instant) {
        if let Effect::Timeout { .. } | Effect::ResetPeer { .. } = self.effect {
            self.broken = true;
        } else if let Effect::SlowClose { delay } = self.effect {
            self.queue.add(end, at + delay);
        } else {
            let delay = self.delay();
            self.queue.add(end, at + delay);
        }
    }

    fn take_data(&mut self, bytes: Bytes, at: Instant, tally: &mut Tally) {
        if self.broken {
            return;
        }
        if let Effect::Loss { probability } | Effect::Drop { probability, .. } = self.effect {
            return self.take_messages(&bytes, probability, at, tally);
        }
        self.incoming.follow(&bytes);
        if let Effect::Timeout { .. } | Effect::ResetPeer { .. } = self.effect {
            self.broken = true;
        } else if let Effect::LimitData { bytes: limit } = self.effect {
            self.take_limited(bytes, limit, at);
        } else {
            let bytes = self.perhaps_corrupted(bytes, tally);
            let delay = self.delay();
            self.queue.add(Item::Data(bytes), at + delay);
        }
    }

    /// A latency give or take the jitter, if that is the effect.
    fn delay(&mut self) -> Duration {
        let Effect::Latency { latency, jitter } = self.effect else { return Duration::ZERO };
        // Written so that nothing goes below zero on the way.
        let spread = self.random.random_range(Duration::ZERO..=2 * jitter);
        (latency + spread).saturating_sub(jitter)
    }

    fn take_limited(&mut self, mut bytes: Bytes, limit: u64, at: Instant) {
        let left = limit.saturating_sub(self.passed);
        if let Ok(left) = usize::try_from(left) {
            bytes.truncate(left);
        }
        self.passed += bytes.len() as u64;
        if !bytes.is_empty() {
            self.queue.add(Item::Data(bytes), at);
        }
        if self.passed >= limit {
            self.queue.add(Item::Close, at);
        }
    }

    /// The bytes, with one bit flipped if that is the effect and chance has it.
    fn perhaps_corrupted(&mut self, bytes: Bytes, tally: &mut Tally) -> Bytes {
        let Effect::Corrupt { probability } = self.effect else { return bytes };
        if !self.random.random_bool(probability) {
            return bytes;
        }
        tally.corrupted += 1;
        let mut copy = bytes.to_vec();
        let at = self.random.random_range(0..copy.len());
        copy[at] ^= 1 << self.random.random_range(0..u8::BITS);
        copy.into()
    }

    /// Decides on each message when its first byte comes. What passes is copied, lest a little that
    /// is kept keeps a lot in memory that is not.
    fn take_messages(
        &mut self,
        mut bytes: &[u8],
        probability: f64,
        at: Instant,
        tally: &mut Tally,
    ) {
        let mut kept = Vec::new();
        let mut torn = false;
        while !bytes.is_empty() && !torn && !self.broken {
            let begins = self.incoming.begins(bytes[0]);
            let end = self.incoming.next_end(bytes);
            let (piece, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            if begins && self.random.random_bool(probability) {
                if let Effect::Drop { usable, .. } = self.effect {
                    tally.dropped += 1;
                    self.dropping = true;
                    self.broken = !usable;
                } else {
                    torn = true;
                }
            }
            if !self.dropping && !torn {
                kept.extend_from_slice(piece);
            }
            self.dropping &= end.is_none();
            bytes = rest;
        }
        if !kept.is_empty() {
            self.queue.add(Item::Data(kept.into()), at);
        }
        if torn {
            self.queue.add(Item::Tear, at);
        }
    }

    /// When the next may leave; `None` while there is none, or while all are held back.
    pub(crate) fn due(&self) -> Option<Instant> {
        let first = self.queue.first()?;
        if let Effect::Blackhole | Effect::Bandwidth { rate: 0 } = self.effect {
            None
        } else if let Effect::Bandwidth { rate } = self.effect {
            let size = quantum(rate).min(first.item.len());
            Some(first.due.max(self.free) + time(size, rate))
        } else if let Effect::Slicer { .. } = self.effect {
            Some(first.due.max(self.free))
        } else {
            Some(first.due)
        }
    }

    /// The next that leaves by `now`, and when it did.
    pub(crate) fn release(&mut self, now: Instant) -> Option<Parcel> {
        let due = self.due().filter(|&due| due <= now)?;
        let on_time = now.checked_sub(CATCH_UP).map_or(due, |earliest| due.max(earliest));
        let mut size = usize::MAX;
        if let Effect::Bandwidth { rate } = self.effect {
            self.free = on_time;
            size = quantum(rate);
        } else if let Effect::Slicer { average_size, size_variation, delay } = self.effect {
            self.free = on_time + delay;
            size = self.piece(average_size, size_variation);
        }
        self.queue.take(size).map(|item| Parcel { item, due })
    }

    fn piece(&mut self, average: usize, variation: usize) -> usize {
        if (average, variation) == (0, 0) {
            return usize::MAX;
        }
        let least = average.saturating_sub(variation).max(1);
        self.random.random_range(least..=average.saturating_add(variation))
    }
}

/// How many bytes leave at once at so many kilobytes a second, which are as many bytes a millisecond.
fn quantum(rate: u64) -> usize {
    usize::try_from(rate.saturating_mul(QUANTUM_MS)).unwrap_or(usize::MAX)
}

/// How long so many bytes take at so many bytes a millisecond.
fn time(bytes: usize, rate: u64) -> Duration {
    Duration::from_nanos((bytes as u64).saturating_mul(1_000_000) / rate)
}
