//! Requests on their way to one acceptor: what waits together travels together.
//!
//! There is no clock in the gathering: with a worker free a request leaves at once, and while all are
//! under way those that come wait for the next call and share it. So calls grow with the load, and a
//! lone request is never held back.
//!
//! It is safe because requests that share a call have nothing to do with one another: each is about
//! one register and one round, and is answered for itself, as if it had come alone. The acceptor
//! executes them in order with nothing in between, which is one of the orders in which they could
//! have arrived by themselves. A call that is lost loses each of them: *unknown* if it was sent, and
//! certainly not may_have_executed if it was not. Only what the whole call is refused for, a wrong identity or
//! an old epoch, is judged once for all.

use crate::wire;
use crate::{Acceptor, Head, Reply, Request, RequestError};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How many calls are under way at most.
const WORKERS: usize = 2;
/// How many requests, and about how many bytes, one call carries at most; at least one request.
const CALL_LIMIT: Weight = Weight { requests: 128, bytes: 1 << 20 };
/// How many requests, and about how many bytes, wait at most.
const BACKLOG_LIMIT: Weight = Weight { requests: 16_384, bytes: 64 << 20 };
/// How many losses are told of at a time.
const ERROR_BATCH: usize = 64;
/// How long a call is waited for.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Whoever sends through a [`AcceptorClient`] gets the results here.
pub trait ReplyHandler<T>: Send + Sync + 'static {
    /// Takes the results of some requests that were sent. Must not block.
    fn take(&self, results: Vec<Completed<T>>);
}

/// The result of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed<T> {
    /// What was sent along with the request.
    pub tag: T,
    /// The reply, or that there will be none.
    pub result: Result<Reply, RequestError>,
}

/// Carries requests to one acceptor. Each that is taken is heard of at the handler exactly once, as
/// long as the runtime runs.
///
/// When the client is dropped, what waits is still carried, and then it holds the acceptor and the
/// handler no longer.
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

impl<T> QueuedRequest<T> {
    fn bytes(&self) -> usize {
        self.key.len() + wire::size_hint(&self.request)
    }
}

impl<T: Send + 'static> AcceptorClient<T> {
    /// A client to this acceptor. Must be called within a tokio runtime, which carries it.
    #[must_use]
    pub fn start<A: Acceptor>(acceptor: &Arc<A>, handler: &Arc<impl ReplyHandler<T>>) -> Self {
        let backlog = Waiting { waiting: VecDeque::new(), weight: Weight::NONE, closed: false };
        let queue = Arc::new(SendQueue { backlog: Mutex::new(backlog), work: Notify::new() });
        for _ in 0..WORKERS {
            tokio::spawn(worker(queue.clone(), acceptor.clone(), handler.clone()));
        }
        Self { queue }
    }

    /// Takes a request to the acceptor. Does not block, and does not call the handler.
    ///
    /// # Errors
    /// [`RequestError::NotConnected`] when too many wait already. Then the handler will not hear of it.
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
            let weight = backlog.weight.plus(queued.bytes());
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
        // One permit is kept for a worker that is busy now; it wakes the next one.
        self.queue.work.notify_one();
    }
}

impl<T> SendQueue<T> {
    fn backlog(&self) -> MutexGuard<'_, Waiting<T>> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next call carries, once something waits; `None` when nothing will come any more.
    async fn next(&self) -> Option<Vec<QueuedRequest<T>>> {
        loop {
            let (call, rest, closed) = {
                let mut backlog = self.backlog();
                (backlog.call(), !backlog.waiting.is_empty(), backlog.closed)
            };
            // What is left, or that the end has come, concerns another worker.
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

impl<T> Waiting<T> {
    /// Takes out everything.
    fn empty(&mut self) -> VecDeque<QueuedRequest<T>> {
        self.weight = Weight::NONE;
        std::mem::take(&mut self.waiting)
    }

    /// Takes out what travels in one call: the same configuration, and not too much.
    fn call(&mut self) -> Vec<QueuedRequest<T>> {
        let Some(head) = self.waiting.front().map(|first| first.head) else { return Vec::new() };
        let mut load = Weight::NONE;
        let count = self.waiting.iter().take_while(|queued| {
            load = load.plus(queued.bytes());
            queued.head == head && (load.requests == 1 || load.within(CALL_LIMIT))
        });
        let count = count.count();
        let call: Vec<_> = self.waiting.drain(..count).collect();
        for queued in &call {
            self.weight = self.weight.minus(queued.bytes());
        }
        call
    }
}

/// Carries one call after the other.
async fn worker<T, A: Acceptor, I: ReplyHandler<T>>(
    queue: Arc<SendQueue<T>>,
    acceptor: Arc<A>,
    handler: Arc<I>,
) {
    while let Some(call) = queue.next().await {
        let Some(head) = call.first().map(|first| first.head) else { continue };
        let (tags, requests): (Vec<_>, Vec<_>) =
            call.into_iter().map(|queued| (queued.tag, (queued.key, queued.request))).unzip();
        let results = tokio::time::timeout(CALL_TIMEOUT, acceptor.call(head, requests)).await;
        let late =
            |_| vec![Err(RequestError::NoAnswer(String::from("no reply in time"))); tags.len()];
        let results = results.unwrap_or_else(late);
        let broken = broken(&results);
        handler.take(tags.into_iter().zip(results).map(completed).collect());
        // What waited for a connection that broke need not wait for the next one.
        if let Some(lost) = broken {
            let lost = |queued: QueuedRequest<T>| completed((queued.tag, Err(lost.clone())));
            // The backlog is let go first: taking these in may send more. There may be thousands,
            // and the requests to other acceptors must not wait for all of them.
            let mut waiting = queue.backlog().empty().into_iter().map(lost).peekable();
            while waiting.peek().is_some() {
                handler.take(waiting.by_ref().take(ERROR_BATCH).collect());
                tokio::task::yield_now().await;
            }
        }
    }
}

/// What is lost of the requests that wait, when these are the results of a call: all of them, if it
/// was lost as a whole, because there is or was no connection.
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
