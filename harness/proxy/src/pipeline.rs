//! What waits between reading and writing in one direction of a connection. Knows no clock: every
//! instant is handed in.
//!
//! Bytes come in as they are read, go through the stages of the present condition, and wait in a
//! queue until they are due. A stage says *when* and *what*, never waits itself, and so holds
//! nothing back: a condition can be replaced at any time without losing a byte.

use crate::resp::Frames;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::time::Instant;

/// The most bytes that one direction of one connection holds back. When they are held, it reads no
/// more, and the sender meets the backpressure of TCP.
pub const HELD_MAX: usize = 256 * 1024;

/// The most parcels held before reading stops: a great many tiny ones would cost more memory than
/// their bytes.
const PARCELS_MAX: usize = 4096;

/// What travels down a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// Bytes of the stream.
    Data {
        bytes: Bytes,
        /// Whether a message ends with these bytes. Set only if a stage works by message.
        message_ends: bool,
    },
    /// The sender has no more to say: its half of the connection is closed.
    Finish,
    /// The sender's end of the connection is gone without a proper close.
    Reset,
    /// The connection breaks here, by the will of a stage.
    Tear,
}

/// An item and when it may leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parcel {
    pub(crate) item: Item,
    /// On its way into a stage: when it arrives there.
    pub(crate) due: Instant,
}

/// One thing that a condition does to a direction.
pub(crate) trait Stage: Send {
    /// Whether it needs [`Item::Data`] to end where messages end.
    fn works_by_message(&self) -> bool {
        false
    }

    /// Sends `parcel` on: later, changed, in several pieces, or not at all. What was sent on
    /// earlier cannot be overtaken, whatever its due time says.
    fn pass(&mut self, parcel: Parcel, onward: &mut dyn FnMut(Parcel));
}

/// The way of one direction from reading to writing.
#[derive(Default)]
pub(crate) struct Pipeline {
    /// Follows the stream under every condition, to know the boundaries when one is put on that
    /// works by message.
    frames: Frames,
    stages: Vec<Box<dyn Stage>>,
    stalled: bool,
    queue: Queue,
}

impl Pipeline {
    /// Puts other stages in the place of the present ones. What was delayed is due at once.
    pub(crate) fn replace(&mut self, stages: Vec<Box<dyn Stage>>, stalled: bool, now: Instant) {
        self.stages = stages;
        self.stalled = stalled;
        self.queue.hasten(now);
    }

    /// Takes in bytes that were read at `now`.
    pub(crate) fn push(&mut self, mut bytes: Bytes, now: Instant) {
        if !self.stages.iter().any(|stage| stage.works_by_message()) {
            self.frames.follow(&bytes);
            return self.pass(Item::Data { bytes, message_ends: false }, now);
        }
        while let Some(end) = self.frames.next_end(&bytes) {
            self.pass(Item::Data { bytes: bytes.split_to(end), message_ends: true }, now);
        }
        if !bytes.is_empty() {
            self.pass(Item::Data { bytes, message_ends: false }, now);
        }
    }

    /// Takes in the end of the stream.
    pub(crate) fn end(&mut self, item: Item, now: Instant) {
        self.pass(item, now);
    }

    /// How many bytes may be read at present.
    pub(crate) fn room(&self) -> usize {
        if self.queue.closed || self.queue.parcels.len() >= PARCELS_MAX {
            return 0;
        }
        HELD_MAX - self.queue.held
    }

    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        self.queue.held
    }

    /// When the next item may leave; `None` while there is none, or while all are held back.
    pub(crate) fn due(&self) -> Option<Instant> {
        if self.stalled {
            return None;
        }
        self.queue.parcels.front().map(|parcel| parcel.due)
    }

    /// The next item, if it may leave at `now`.
    pub(crate) fn next(&self, now: Instant) -> Option<&Item> {
        let front = self.queue.parcels.front().filter(|parcel| parcel.due <= now)?;
        (!self.stalled).then_some(&front.item)
    }

    /// So many bytes of the next item have left. Whether that was the rest of it.
    pub(crate) fn left(&mut self, count: usize) -> bool {
        self.queue.left(count)
    }

    fn pass(&mut self, item: Item, now: Instant) {
        let queue = &mut self.queue;
        pass_through(&mut self.stages, Parcel { item, due: now }, &mut |parcel| queue.add(parcel));
    }
}

fn pass_through(stages: &mut [Box<dyn Stage>], parcel: Parcel, arrive: &mut dyn FnMut(Parcel)) {
    match stages.split_first_mut() {
        Some((first, rest)) => {
            first.pass(parcel, &mut |onward| pass_through(rest, onward, arrive));
        }
        None => arrive(parcel),
    }
}

/// Parcels in the order of their arrival, which is also the order of their due times.
#[derive(Default)]
struct Queue {
    parcels: VecDeque<Parcel>,
    /// Bytes in `parcels`.
    held: usize,
    /// Whether the last parcel ends the stream.
    closed: bool,
}

