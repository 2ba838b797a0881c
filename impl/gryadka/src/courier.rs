//! Requests on their way to one acceptor: what waits together travels together.
//!
//! There is no clock in the gathering: with a lane free a request leaves at once, and while all are
//! under way those that come wait for the next call and share it. So calls grow with the load, and a
//! lone request is never held back.
//!
//! It is safe because requests that share a call have nothing to do with one another: each is about
//! one register and one round, and is answered for itself, as if it had come alone. The acceptor
//! executes them in order with nothing in between, which is one of the orders in which they could
//! have arrived by themselves. A call that is lost loses each of them: *unknown* if it was sent, and
//! certainly not delivered if it was not. Only what the whole call is refused for, a wrong stamp or
//! an old epoch, is judged once for all.

use crate::acceptor::{Acceptor, Head, Lost, Reply, Request};
use crate::wire;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How many calls are under way at most.
const LANES: usize = 2;
/// How many requests, and about how many bytes, one call carries at most; at least one request.
const CALL: Weight = Weight { requests: 128, bytes: 1 << 20 };
/// How many requests, and about how many bytes, wait at most.
const BACKLOG: Weight = Weight { requests: 16_384, bytes: 64 << 20 };
/// How many losses are told of at a time.
const PORTION: usize = 64;
/// How long a call is waited for.
const STRAGGLER: Duration = Duration::from_secs(30);

/// Whoever sends through a [`Courier`] gets the results here.
pub trait Inbox<T>: Send + Sync + 'static {
    /// Takes the results of some requests that were sent. Must not block.
    fn take(&self, results: Vec<Delivered<T>>);
}

/// The result of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered<T> {
    /// What was sent along with the request.
    pub tag: T,
    /// The reply, or that there will be none.
    pub result: Result<Reply, Lost>,
}

/// Carries requests to one acceptor. Each that is taken is heard of at the inbox exactly once, as
/// long as the runtime runs.
///
/// When the courier is dropped, what waits is still carried, and then it holds the acceptor and the
/// inbox no longer.
#[derive(Debug)]
pub struct Courier<T> {
    desk: Arc<Desk<T>>,
}

#[derive(Debug)]
struct Desk<T> {
    backlog: Mutex<Backlog<T>>,
    work: Notify,
}

#[derive(Debug)]
struct Backlog<T> {
    waiting: VecDeque<Parcel<T>>,
    weight: Weight,
    closed: bool,
}

#[derive(Debug)]
struct Parcel<T> {
    head: Head,
    key: Bytes,
    request: Request,
    tag: T,
}

#[derive(Debug, Clone, Copy)]
struct Weight {
    requests: usize,
    bytes: usize,
}

impl Weight {
    const NONE: Self = Self { requests: 0, bytes: 0 };

    const fn plus(self, bytes: usize) -> Self {
        Self { requests: self.requests + 1, bytes: self.bytes.saturating_add(bytes) }
    }

    const fn minus(self, bytes: usize) -> Self {
        Self { requests: self.requests.saturating_sub(1), bytes: self.bytes.saturating_sub(bytes) }
    }

    const fn within(self, most: Self) -> bool {
        self.requests <= most.requests && self.bytes <= most.bytes
    }
}

impl<T> Parcel<T> {
    fn bytes(&self) -> usize {
        self.key.len() + wire::size_hint(&self.request)
    }
}

impl<T: Send + 'static> Courier<T> {
    /// A courier to this acceptor. Must be called within a tokio runtime, which carries it.
    #[must_use]
    pub fn start<A: Acceptor>(acceptor: &Arc<A>, inbox: &Arc<impl Inbox<T>>) -> Self {
        let backlog = Backlog { waiting: VecDeque::new(), weight: Weight::NONE, closed: false };
        let desk = Arc::new(Desk { backlog: Mutex::new(backlog), work: Notify::new() });
        for _ in 0..LANES {
            tokio::spawn(lane(desk.clone(), acceptor.clone(), inbox.clone()));
        }
        Self { desk }
    }

    /// Takes a request to the acceptor. Does not block, and does not call the inbox.
    ///
    /// # Errors
    /// [`Lost::NotConnected`] when too many wait already. Then the inbox will not hear of it.
    pub fn send(&self, head: Head, key: Bytes, request: Request, tag: T) -> Result<(), Lost> {
        let parcel = Parcel { head, key, request, tag };
        {
            let mut backlog = self.desk.backlog();
            let weight = backlog.weight.plus(parcel.bytes());
            if !weight.within(BACKLOG) && !backlog.waiting.is_empty() {
                return Err(Lost::NotConnected(String::from("too many requests wait already")));
            }
            backlog.weight = weight;
            backlog.waiting.push_back(parcel);
        }
        self.desk.work.notify_one();
        Ok(())
    }
}

