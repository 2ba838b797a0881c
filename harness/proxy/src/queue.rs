//! What waits, and in which order it leaves.

use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::time::Instant;

/// The most parcels in a queue before it has no room: a great many tiny ones would cost more memory
/// than their bytes.
const PARCELS_MAX: usize = 4096;

/// What travels down a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// Bytes of the stream.
    Data(Bytes),
    /// The sender has no more to say: its half of the connection is closed.
    Finish,
    /// The sender's end of the connection is gone without a proper close.
    Reset,
    /// The connection breaks here, by the will of a toxic.
    Tear,
    /// The connection is closed here, by the will of a toxic.
    Close,
}

impl Item {
    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Data(bytes) => bytes.len(),
            Self::Finish | Self::Reset | Self::Tear | Self::Close => 0,
        }
    }
}

/// An item and when it may leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parcel {
    pub(crate) item: Item,
    pub(crate) due: Instant,
}

/// Parcels in the order of their arrival, which is also the order of their due times.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    parcels: VecDeque<Parcel>,
    /// Bytes in `parcels`.
    held: usize,
    /// Whether the last that was taken in ends the stream.
    ended: bool,
}

impl Queue {
    /// Takes in what leaves at `due`, or later if something before it does. After the end of the
    /// stream there is nothing.
    pub(crate) fn add(&mut self, item: Item, due: Instant) {
        if self.ended {
            return;
        }
        let due = self.parcels.back().map_or(due, |last| due.max(last.due));
        self.held += item.len();
        self.ended = !matches!(item, Item::Data(_));
        self.parcels.push_back(Parcel { item, due });
    }

    /// Makes all due at `now`.
    pub(crate) fn hasten(&mut self, now: Instant) {
        for parcel in &mut self.parcels {
            parcel.due = parcel.due.min(now);
        }
    }

    pub(crate) fn first(&self) -> Option<&Parcel> {
        self.parcels.front()
    }

    /// Lets the first item go, or so many of its bytes.
    pub(crate) fn take(&mut self, size: usize) -> Option<Item> {
        if let Item::Data(bytes) = &mut self.parcels.front_mut()?.item
            && bytes.len() > size
        {
            self.held -= size;
            return Some(Item::Data(bytes.split_to(size)));
        }
        let item = self.parcels.pop_front()?.item;
        self.held -= item.len();
        Some(item)
    }

    /// So many bytes of the first item have left. Whether that was the rest of it.
    pub(crate) fn left(&mut self, count: usize) -> bool {
        let Some(Parcel { item: Item::Data(bytes), .. }) = self.parcels.front_mut() else {
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

    pub(crate) fn into_items(self) -> impl Iterator<Item = Item> {
        self.parcels.into_iter().map(|parcel| parcel.item)
    }

    /// How many bytes wait.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parcels.is_empty()
    }

    pub(crate) fn has_room(&self) -> bool {
        self.parcels.len() < PARCELS_MAX
    }

    /// Whether the end of the stream was taken in.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MS: Duration = Duration::from_millis(1);

    fn data(bytes: &'static [u8]) -> Item {
        Item::Data(Bytes::from_static(bytes))
    }

    #[test]
    fn a_shorter_delay_does_not_overtake_a_longer_one() {
        let start = Instant::now();
        let mut queue = Queue::default();
        queue.add(data(b"first"), start + 20 * MS);
        queue.add(data(b"second"), start + 5 * MS);
        assert_eq!(queue.take(usize::MAX), Some(data(b"first")));
        assert_eq!(queue.first().unwrap().due, start + 20 * MS);
    }

    #[test]
    fn an_item_leaves_in_pieces_and_is_held_until_then() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.add(data(b"abcdef"), now);
        queue.add(Item::Finish, now);
        assert_eq!((queue.take(2), queue.held()), (Some(data(b"ab")), 4));
        assert!(!queue.left(1));
        assert!(queue.left(3));
        assert_eq!((queue.held(), queue.take(2), queue.take(2)), (0, Some(Item::Finish), None));
    }

    #[test]
    fn nothing_comes_after_the_end() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.add(Item::Close, now);
        queue.add(data(b"late"), now);
        assert!(queue.ended());
        assert_eq!(queue.into_items().collect::<Vec<_>>(), [Item::Close]);
    }

    #[test]
    fn there_is_no_room_for_endless_tiny_parcels() {
        let now = Instant::now();
        let mut queue = Queue::default();
        for _ in 0..PARCELS_MAX {
            assert!(queue.has_room());
            queue.add(data(b"x"), now);
        }
        assert!(!queue.has_room());
    }
}
