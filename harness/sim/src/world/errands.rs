//! Where the store's own procedures meet the world: what they ask for waits here until the world does it.
//!
//! A procedure is a future of `gryadka-cluster`. It is polled by the world, and never by itself; whatever it
//! awaits is an *errand*: a question to an acceptor, a change of a register, a pause. The world takes the
//! errands up, sends messages or wakes itself later, and brings the answers. A procedure whose process dies is
//! dropped in the middle of whatever it was at.

use super::Key;
use super::flawed::Flawed;
use super::network::Control;
use bytes::Bytes;
use caspaxos::{
    AcceptorId, AcceptorIdentity, AcceptorState, CollectionOutcome, Configuration, Reason,
};
use gryadka_cluster::{
    Acceptor, Clock, ClusterConfig, Cursor, Head, KEY, Page, Proposers, RegisterChange, Registers,
    Reply, Request, RequestError, Status,
};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The register of the configuration, as the world names it.
pub(super) const CONFIGURATION: &str = "\0configuration";

/// The name that the world has for a key.
pub(super) fn world_key(key: &[u8]) -> Key {
    if key == KEY { CONFIGURATION.into() } else { String::from_utf8_lossy(key).into() }
}

/// The key of a register that the world names so.
pub(super) fn store_key(key: &Key) -> Bytes {
    if &**key == CONFIGURATION {
        return Bytes::from_static(KEY);
    }
    Bytes::copy_from_slice(key.as_bytes())
}

/// What a procedure waits for.
#[derive(Debug)]
pub(super) enum Errand {
    /// An acceptor is asked about itself.
    Ask { home: u32, control: Control },
    /// An acceptor is asked to raise its promise floor.
    RaiseFloor { head: Head, floor: u64 },
    /// A register is changed by the procedure's proposer.
    Change { key: Bytes, change: RegisterChange, within: u64 },
    /// The procedure works under this configuration from now on, with a proposer of its own.
    Open(Box<ClusterConfig>),
    /// A pause, in the world's nanoseconds.
    Sleep(u64),
}

/// What comes of an errand.
#[derive(Debug)]
pub(super) enum Answer {
    Status(Status),
    Done(u64),
    Page(Page),
    Failed(RequestError),
    Changed(Result<Option<Bytes>, String>),
    Slept,
}

/// The errands of one procedure. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Errands(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The world's time.
    now: u64,
    /// How many of the procedures' nanoseconds pass in one of the world's.
    speed: u64,
    next: u32,
    new: Vec<(u32, Errand)>,
    waiting: BTreeMap<u32, Waiting>,
    tokens: u64,
}

#[derive(Debug, Default)]
struct Waiting {
    answer: Option<Answer>,
    waker: Option<Waker>,
}

