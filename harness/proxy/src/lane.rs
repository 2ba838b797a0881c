//! How the bytes of one direction of one connection get across.

use crate::Direction;
use crate::alarm::Alarm;
use crate::chance::Chance;
use crate::connection::Shared;
use crate::order::{CutOff, Order, Orders};
use crate::pipeline::Pipeline;
use crate::queue::Item;
use crate::traffic::{Counters, FlowCounters, Tally};
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::tcp::{ReadHalf, WriteHalf};

/// How much is read at a time.
const BLOCK: usize = 64 * 1024;

thread_local! {
    /// What is read into. What cannot be written at once is copied out of it, so that a connection
    /// that holds nothing needs no buffer, and one that does needs no more than that.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; BLOCK]);
}

/// How a direction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The sender finished and the receiver was told.
    Finished,
    /// The receiver takes no more bytes.
    Gone,
    /// The sender's reset is to be passed on, the link was disabled, or a toxic resets.
    Reset,
    /// A toxic tore the connection at a lost message.
    Torn,
    /// A toxic closed the connection.
    Closed,
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
    chance: Chance,
    pipeline: Pipeline,
    alarm: Alarm,
    counters: &'a Counters,
    flow: &'a FlowCounters,
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
        Self {
            source,
            sink,
            direction,
            orders,
            chance: Chance::new(shared.seed, number, direction),
            pipeline: Pipeline::default(),
            alarm: Alarm::default(),
            counters: &shared.counters,
            flow: shared.counters.flow(direction),
            held: 0,
        }
    }

    /// Carries bytes across until one of the ends, a toxic or the link puts an end to it.
    pub(crate) async fn run(mut self) -> Ending {
        let ending = match self.carry().await {
            Ok(ending) | Err(ending) => ending,
        };
        if ending == Ending::Finished && self.sink.shutdown().await.is_err() {
            return Ending::Gone;
        }
        ending
    }

    async fn carry(&mut self) -> Result<Ending, Ending> {
        let mut bell = self.orders.clone();
        let order = self.orders.present()?;
        self.obey(&order)?;
        loop {
            tokio::select! {
                biased;
                heard = bell.next() => { heard?; }
                ending = poll_fn(|cx| self.poll(cx)) => return Ok(ending),
            }
        }
    }

    /// Does all that can be done at present. Ready when the direction is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        loop {
            match self.step(cx) {
                Ok(Poll::Ready(())) => {}
                Ok(Poll::Pending) => return Poll::Pending,
                Err(ending) => return Poll::Ready(ending),
            }
        }
    }

    /// Does one thing; pending when there is nothing to do, and the task will be woken.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Ending> {
        if let Some(order) = self.orders.unheard()? {
            self.obey(&order)?;
        }
        let pause = self.deliver()?;
        self.report();
        let room = self.pipeline.room();
        if room > 0 && self.read(cx, room)?.is_ready() {
            return Ok(Poll::Ready(()));
        }
        // An error is met again, and dealt with, when the writing is tried.
        if pause == Pause::SinkFull && self.sink.as_ref().poll_write_ready(cx).is_ready() {
            return Ok(Poll::Ready(()));
        }
        let due = if pause == Pause::NothingDue { self.pipeline.due() } else { None };
        let deadline = self.pipeline.deadline().map(|(deadline, _)| deadline);
        self.alarm.set(due.into_iter().chain(deadline).min());
        Ok(self.alarm.poll(cx))
    }

    fn obey(&mut self, order: &Order) -> Result<(), Ending> {
        let toxics = order.toxics.iter().filter(|entry| entry.toxic.direction == self.direction);
        self.pipeline.change(toxics, self.chance, Instant::now())
    }

    fn read(&mut self, cx: &mut Context<'_>, room: usize) -> Result<Poll<()>, Ending> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(&mut scratch[..room.min(BLOCK)]);
            let Poll::Ready(read) = Pin::new(&mut self.source).poll_read(cx, &mut buffer) else {
                return Ok(Poll::Pending);
            };
            // Asked again after the read, so that bytes sent after an order meet that order.
            if let Some(order) = self.orders.unheard()? {
                self.obey(&order)?;
            }
            self.take_in(read.map(|()| buffer.filled()))?;
            Ok(Poll::Ready(()))
        })
    }

    fn take_in(&mut self, read: io::Result<&[u8]>) -> Result<(), Ending> {
        match read {
            Ok([]) => self.pipeline.end(Item::Finish, Instant::now()),
            Ok(bytes) => {
                self.flow.received(bytes.len());
                let written = if self.pipeline.is_clear() { self.pass_by(bytes)? } else { 0 };
                if written < bytes.len() {
                    self.pipeline.push(&bytes[written..], Instant::now());
                }
            }
            Err(_) => self.pipeline.end(Item::Reset, Instant::now()),
        }
        Ok(())
    }

    /// Gives the sink at once what it takes, and says how much that was.
    fn pass_by(&mut self, bytes: &[u8]) -> Result<usize, Ending> {
        let written = self.write(bytes)?.unwrap_or(0);
        self.pipeline.passed_by(&bytes[..written]);
        self.flow.forwarded(written, u64::from(written == bytes.len()));
        Ok(written)
    }

    /// Gives the sink all that is due and that it takes without waiting.
    fn deliver(&mut self) -> Result<Pause, Ending> {
        if self.pipeline.is_clear() {
            return Ok(Pause::NothingDue);
        }
        let now = Instant::now();
        if let Some((deadline, ending)) = self.pipeline.deadline()
            && deadline <= now
        {
            return Err(ending);
        }
        self.pipeline.advance(now);
        while let Some(item) = self.pipeline.next() {
            let bytes = match item {
                Item::Data(bytes) => bytes,
                Item::Finish => return Err(Ending::Finished),
                Item::Reset => return Err(Ending::Reset),
                Item::Tear => {
                    self.counters.lost();
                    return Err(Ending::Torn);
                }
                Item::Close => return Err(Ending::Closed),
            };
            let Some(count) = self.write(bytes)? else { return Ok(Pause::SinkFull) };
            let chunks = u64::from(self.pipeline.left(count));
            self.flow.forwarded(count, chunks);
            // A stage that had no room to pass on to has it again.
            self.pipeline.advance(now);
        }
        Ok(Pause::NothingDue)
    }

    /// How many bytes the sink takes; `None` when it would have to be waited for.
    fn write(&self, bytes: &[u8]) -> Result<Option<usize>, Ending> {
        match self.sink.try_write(bytes) {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(_) => Err(Ending::Gone),
        }
    }

    /// Tells the counters what has changed.
    fn report(&mut self) {
        let now = self.pipeline.held();
        if now != self.held {
            self.flow.held(self.held, now);
            self.held = now;
        }
        let tally = self.pipeline.tally();
        if tally != Tally::default() {
            self.counters.done(tally);
        }
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        self.report();
        self.flow.held(self.held, 0);
    }
}
