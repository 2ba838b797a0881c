//! Requests on their way to one acceptor: what waits together travels together.
//!
//! A request leaves at once while fewer than [`USUAL_CALLS`] calls are under way. While there are as
//! many, requests are gathered for the next call: until one of those ends, or for [`GATHER_TIME`],
//! whichever comes first. Where the server is near, calls end sooner than that, so their number stays
//! the same and what they carry grows with the load. Where it is far, a further call starts every
//! [`GATHER_TIME`], so that a request takes hardly longer than the round trip at any load.
//!
//! It is safe because requests that share a call have nothing to do with one another: each is about
//! one register and one round, and is answered for itself, as if it had come alone. The acceptor
//! executes them in order with nothing in between, which is one of the orders in which they could
//! have arrived by themselves. Calls may overtake one another, as messages of the protocol may. When
//! a call fails, each of its requests fails: they may have been executed if it was sent, and
//! certainly were not if it was not. Only what the whole call is refused for, a wrong identity or an
//! old epoch, is judged once for all.

use crate::wire;
use crate::{Acceptor, Head, Reply, Request, RequestError};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How many calls are under way before requests are gathered: one that the server executes, and one
/// that it finds when it is done.
const USUAL_CALLS: usize = 2;
/// How long requests are gathered at most. A call costs all processes together some 25 µs beside what
/// its requests cost, so further calls take a fortieth of a core at most; and it is little beside a
/// round trip to another place.
const GATHER_TIME: Duration = Duration::from_millis(1);
/// How many calls are under way at most: enough for a round trip of a quarter of a second.
const MOST_CALLS: usize = 256;
/// How many requests, and about how many bytes, are under way at most when a further call starts.
const FLIGHT_LIMIT: Weight = Weight { requests: 16_384, bytes: 64 << 20 };
/// How many requests, and about how many bytes, one call carries at most; at least one request.
const CALL_LIMIT: Weight = Weight { requests: 128, bytes: 1 << 20 };
/// How many requests, and about how many bytes, wait at most.
const BACKLOG_LIMIT: Weight = Weight { requests: 16_384, bytes: 64 << 20 };
/// How many errors are handed to the handler at a time.
const ERROR_BATCH: usize = 64;
/// How long a call is waited for.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Gets the results of requests that are sent through an [`AcceptorClient`].
pub trait ReplyHandler<T>: Send + Sync + 'static {
    /// Takes the results of some requests that were sent. Must not block. If it panics, that is
    /// logged, these results are not handed to it again, and the client goes on.
    fn take(&self, results: Vec<Completed<T>>);
}

/// The result of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed<T> {
    /// What was sent along with the request.
    pub tag: T,
    /// The reply, or the reason why none will come.
    pub result: Result<Reply, RequestError>,
}

/// Carries requests to one acceptor. The handler gets the result of each that is taken exactly once, as
/// long as the runtime runs.
///
/// When the client is dropped, it still carries what waits, and then drops the acceptor and the handler.
#[derive(Debug)]
pub struct AcceptorClient<T> {
    queue: Arc<SendQueue<T>>,
}

#[derive(Debug)]
struct SendQueue<T> {
    backlog: Mutex<Waiting<T>>,
    work: Notify,
}

#[derive(Debug)]
struct Waiting<T> {
    waiting: VecDeque<QueuedRequest<T>>,
    weight: Weight,
    closed: bool,
}

#[derive(Debug)]
struct QueuedRequest<T> {
    head: Head,
    key: Bytes,
    request: Request,
    tag: T,
}

/// Requests that travel in one call.
#[derive(Debug)]
struct Batch<T> {
    head: Head,
    requests: Vec<QueuedRequest<T>>,
    load: Weight,
}

#[derive(Debug, Clone, Copy)]
struct Weight {
    requests: usize,
    bytes: usize,
}

impl Weight {
    const NONE: Self = Self { requests: 0, bytes: 0 };

    const fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    const fn minus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    const fn within(self, most: Self) -> bool {
        self.requests <= most.requests && self.bytes <= most.bytes
    }
}

impl<T> QueuedRequest<T> {
    fn weight(&self) -> Weight {
        Weight { requests: 1, bytes: self.key.len() + wire::size_hint(&self.request) }
    }
}