impl Queue {
    fn add(&mut self, mut parcel: Parcel) {
        if self.closed {
            return;
        }
        if let Some(last) = self.parcels.back() {
            parcel.due = parcel.due.max(last.due);
        }
        match &parcel.item {
            Item::Data { bytes, .. } => self.held += bytes.len(),
            Item::Finish | Item::Reset | Item::Tear => self.closed = true,
        }
        self.parcels.push_back(parcel);
    }

    fn hasten(&mut self, now: Instant) {
        for parcel in &mut self.parcels {
            parcel.due = parcel.due.min(now);
        }
    }

    fn left(&mut self, count: usize) -> bool {
        let Some(Parcel { item: Item::Data { bytes, .. }, .. }) = self.parcels.front_mut() else {
            return false;
        };
        bytes.advance(count);
        self.held -= count;
        let all = bytes.is_empty();
        if all {
            self.parcels.pop_front();
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MS: Duration = Duration::from_millis(1);

    /// Delays the n-th parcel by the n-th number of milliseconds.
    struct Delays(Vec<u32>);

    impl Stage for Delays {
        fn pass(&mut self, parcel: Parcel, onward: &mut dyn FnMut(Parcel)) {
            let delay = MS * self.0.remove(0);
            onward(Parcel { due: parcel.due + delay, ..parcel });
        }
    }

    fn data(bytes: &'static [u8]) -> Item {
        Item::Data { bytes: Bytes::from_static(bytes), message_ends: false }
    }

    fn delayed(delays: &[u32], now: Instant) -> Pipeline {
        let mut pipeline = Pipeline::default();
        pipeline.replace(vec![Box::new(Delays(delays.to_vec()))], false, now);
        pipeline
    }

    #[test]
    fn passes_at_once_without_stages() {
        let now = Instant::now();
        let mut pipeline = Pipeline::default();
        pipeline.push(Bytes::from_static(b"abc"), now);
        assert_eq!(pipeline.next(now), Some(&data(b"abc")));
        assert!(!pipeline.left(1));
        assert_eq!((pipeline.next(now), pipeline.held()), (Some(&data(b"bc")), 2));
        assert!(pipeline.left(2));
        assert_eq!((pipeline.next(now), pipeline.held()), (None, 0));
    }

    #[test]
    fn a_shorter_delay_does_not_overtake_a_longer_one() {
        let start = Instant::now();
        let mut pipeline = delayed(&[20, 5], start);
        pipeline.push(Bytes::from_static(b"first"), start);
        pipeline.push(Bytes::from_static(b"second"), start);
        assert_eq!(pipeline.next(start + 19 * MS), None);
        assert_eq!(pipeline.next(start + 20 * MS), Some(&data(b"first")));
        pipeline.left(5);
        assert_eq!(pipeline.due(), Some(start + 20 * MS));
    }

    #[test]
    fn delays_of_stages_add_up() {
        let start = Instant::now();
        let mut pipeline = Pipeline::default();
        let stages: Vec<Box<dyn Stage>> =
            vec![Box::new(Delays(vec![3])), Box::new(Delays(vec![4]))];
        pipeline.replace(stages, false, start);
        pipeline.push(Bytes::from_static(b"x"), start);
        assert_eq!(pipeline.due(), Some(start + 7 * MS));
    }

    #[test]
    fn what_is_held_back_leaves_in_order_after_the_stall() {
        let now = Instant::now();
        let mut pipeline = Pipeline::default();
        pipeline.replace(Vec::new(), true, now);
        pipeline.push(Bytes::from_static(b"last words"), now);
        pipeline.end(Item::Finish, now);
        assert_eq!((pipeline.next(now), pipeline.due()), (None, None));
        pipeline.replace(Vec::new(), false, now);
        assert_eq!(pipeline.next(now), Some(&data(b"last words")));
        pipeline.left(10);
        assert_eq!(pipeline.next(now), Some(&Item::Finish));
    }

    #[test]
    fn a_replaced_delay_is_over_at_once() {
        let start = Instant::now();
        let mut pipeline = delayed(&[1000], start);
        pipeline.push(Bytes::from_static(b"x"), start);
        pipeline.replace(Vec::new(), false, start + MS);
        assert_eq!(pipeline.next(start + MS), Some(&data(b"x")));
    }

    #[test]
    fn there_is_no_room_when_full_or_ended() {
        let now = Instant::now();
        let mut pipeline = Pipeline::default();
        pipeline.push(Bytes::from(vec![0; HELD_MAX - 1]), now);
        assert_eq!(pipeline.room(), 1);
        pipeline.push(Bytes::from_static(b"x"), now);
        assert_eq!(pipeline.room(), 0);
        pipeline.left(HELD_MAX - 1);
        pipeline.end(Item::Finish, now);
        assert_eq!(pipeline.room(), 0);
    }

    #[test]
    fn there_is_no_room_for_endless_tiny_parcels() {
        let now = Instant::now();
        let mut pipeline = Pipeline::default();
        for _ in 0..PARCELS_MAX {
            assert!(pipeline.room() > 0);
            pipeline.push(Bytes::from_static(b"x"), now);
        }
        assert_eq!(pipeline.room(), 0);
    }
}
