//! The way of one direction of a connection from reading to writing. Knows no clock: every instant
//! is handed in.
//!
//! What is read goes through the stages, one for each toxic, and into the queue of what can be
//! written. A stage holds back what it holds in a queue of its own and never waits itself: it can
//! be taken out at any time, and what it held goes on to the next.

use crate::chance::Chance;
use crate::lane::Ending;
use crate::order::Entry;
use crate::queue::{Item, Queue};
use crate::resp::Frames;
use crate::stage::Stage;
use crate::traffic::Tally;
use bytes::Bytes;
use std::time::Instant;

/// The most bytes that one direction of one connection holds back for a receiver or a toxic that does
/// not let them go. When they are held, it reads no more, and the sender meets the backpressure of
/// TCP.
pub const HELD_MAX: usize = 256 * 1024;

/// The most bytes that are under way in one direction of one connection under
/// [`Effect::Latency`](crate::Effect::Latency). They are counted apart, because a long way is not a
/// narrow one: this is enough for 100 MB a second up to a latency of 335 ms.
pub const DELAYED_MAX: usize = 32 * 1024 * 1024;

/// The way of one direction from reading to writing.
#[derive(Default)]
pub(crate) struct Pipeline {
    /// In the order in which their toxics were added.
    stages: Vec<Stage>,
    /// What can be written.
    out: Queue,
    /// Follows what goes into `out`, so that a stage can begin at a known place in the stream.
    outgoing: Frames,
    /// Whether the sender's end was taken in.
    ended: bool,
    tally: Tally,
}

impl Pipeline {
    /// Makes the stages those of the direction's `toxics`, as far as they apply by `chance`.
    ///
    /// # Errors
    /// How the connection ends if it cannot go on without a toxic that was taken out.
    pub(crate) fn change<'a>(
        &mut self,
        toxics: impl Iterator<Item = &'a Entry>,
        chance: Chance,
        now: Instant,
    ) -> Result<(), Ending> {
        let toxics: Vec<_> = toxics
            .filter_map(|entry| chance.of(&entry.toxic).map(|random| (entry, random)))
            .collect();
        // First in, then out: what a stage that goes had held meets those that are new.
        for (entry, random) in &toxics {
            match self.stages.binary_search_by_key(&entry.added, |stage| stage.added) {
                Ok(index) => self.stages[index].update(entry, now),
                Err(index) => {
                    let next = self.stages.get(index);
                    let place = next.map_or(&self.outgoing, Stage::incoming).clone();
                    self.stages.insert(index, Stage::new(entry, random.clone(), place, now));
                }
            }
        }
        for index in (0..self.stages.len()).rev() {
            let added = self.stages[index].added;
            if toxics.iter().all(|(entry, _)| entry.added != added) {
                let gone = self.stages.remove(index);
                if let Some(ending) = gone.removal() {
                    return Err(ending);
                }
                for item in gone.into_waiting() {
                    self.hand(index, item, now);
                }
            }
        }
        Ok(())
    }

    /// Whether bytes that are read now can be written at once.
    pub(crate) fn is_clear(&self) -> bool {
        self.stages.is_empty() && self.out.is_empty()
    }

    /// Lets bytes pass by that were written at once.
    pub(crate) fn passed_by(&mut self, bytes: &[u8]) {
        self.outgoing.follow(bytes);
    }

    /// Takes in bytes that were read at `now`.
    pub(crate) fn push(&mut self, bytes: &[u8], now: Instant) {
        if !bytes.is_empty() {
            self.hand(0, Item::Data(Bytes::copy_from_slice(bytes)), now);
        }
    }

    /// Takes in the end of the stream.
    pub(crate) fn end(&mut self, item: Item, now: Instant) {
        self.ended = true;
        self.hand(0, item, now);
    }

    /// Moves on all that is due.
    pub(crate) fn advance(&mut self, now: Instant) {
        for index in 0..self.stages.len() {
            while self.has_room(index + 1)
                && let Some(parcel) = self.stages[index].release(now)
            {
                self.hand(index + 1, parcel.item, parcel.due);
            }
        }
    }

    /// When something moves on next.
    pub(crate) fn due(&self) -> Option<Instant> {
        let able = |&(index, _): &(usize, &Stage)| self.has_room(index + 1);
        self.stages.iter().enumerate().filter(able).filter_map(|(_, stage)| stage.due()).min()
    }

    /// When and how a toxic ends the connection, whatever is held.
    pub(crate) fn deadline(&self) -> Option<(Instant, Ending)> {
        self.stages.iter().filter_map(Stage::deadline).min_by_key(|(due, _)| *due)
    }

    /// The next to be written.
    pub(crate) fn next(&self) -> Option<&Item> {
        self.out.first().map(|parcel| &parcel.item)
    }

    /// So many bytes of the next item were written. Whether that was the rest of it.
    pub(crate) fn left(&mut self, count: usize) -> bool {
        self.out.left(count)
    }

    /// How many bytes may be read at present.
    pub(crate) fn room(&self) -> usize {
        let ended = self.ended || self.queues().any(Queue::ended);
        if ended || !self.has_room(0) {
            return 0;
        }
        let delayed = self.stages.iter().filter(|stage| stage.delays());
        let delayed = delayed.map(|stage| stage.queue().held()).sum();
        let held = self.held() - delayed;
        HELD_MAX.saturating_sub(held).min(DELAYED_MAX.saturating_sub(delayed))
    }

    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        self.queues().map(Queue::held).sum()
    }

    /// What the stages did since this was last asked.
    pub(crate) fn tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.stages.iter().map(Stage::queue).chain([&self.out])
    }

    fn has_room(&self, index: usize) -> bool {
        self.stages.get(index).map_or(&self.out, Stage::queue).has_room()
    }

    /// Gives an item to the stage of that index, or out.
    fn hand(&mut self, index: usize, item: Item, at: Instant) {
        if let Some(stage) = self.stages.get_mut(index) {
            return stage.take(item, at, &mut self.tally);
        }
        if let Item::Data(bytes) = &item {
            self.outgoing.follow(bytes);
        }
        self.out.add(item, at);
    }
}

#[cfg(test)]
mod tests;