impl<T: Send + 'static> AcceptorClient<T> {
    /// A client to this acceptor, which this runtime carries.
    #[must_use]
    pub fn start<A: Acceptor>(
        runtime: &Handle,
        acceptor: &Arc<A>,
        handler: &Arc<impl ReplyHandler<T>>,
    ) -> Self {
        let backlog = Waiting { waiting: VecDeque::new(), weight: Weight::NONE, closed: false };
        let queue = Arc::new(SendQueue { backlog: Mutex::new(backlog), work: Notify::new() });
        runtime.spawn(carry(queue.clone(), acceptor.clone(), handler.clone()));
        Self { queue }
    }

    /// Takes a request to the acceptor. Does not block, and does not call the handler.
    ///
    /// # Errors
    /// [`RequestError::NotConnected`] when too many wait already. Then the handler gets no result of it.
    pub fn send(
        &self,
        head: Head,
        key: Bytes,
        request: Request,
        tag: T,
    ) -> Result<(), RequestError> {
        let queued = QueuedRequest { head, key, request, tag };
        {
            let mut backlog = self.queue.backlog();
            let weight = backlog.weight.plus(queued.weight());
            if !weight.within(BACKLOG_LIMIT) && !backlog.waiting.is_empty() {
                return Err(RequestError::NotConnected(String::from(
                    "too many requests wait already",
                )));
            }
            backlog.weight = weight;
            backlog.waiting.push_back(queued);
        }
        self.queue.work.notify_one();
        Ok(())
    }
}

impl<T> Drop for AcceptorClient<T> {
    fn drop(&mut self) {
        self.queue.backlog().closed = true;
        self.queue.work.notify_one();
    }
}

impl<T> SendQueue<T> {
    fn backlog(&self) -> MutexGuard<'_, Waiting<T>> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next call carries, if something waits, and whether no more will come.
    fn next(&self) -> (Option<Batch<T>>, bool) {
        let mut backlog = self.backlog();
        (backlog.batch(), backlog.closed)
    }
}

impl<T> Waiting<T> {
    /// Takes out everything.
    fn empty(&mut self) -> VecDeque<QueuedRequest<T>> {
        self.weight = Weight::NONE;
        std::mem::take(&mut self.waiting)
    }

    /// Takes out what travels in one call: the same configuration, and not too much.
    fn batch(&mut self) -> Option<Batch<T>> {
        let head = self.waiting.front()?.head;
        let mut load = Weight::NONE;
        let count = self.waiting.iter().take_while(|queued| {
            let more = load.plus(queued.weight());
            let fits = queued.head == head && (load.requests == 0 || more.within(CALL_LIMIT));
            if fits {
                load = more;
            }
            fits
        });
        let count = count.count();
        let requests = self.waiting.drain(..count).collect();
        self.weight = self.weight.minus(load);
        Some(Batch { head, requests, load })
    }
}

/// Carries one call after the other, as many at a time as the pace allows, until the client is dropped
/// and nothing is left.
async fn carry<T: Send + 'static>(
    queue: Arc<SendQueue<T>>,
    acceptor: Arc<impl Acceptor>,
    handler: Arc<impl ReplyHandler<T>>,
) {
    let mut calls = FuturesUnordered::new();
    let mut pace = Pace { calls: 0, load: Weight::NONE, gathered: Instant::now() };
    let mut alarm = pin!(tokio::time::sleep_until(pace.gathered));
    let mut armed = false;
    loop {
        let may_start = pace.may_start(Instant::now());
        let mut closed = false;
        if may_start {
            let (batch, no_more) = queue.next();
            if let Some(batch) = batch {
                pace.started(batch.load, Instant::now());
                calls.push(call(acceptor.clone(), batch));
                continue;
            }
            closed = no_more;
        }
        if closed && calls.is_empty() {
            return;
        }
        // A timer costs more than a short call, so it is left as it is while calls start and end, and
        // set again when it was early.
        if !may_start && pace.has_room() && !armed {
            alarm.as_mut().reset(pace.gathered);
            armed = true;
        }
        // New requests wake this task only where a call may start at once: thousands may come
        // while they are gathered.
        tokio::select! {
            Some(ended) = calls.next() => {
                pace.ended(ended.load);
                hand_over(ended, &queue, &*handler).await;
            }
            () = queue.work.notified(), if may_start && !closed => {}
            () = alarm.as_mut(), if armed => armed = false,
        }
    }
}

