//! A cluster in memory, on virtual time, that records what is done to it.

use bytes::Bytes;
use caspaxos::{
    AcceptorId, AcceptorIdentity, AcceptorState, Ballot, CollectionOutcome, Configuration,
    Faithful, ProposerId, Reason,
};
use gryadka_cluster::{
    Acceptor, AcceptorMemory, Aim, Clock, ClusterConfig, Connector, Cursor, Directory, Driver,
    Head, KEY, MembershipError, Page, Proposers, RegisterChange, Registers, Rejection, Reply,
    Request, RequestError, Status, VersionedValue,
};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// How many keys a page has.
const PAGE: usize = 5;

/// Something that was done, in order.
#[derive(Debug, Clone)]
pub(crate) enum Did {
    EpochNotified { acceptor: u32, epoch: u64 },
    Listed,
    FloorRaised { acceptor: u32, floor: u64 },
    Kept { key: String },
    Wrote { after: Bytes },
}

/// The cluster. Clones are the same.
#[derive(Clone)]
pub(crate) struct TestCluster(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Duration,
    timers: Vec<(Duration, Waker)>,
    places: BTreeMap<u32, Place>,
    registers: BTreeMap<Bytes, Bytes>,
    done: Vec<Did>,
    tokens: u64,
}

/// One acceptor.
#[derive(Default)]
struct Place {
    memory: AcceptorMemory<Bytes, Bytes>,
    cut: bool,
    /// How often its server was started.
    starts: u64,
    pages: usize,
    flush_after: Option<usize>,
    restart_after: Option<usize>,
    epochs_to_lose: usize,
}

impl TestCluster {
    /// Acceptors 1, 2 and 3 are members, 4 is an empty server.
    pub(crate) fn of_three() -> Self {
        let votes = || gryadka_cluster::Votes { members: (1..=3).collect(), size: 2 };
        let config = ClusterConfig {
            cluster: 7,
            epoch: 1,
            acceptors: (1..=3).map(|id| (id, format!("a{id}"))).collect(),
            prepare: votes(),
            accept: votes(),
            before: None,
            target: None,
            next: 4,
        };
        let mut state = State::default();
        for id in 1..=4 {
            let mut place = Place::default();
            if id < 4 {
                let identity = config.identity(id);
                let known = AcceptorState { identity, epoch: 1, promise_floor: 0 };
                place.memory.admit(known, config.bytes(), 0).unwrap();
            }
            state.places.insert(id, place);
        }
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn with<T>(&self, acceptor: u32, change: impl FnOnce(&mut Place) -> T) -> T {
        change(self.state().places.get_mut(&acceptor).unwrap())
    }

    fn ask(&self, acceptor: u32, request: Request, key: &str) {
        self.with(acceptor, |place| {
            let state = place.memory.member().state().unwrap();
            let head = (state.identity, state.epoch);
            let key = Bytes::copy_from_slice(key.as_bytes());
            place.memory.member_mut().handle(&Faithful, head, &key, request).unwrap();
        });
    }

    /// An acceptor has accepted a value of this key, which the others may have missed.
    pub(crate) fn hold(&self, acceptor: u32, key: &str) {
        let ballot = Ballot { counter: 1, proposer: ProposerId(1) };
        let value = Some(VersionedValue {
            version: 1,
            value: Some(Bytes::from_static(b"v")),
            lineage: caspaxos::Lineage::default(),
        });
        self.ask(acceptor, Request::Accept { ballot, value, promise: ballot }, key);
    }

    pub(crate) fn raise_floor(&self, acceptor: u32, floor: u64) {
        let tombstone = Ballot::ZERO;
        self.ask(acceptor, Request::Collect { tombstone, promise_floor: floor }, "");
    }

    pub(crate) fn cut(&self, acceptor: u32) {
        self.with(acceptor, |place| place.cut = true);
    }

    /// The next `count` notifications of an epoch to each of these acceptors are not delivered.
    pub(crate) fn lose_epochs(&self, acceptors: &[u32], count: usize) {
        for &acceptor in acceptors {
            self.with(acceptor, |place| place.epochs_to_lose = count);
        }
    }

    pub(crate) fn flush_after_pages(&self, acceptor: u32, pages: usize) {
        self.with(acceptor, |place| place.flush_after = Some(pages));
    }

    pub(crate) fn restart_after_pages(&self, acceptor: u32, pages: usize) {
        self.with(acceptor, |place| place.restart_after = Some(pages));
    }

    pub(crate) fn done(&self) -> Vec<Did> {
        self.state().done.clone()
    }

    /// Another driver notes that the step under way is complete.
    pub(crate) fn complete_step(&self) {
        let mut state = self.state();
        let config = ClusterConfig::parse(&state.registers[KEY]).unwrap();
        let complete = ClusterConfig { before: None, ..config };
        state.registers.insert(KEY.into(), complete.bytes());
    }

    pub(crate) async fn pause(&self, seconds: u64) {
        self.sleep(Duration::from_secs(seconds)).await;
    }

    pub(crate) async fn drive(&self, aim: Aim<'_>) -> Result<ClusterConfig, MembershipError> {
        let this = self.clone();
        let connector: Connector<TestAcceptor> = Arc::new(move |address| {
            let number = address.strip_prefix('a').and_then(|number| number.parse().ok());
            Ok(TestAcceptor { cluster: this.clone(), number: number.unwrap() })
        });
        let directory = Directory::new(connector, self.clone());
        let driver = Driver {
            directory: &directory,
            proposers: self,
            cluster: 7,
            addresses: (1..=3).map(|id| format!("a{id}")).collect(),
            deadline: self.now() + Duration::from_secs(60),
            watch: &|_| {},
        };
        driver.drive(aim).await
    }

    /// Runs a future to its end; time passes only while it waits.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        struct Noted;
        impl Wake for Noted {
            fn wake(self: Arc<Self>) {}
        }
        let waker = Waker::from(Arc::new(Noted));
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            let mut state = self.state();
            let next = state.timers.iter().map(|(at, _)| *at).min().expect("nothing is awaited");
            state.now = next;
            let due: Vec<_> = state.timers.extract_if(.., |(at, _)| *at <= next).collect();
            drop(state);
            due.into_iter().for_each(|(_, waker)| waker.wake());
        }
    }
}