impl Errands {
    /// No errands yet; the first one has the number `first`.
    pub(super) fn new(speed: u64, first: u32) -> Self {
        let state = State { speed: speed.max(1), next: first, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what time it is, before the procedure is polled.
    pub(super) fn set_time(&self, now: u64) {
        self.state().now = now;
    }

    /// The errands since this was asked last, by number.
    pub(super) fn take(&self) -> Vec<(u32, Errand)> {
        std::mem::take(&mut self.state().new)
    }

    /// Brings an answer. `false` when the procedure does not wait for it any more.
    pub(super) fn answer(&self, number: u32, answer: Answer) -> bool {
        let mut state = self.state();
        let Some(waiting) = state.waiting.get_mut(&number) else { return false };
        waiting.answer.get_or_insert(answer);
        let waker = waiting.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Sends the world on an errand. It is done whether or not the answer is awaited.
    pub(super) fn run(&self, errand: Errand) -> Awaited {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.new.push((number, errand));
        state.waiting.insert(number, Waiting::default());
        drop(state);
        Awaited { errands: self.clone(), number }
    }
}

/// The answer of an errand that is to come.
pub(super) struct Awaited {
    errands: Errands,
    number: u32,
}

impl Future for Awaited {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let mut state = self.errands.state();
        let waiting = state.waiting.entry(self.number).or_default();
        if let Some(answer) = waiting.answer.take() {
            return Poll::Ready(answer);
        }
        waiting.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.errands.state().waiting.remove(&self.number);
    }
}

impl Clock for Errands {
    fn now(&self) -> Duration {
        let state = self.state();
        Duration::from_nanos(state.now.saturating_mul(state.speed))
    }

    async fn sleep(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let nanos = nanos.div_ceil(self.state().speed);
        self.run(Errand::Sleep(nanos)).await;
    }
}

/// An acceptor as a procedure sees it: whatever lives at one place.
pub(super) struct RemoteAcceptor {
    pub(super) home: u32,
    pub(super) errands: Errands,
    /// The flaw of the procedure that asks, if it has one.
    pub(super) flawed: Flawed,
}

impl RemoteAcceptor {
    pub(super) async fn ask_control(&self, control: Control) -> Answer {
        self.errands.run(Errand::Ask { home: self.home, control }).await
    }

    async fn do_control(&self, control: Control) -> Result<u64, RequestError> {
        let answer = self.ask_control(control).await;
        if let Answer::Done(count) = answer { Ok(count) } else { Err(failure(answer)) }
    }

    pub(super) async fn page(&self, control: Control) -> Result<Page, RequestError> {
        let answer = self.ask_control(control).await;
        if let Answer::Page(page) = answer { Ok(page) } else { Err(failure(answer)) }
    }
}

fn failure(answer: Answer) -> RequestError {
    if let Answer::Failed(error) = answer {
        return error;
    }
    RequestError::NoAnswer(format!("an answer to something else: {answer:?}"))
}

impl Acceptor for RemoteAcceptor {
    /// Only promise floors are raised this way: the registers are the proposers'.
    async fn call(
        &self,
        head: Head,
        requests: Vec<(Bytes, Request)>,
    ) -> Vec<Result<Reply, RequestError>> {
        let mut replies = Vec::new();
        for (_, request) in requests {
            let Request::Collect { promise_floor: floor, .. } = request else {
                replies.push(Err(RequestError::NotConnected(String::from("no such request here"))));
                continue;
            };
            let answer = self.errands.run(Errand::RaiseFloor { head, floor }).await;
            let raised = matches!(answer, Answer::Done(_));
            replies.push(if raised { Ok(Reply::Erased(false)) } else { Err(failure(answer)) });
        }
        replies
    }

    async fn status(&self) -> Result<Status, RequestError> {
        let answer = self.ask_control(Control::Status).await;
        if let Answer::Status(status) = answer {
            return Ok(self.flawed.status(self.home, status));
        }
        Err(failure(answer))
    }

    async fn admit(
        &self,
        state: AcceptorState,
        config: Bytes,
        token: u64,
    ) -> Result<(), RequestError> {
        self.do_control(Control::Admit { state, config, token }).await.map(drop)
    }

    async fn set_epoch(
        &self,
        identity: AcceptorIdentity,
        epoch: u64,
        config: Bytes,
    ) -> Result<(), RequestError> {
        self.do_control(Control::SetEpoch { identity, epoch, config }).await.map(drop)
    }

    async fn retire(&self, identity: AcceptorIdentity, epoch: u64) -> Result<(), RequestError> {
        self.do_control(Control::Retire { identity, epoch }).await.map(drop)
    }

    async fn erase(&self, keys: Vec<Bytes>) -> Result<u64, RequestError> {
        let keys = keys.iter().map(|key| world_key(key).to_string()).collect();
        self.do_control(Control::Erase(keys)).await
    }

    async fn finish_wipe(&self, token: u64) -> Result<(), RequestError> {
        self.do_control(Control::FinishWipe(token)).await.map(drop)
    }

    async fn list(&self, cursor: Cursor) -> Result<Page, RequestError> {
        self.flawed.list(self, cursor).await
    }

    async fn tombstones(&self, _: Cursor) -> Result<Page, RequestError> {
        // The world's collector is shown what the indexes of all acceptors come to.
        Ok(Page { keys: Vec::new(), next: None })
    }
}

/// Makes the proposers of a procedure.
pub(super) struct WorldProposers {
    pub(super) errands: Errands,
    pub(super) flawed: Flawed,
}

/// The registers as the procedure's proposer changes them.
pub(super) struct WorldRegisters {
    errands: Errands,
    flawed: Flawed,
}

impl Proposers<RemoteAcceptor> for WorldProposers {
    type Registers = WorldRegisters;

    fn open(
        &self,
        config: &ClusterConfig,
        _: Configuration,
        _: BTreeMap<AcceptorId, Arc<RemoteAcceptor>>,
    ) -> WorldRegisters {
        self.flawed.open(config);
        drop(self.errands.run(Errand::Open(Box::new(config.clone()))));
        WorldRegisters { errands: self.errands.clone(), flawed: self.flawed.clone() }
    }

    fn token(&self) -> u64 {
        let mut state = self.errands.state();
        state.tokens += 1;
        // One procedure's tokens differ from another's by when they are drawn.
        state.now.saturating_mul(1000).saturating_add(state.tokens)
    }
}

impl Registers for WorldRegisters {
    async fn change(
        &self,
        key: &[u8],
        change: RegisterChange,
        within: Duration,
    ) -> Result<Option<Bytes>, String> {
        let within = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX);
        let within = within.div_ceil(self.errands.state().speed);
        let change = self.flawed.change(change);
        let key = Bytes::copy_from_slice(key);
        let answer = self.errands.run(Errand::Change { key, change, within }).await;
        if let Answer::Changed(result) = answer { result } else { Err(failure(answer).to_string()) }
    }

    async fn collect(&self, _: &Bytes, _: Duration) -> CollectionOutcome {
        CollectionOutcome::Unfinished(Reason::Unreachable)
    }
}