/// What is under way, and since when requests are gathered for the next call.
struct Pace {
    calls: usize,
    load: Weight,
    /// When requests have been gathered long enough.
    gathered: Instant,
}

impl Pace {
    const fn has_room(&self) -> bool {
        self.calls < MOST_CALLS && self.load.within(FLIGHT_LIMIT)
    }

    fn may_start(&self, now: Instant) -> bool {
        self.calls < USUAL_CALLS || (self.has_room() && now >= self.gathered)
    }

    fn started(&mut self, load: Weight, now: Instant) {
        self.calls += 1;
        self.load = self.load.plus(load);
        self.gathered = now + GATHER_TIME;
    }

    const fn ended(&mut self, load: Weight) {
        self.calls -= 1;
        self.load = self.load.minus(load);
    }
}

/// A call that has ended.
struct Ended<T> {
    tags: Vec<T>,
    results: Vec<Result<Reply, RequestError>>,
    load: Weight,
}

/// Makes one call. There is a result for each request, whatever the acceptor does.
async fn call<T>(acceptor: Arc<impl Acceptor>, batch: Batch<T>) -> Ended<T> {
    let Batch { head, requests, load } = batch;
    let (tags, requests): (Vec<_>, Vec<_>) =
        requests.into_iter().map(|queued| (queued.tag, (queued.key, queued.request))).unzip();
    let calling = tokio::time::timeout(CALL_TIMEOUT, acceptor.call(head, requests));
    let no_answer = |why: &str| RequestError::NoAnswer(String::from(why));
    let results = match AssertUnwindSafe(calling).catch_unwind().await {
        Ok(Ok(results)) if results.len() == tags.len() => results,
        Ok(Ok(_)) => vec![Err(no_answer("not as many results as requests")); tags.len()],
        Ok(Err(_)) => vec![Err(no_answer("no reply in time")); tags.len()],
        Err(_) => {
            let acceptor = head.identity.acceptor.0;
            tracing::error!(acceptor, requests = tags.len(), "a call has panicked: this is a bug");
            vec![Err(no_answer("the call panicked")); tags.len()]
        }
    };
    Ended { tags, results, load }
}

/// Hands over the results of a call; and, if the connection broke, those of the requests that wait,
/// which need not wait for the next connection.
async fn hand_over<T>(ended: Ended<T>, queue: &SendQueue<T>, handler: &impl ReplyHandler<T>) {
    let broken = broken(&ended.results);
    take(handler, ended.tags.into_iter().zip(ended.results).map(completed).collect());
    let Some(error) = broken else { return };
    let failed = |queued: QueuedRequest<T>| completed((queued.tag, Err(error.clone())));
    // The backlog is unlocked first: a handler that takes these may send more. There may be thousands, and the
    // requests to other acceptors must not wait for all of them.
    let mut waiting = queue.backlog().empty().into_iter().map(failed).peekable();
    while waiting.peek().is_some() {
        take(handler, waiting.by_ref().take(ERROR_BATCH).collect());
        tokio::task::yield_now().await;
    }
}

/// Lets the handler take results. Its panic must not end the task that carries all other requests.
fn take<T>(handler: &impl ReplyHandler<T>, results: Vec<Completed<T>>) {
    let count = results.len();
    if catch_unwind(AssertUnwindSafe(|| handler.take(results))).is_err() {
        tracing::error!(count, "the handler of results has panicked: this is a bug");
    }
}

/// The error of the requests that wait, when these are the results of a call: all of them fail if the
/// call failed as a whole, because there is or was no connection.
fn broken(results: &[Result<Reply, RequestError>]) -> Option<RequestError> {
    let mut reason = None;
    for result in results {
        match result {
            Err(RequestError::NotConnected(text) | RequestError::NoAnswer(text)) => {
                reason = Some(text)
            }
            Ok(_)
            | Err(
                RequestError::Refused(_) | RequestError::NotMember | RequestError::Fenced { .. },
            ) => return None,
        }
    }
    reason.cloned().map(RequestError::NotConnected)
}

fn completed<T>((tag, result): (T, Result<Reply, RequestError>)) -> Completed<T> {
    Completed { tag, result }
}

#[cfg(test)]
mod tests;