impl<T> Drop for Courier<T> {
    fn drop(&mut self) {
        self.desk.backlog().closed = true;
        // One permit is kept for a lane that is busy now; it wakes the next one.
        self.desk.work.notify_one();
    }
}

impl<T> Desk<T> {
    fn backlog(&self) -> MutexGuard<'_, Backlog<T>> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next call carries, once something waits; `None` when nothing will come any more.
    async fn next(&self) -> Option<Vec<Parcel<T>>> {
        loop {
            let (call, rest, closed) = {
                let mut backlog = self.backlog();
                (backlog.call(), !backlog.waiting.is_empty(), backlog.closed)
            };
            // What is left, or that the end has come, concerns another lane.
            if rest || closed {
                self.work.notify_one();
            }
            if !call.is_empty() {
                return Some(call);
            }
            if closed {
                return None;
            }
            self.work.notified().await;
        }
    }
}

impl<T> Backlog<T> {
    /// Takes out everything.
    fn empty(&mut self) -> VecDeque<Parcel<T>> {
        self.weight = Weight::NONE;
        std::mem::take(&mut self.waiting)
    }

    /// Takes out what travels in one call: the same configuration, and not too much.
    fn call(&mut self) -> Vec<Parcel<T>> {
        let Some(head) = self.waiting.front().map(|first| first.head) else { return Vec::new() };
        let mut load = Weight::NONE;
        let count = self.waiting.iter().take_while(|parcel| {
            load = load.plus(parcel.bytes());
            parcel.head == head && (load.requests == 1 || load.within(CALL))
        });
        let count = count.count();
        let call: Vec<_> = self.waiting.drain(..count).collect();
        for parcel in &call {
            self.weight = self.weight.minus(parcel.bytes());
        }
        call
    }
}

/// Carries one call after the other.
async fn lane<T, A: Acceptor, I: Inbox<T>>(desk: Arc<Desk<T>>, acceptor: Arc<A>, inbox: Arc<I>) {
    while let Some(call) = desk.next().await {
        let Some(head) = call.first().map(|first| first.head) else { continue };
        let (tags, requests): (Vec<_>, Vec<_>) =
            call.into_iter().map(|parcel| (parcel.tag, (parcel.key, parcel.request))).unzip();
        let results = tokio::time::timeout(STRAGGLER, acceptor.call(head, requests)).await;
        let late = |_| vec![Err(Lost::NoAnswer(String::from("no reply in time"))); tags.len()];
        let results = results.unwrap_or_else(late);
        let broken = broken(&results);
        inbox.take(tags.into_iter().zip(results).map(delivered).collect());
        // What waited for a connection that broke need not wait for the next one.
        if let Some(lost) = broken {
            let lost = |parcel: Parcel<T>| delivered((parcel.tag, Err(lost.clone())));
            // The backlog is let go first: taking these in may send more. There may be thousands,
            // and the requests to other acceptors must not wait for all of them.
            let mut waiting = desk.backlog().empty().into_iter().map(lost).peekable();
            while waiting.peek().is_some() {
                inbox.take(waiting.by_ref().take(PORTION).collect());
                tokio::task::yield_now().await;
            }
        }
    }
}

/// What is lost of the requests that wait, when these are the results of a call: all of them, if it
/// was lost as a whole, because there is or was no connection.
fn broken(results: &[Result<Reply, Lost>]) -> Option<Lost> {
    let mut why = None;
    for result in results {
        match result {
            Err(Lost::NotConnected(text) | Lost::NoAnswer(text)) => why = Some(text),
            Ok(_) | Err(Lost::Refused(_) | Lost::NotMember | Lost::Fenced { .. }) => return None,
        }
    }
    why.cloned().map(Lost::NotConnected)
}

fn delivered<T>((tag, result): (T, Result<Reply, Lost>)) -> Delivered<T> {
    Delivered { tag, result }
}

#[cfg(test)]
mod tests;
