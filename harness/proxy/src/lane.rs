//! How the bytes of one direction of one connection get across.

use crate::Direction;
use crate::connection::Shared;
use crate::order::{CutOff, Order, Orders};
use crate::pipeline::{Item, Pipeline};
use crate::stage::stages;
use crate::traffic::FlowCounters;
use bytes::{BufMut, BytesMut};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::convert::Infallible;
use std::io;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};

/// What is allocated at a time to read into.
const BLOCK: usize = 64 * 1024;

/// A rest of a block smaller than this is not read into any more. Above, it is, so that small
/// chunks share a block and holding them costs little more than their bytes.
const REST_MIN: usize = 4 * 1024;

/// How a direction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The sender finished and the receiver was told.
    Finished,
    /// The receiver takes no more bytes.
    Gone,
    /// The sender's reset is to be passed on, or the link was cut.
    Reset,
    /// A stage tore the connection.
    Torn,
}

impl From<CutOff> for Ending {
    fn from(CutOff: CutOff) -> Self {
        Self::Reset
    }
}

/// One direction of one connection.
pub(crate) struct Lane<'a> {
    source: ReadHalf<'a>,
    sink: WriteHalf<'a>,
    direction: Direction,
    orders: Orders,
    /// Seed of this lane's randomness.
    seed: u64,
    pipeline: Pipeline,
    buffer: BytesMut,
    counters: &'a FlowCounters,
    /// What the counters were last told to be held here.
    held: usize,
}

/// Why nothing more can be delivered for the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    /// Nothing is due.
    NothingDue,
    /// The sink's buffer is full.
    SinkFull,
}

impl<'a> Lane<'a> {
    pub(crate) fn new(
        (source, sink): (ReadHalf<'a>, WriteHalf<'a>),
        direction: Direction,
        orders: Orders,
        number: u64,
        shared: &'a Shared,
    ) -> Self {
        let way = match direction {
            Direction::Requests => 0,
            Direction::Replies => 1,
        };
        Self {
            source,
            sink,
            direction,
            orders,
            seed: mixed(mixed(shared.seed, number), way),
            pipeline: Pipeline::default(),
            buffer: BytesMut::new(),
            counters: shared.counters.flow(direction),
            held: 0,
        }
    }

    /// Carries bytes across until one of the ends, a fault or the link puts an end to it.
    pub(crate) async fn run(mut self) -> Ending {
        let Err(ending) = self.carry().await;
        if ending == Ending::Finished && self.sink.shutdown().await.is_err() {
            return Ending::Gone;
        }
        ending
    }

    async fn carry(&mut self) -> Result<Infallible, Ending> {
        let order = self.orders.present()?;
        self.obey(order);
        loop {
            let pause = self.deliver()?;
            self.report_held();
            let due = self.pipeline.due();
            let room = self.pipeline.room();
            tokio::select! {
                biased;
                order = self.orders.next() => self.obey(order?),
                // An error is met again, and dealt with, when the writing is tried.
                _ = self.sink.writable(), if pause == Pause::SinkFull => {}
                () = until(due), if pause == Pause::NothingDue && due.is_some() => {}
                read = read(&mut self.source, &mut self.buffer, room), if room > 0 => {
                    // Asked again after the read, so that bytes sent after an order meet that order.
                    if let Some(order) = self.orders.unheard()? {
                        self.obey(order);
                    }
                    self.take_in(read);
                }
            }
        }
    }

    fn obey(&mut self, order: Order) {
        // The change's number is part of the seed: what one condition draws does not depend on how
        // much was drawn under those before it.
        let random = Pcg64Mcg::seed_from_u64(mixed(self.seed, order.change));
        let stages = stages(order.condition, self.direction, random);
        let stalled = order.condition.stalls(self.direction);
        self.pipeline.replace(stages, stalled, Instant::now());
    }

    fn take_in(&mut self, read: io::Result<usize>) {
        let now = Instant::now();
        match read {
            Ok(0) => self.pipeline.end(Item::Finish, now),
            Ok(_) => self.pipeline.push(self.buffer.split().freeze(), now),
            Err(_) => self.pipeline.end(Item::Reset, now),
        }
    }

    /// Gives the sink all that is due and that it takes without waiting.
    fn deliver(&mut self) -> Result<Pause, Ending> {
        let now = Instant::now();
        while let Some(item) = self.pipeline.next(now) {
            let bytes = match item {
                Item::Data { bytes, .. } => bytes,
                Item::Finish => return Err(Ending::Finished),
                Item::Reset => return Err(Ending::Reset),
                Item::Tear => return Err(Ending::Torn),
            };
            match self.sink.try_write(bytes) {
                Ok(count) => {
                    let chunks = u64::from(self.pipeline.left(count));
                    self.counters.forwarded(count, chunks);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Pause::SinkFull);
                }
                Err(_) => return Err(Ending::Gone),
            }
        }
        Ok(Pause::NothingDue)
    }

    fn report_held(&mut self) {
        let now = self.pipeline.held();
        if now != self.held {
            self.counters.held(self.held, now);
            self.held = now;
        }
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        self.counters.held(self.held, 0);
    }
}

/// Reads at most `room` bytes into the empty `buffer`.
async fn read(source: &mut ReadHalf<'_>, buffer: &mut BytesMut, room: usize) -> io::Result<usize> {
    if buffer.capacity() < REST_MIN {
        buffer.reserve(BLOCK);
    }
    source.read_buf(&mut buffer.limit(room)).await
}

async fn until(due: Option<Instant>) {
    if let Some(due) = due {
        tokio::time::sleep_until(due.into()).await;
    }
}

fn mixed(seed: u64, part: u64) -> u64 {
    Pcg64Mcg::seed_from_u64(seed ^ part).random()
}