struct Sleep {
    cluster: TestCluster,
    until: Duration,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.cluster.state();
        if state.now >= self.until {
            return Poll::Ready(());
        }
        state.timers.push((self.until, context.waker().clone()));
        Poll::Pending
    }
}

impl Clock for TestCluster {
    fn now(&self) -> Duration {
        self.state().now
    }

    async fn sleep(&self, time: Duration) {
        let until = self.now() + time;
        Sleep { cluster: self.clone(), until }.await;
    }
}

impl Proposers<TestAcceptor> for TestCluster {
    type Registers = Self;

    fn open(
        &self,
        _: &ClusterConfig,
        _: Configuration,
        _: BTreeMap<AcceptorId, Arc<TestAcceptor>>,
    ) -> Self {
        self.clone()
    }

    fn token(&self) -> u64 {
        let mut state = self.state();
        state.tokens += 1;
        state.tokens
    }
}

impl Registers for TestCluster {
    async fn change(
        &self,
        key: &[u8],
        change: RegisterChange,
        _: Duration,
    ) -> Result<Option<Bytes>, String> {
        let mut state = self.state();
        let present = state.registers.get(key).cloned();
        let key = Bytes::copy_from_slice(key);
        let after = match (change, present) {
            (RegisterChange::Keep, present) => {
                let key = String::from_utf8_lossy(&key).into_owned();
                state.done.push(Did::Kept { key });
                return Ok(present);
            }
            (RegisterChange::Create(value), None) => value,
            (RegisterChange::Replace { before, after }, Some(value)) if value == before => after,
            (_, present) => return Ok(present),
        };
        state.done.push(Did::Wrote { after: after.clone() });
        state.registers.insert(key, after.clone());
        Ok(Some(after))
    }

    async fn collect(&self, _: &Bytes, _: Duration) -> CollectionOutcome {
        CollectionOutcome::Unfinished(Reason::Unreachable)
    }
}

/// One acceptor as the driver reaches it.
pub(crate) struct TestAcceptor {
    cluster: TestCluster,
    number: u32,
}

impl TestAcceptor {
    fn reach<T>(
        &self,
        serve: impl FnOnce(&mut Place) -> Result<T, RequestError>,
    ) -> Result<T, RequestError> {
        self.cluster.with(self.number, |place| {
            if place.cut {
                return Err(RequestError::NotConnected(String::from("cut off")));
            }
            serve(place)
        })
    }

    fn note(&self, did: Did) {
        self.cluster.state().done.push(did);
    }
}

impl Acceptor for TestAcceptor {
    async fn call(
        &self,
        head: Head,
        requests: Vec<(Bytes, Request)>,
    ) -> Vec<Result<Reply, RequestError>> {
        let ask = |(key, request): (Bytes, Request)| {
            let floor = match &request {
                Request::Collect { promise_floor, .. } => Some(*promise_floor),
                Request::Prepare { .. } | Request::Accept { .. } | Request::Read => None,
            };
            let reply = self.reach(|place| {
                let head = (head.identity, head.epoch);
                let reply = place.memory.member_mut().handle(&Faithful, head, &key, request);
                reply.map_err(|reason| Rejection::from(reason).into())
            });
            if let (Ok(_), Some(floor)) = (&reply, floor) {
                self.note(Did::FloorRaised { acceptor: self.number, floor });
            }
            reply
        };
        requests.into_iter().map(ask).collect()
    }

    async fn status(&self) -> Result<Status, RequestError> {
        self.reach(|place| {
            let (state, config) = (place.memory.member().state(), place.memory.config().clone());
            Ok(Status { state, config, ..Status::default() })
        })
    }

    async fn admit(
        &self,
        state: AcceptorState,
        config: Bytes,
        token: u64,
    ) -> Result<(), RequestError> {
        self.reach(|place| Ok(place.memory.admit(state, config, token)?))
    }

    async fn set_epoch(
        &self,
        identity: AcceptorIdentity,
        epoch: u64,
        config: Bytes,
    ) -> Result<(), RequestError> {
        self.reach(|place| {
            if place.epochs_to_lose > 0 {
                place.epochs_to_lose -= 1;
                return Err(RequestError::NoAnswer(String::from("lost")));
            }
            Ok(place.memory.set_epoch(identity, epoch, config)?)
        })?;
        self.note(Did::EpochNotified { acceptor: self.number, epoch });
        Ok(())
    }

    async fn retire(&self, identity: AcceptorIdentity, epoch: u64) -> Result<(), RequestError> {
        self.reach(|place| Ok(place.memory.retire(identity, epoch)?))
    }

    async fn erase(&self, keys: Vec<Bytes>) -> Result<u64, RequestError> {
        self.reach(|place| Ok(place.memory.erase(&keys)?))
    }

    async fn finish_wipe(&self, token: u64) -> Result<(), RequestError> {
        self.reach(|place| Ok(place.memory.finish_wipe(token)?))
    }

    async fn list(&self, cursor: Cursor) -> Result<Page, RequestError> {
        self.note(Did::Listed);
        self.reach(|place| {
            if place.flush_after == Some(place.pages) {
                place.memory = AcceptorMemory::default();
            }
            if place.restart_after == Some(place.pages) {
                place.starts += 1;
            }
            place.pages += 1;
            let after = match cursor.meaning().split_first_chunk::<8>() {
                Some((starts, _)) if *starts != place.starts.to_be_bytes() => {
                    return Err(RequestError::NotConnected(String::from("restarted")));
                }
                Some((_, key)) => Some(Bytes::copy_from_slice(key)),
                None => None,
            };
            let keys = place.memory.member().registers().keys();
            let keys: Vec<_> =
                keys.filter(|key| after.as_ref().is_none_or(|it| *key > it)).collect();
            let page: Vec<Bytes> = keys.iter().take(PAGE).map(|key| (*key).clone()).collect();
            let next = page
                .last()
                .filter(|_| keys.len() > PAGE)
                .map(|key| Cursor::new([&place.starts.to_be_bytes()[..], key].concat().into()));
            Ok(Page { keys: page, next })
        })
    }

    async fn tombstones(&self, _: Cursor) -> Result<Page, RequestError> {
        Ok(Page { keys: Vec::new(), next: None })
    }
}
