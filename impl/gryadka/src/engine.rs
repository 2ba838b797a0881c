//! The engine: every change and read under way, what they ask of acceptors, and what comes back.
//!
//! All of it is one state behind one lock, which is held for a step of the pure machines and no
//! longer: requests go to the clients' queues, and callers are told after it is released.

use crate::acceptor_client::{AcceptorClient, Completed, ReplyHandler};
use crate::pending_change::PendingChange;
use crate::store::Options;
use crate::{Acceptor, VersionedValue};
use crate::{Head, Reply, Request, RequestError};
use bytes::Bytes;
use caspaxos::{
    AcceptorId, AcceptorIdentity, Ballot, Configuration, Context, Effect, KeyProposer, Outcome,
    Proposer, ProposerId, QuorumRead, ReadProgress, Stage,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

/// How long the other acceptors are waited for once those who have answered a read differ. Then a
/// round is run instead.
const READ_TIMEOUT: Duration = Duration::from_millis(20);

/// What a remembered key takes beside its key, its value and its lineage: two entries of maps, and
/// what the allocator and the counted references add.
const MEMORY_OF_ENTRY: usize = 300;

/// How many bytes a remembered key takes.
fn memory_of(key: &Bytes, held: &VersionedValue) -> usize {
    let lineage = size_of_val(held.lineage.ballots());
    MEMORY_OF_ENTRY + key.len() + lineage + held.value.as_ref().map_or(0, Bytes::len)
}

/// Which request a reply answers.
#[derive(Debug, Clone)]
pub(crate) enum Tag {
    Round { key: Bytes, ballot: Ballot, stage: Stage, from: AcceptorId },
    Read { number: u64, from: AcceptorId },
}

/// What came of a quorum read: the cell, or that a round is needed to tell.
pub(crate) type ReadAnswer = Option<Option<VersionedValue>>;

/// Shared by everyone who uses the store. `A` is one acceptor.
pub(crate) struct Engine<A> {
    state: Mutex<State<A>>,
    born: Instant,
    this: Weak<Self>,
    /// Where timers run, also for a caller who is dropped somewhere else.
    runtime: Handle,
    /// The latest epoch that an acceptor was heard to be in.
    fenced: watch::Sender<u64>,
    /// An acceptor was heard to be another than the one that is meant.
    unknown_acceptor: Notify,
    me: ProposerId,
    /// How often an acceptor has named another proposer's ballot as an obstacle.
    conflicts: AtomicU64,
}

struct State<A> {
    engine: Weak<Engine<A>>,
    cluster: u64,
    proposer: Proposer<Bytes, Bytes>,
    key_proposers: HashMap<Bytes, Slot>,
    readings: HashMap<u64, (QuorumRead<Bytes>, oneshot::Sender<ReadAnswer>)>,
    next_reading: u64,
    clients: BTreeMap<AcceptorId, (Arc<A>, AcceptorClient<Tag>)>,
    random: Pcg32,
    effects: Vec<Effect<PendingChange, Bytes>>,
}

/// A key_proposer, and when it has asked to be woken.
#[derive(Default)]
struct Slot {
    key_proposer: KeyProposer<PendingChange, Bytes>,
    alarm: Option<u64>,
}

/// Whoever is to be told something once the lock is released.
type Told = Vec<(PendingChange, Outcome<usize>)>;

impl<A: Acceptor> Engine<A> {
    pub(crate) fn start(options: Options, acceptors: BTreeMap<AcceptorId, Arc<A>>) -> Arc<Self> {
        let (me, random) = (options.proposer, Pcg32::seed_from_u64(options.proposer.0));
        let proposer = Proposer::new(options.proposer, options.configuration, options.cache)
            .with_cache_budget(options.cache_bytes, memory_of);
        #[cfg(feature = "mutants")]
        let proposer = match options.rules {
            Some(rules) => proposer.with_rules(rules),
            None => proposer,
        };
        let state = |engine| State {
            engine,
            cluster: options.cluster,
            proposer,
            key_proposers: HashMap::new(),
            readings: HashMap::new(),
            next_reading: 0,
            clients: BTreeMap::new(),
            random,
            effects: Vec::new(),
        };
        let engine = Arc::new_cyclic(|this| Self {
            state: Mutex::new(state(Weak::clone(this))),
            born: Instant::now(),
            this: Weak::clone(this),
            runtime: Handle::current(),
            fenced: watch::channel(0).0,
            unknown_acceptor: Notify::new(),
            me,
            conflicts: AtomicU64::new(0),
        });
        engine.employ(&mut engine.lock(), acceptors);
        engine
    }

    /// Works under a later configuration from now on, with these acceptors. An earlier one, or the
    /// same, changes nothing.
    pub(crate) fn reconfigure(
        &self,
        configuration: Configuration,
        acceptors: BTreeMap<AcceptorId, Arc<A>>,
    ) -> bool {
        let mut state = self.lock();
        let later = state.proposer.reconfigure(configuration);
        if later {
            self.employ(&mut state, acceptors);
        }
        later
    }

    /// One client for each acceptor; clients of removed acceptors stop once their queue is drained.
    fn employ(&self, state: &mut State<A>, acceptors: BTreeMap<AcceptorId, Arc<A>>) {
        let mut before = std::mem::take(&mut state.clients);
        for (id, acceptor) in acceptors {
            let kept = before.remove(&id).filter(|(held, _)| Arc::ptr_eq(held, &acceptor));
            let client = kept.unwrap_or_else(|| {
                // A client that held the engine would keep it alive: the engine holds its clients.
                let handler = Arc::new(Weak::clone(&self.this));
                let client = AcceptorClient::start(&self.runtime, &acceptor, &handler);
                (acceptor, client)
            });
            state.clients.insert(id, client);
        }
    }

    pub(crate) fn configuration(&self) -> Configuration {
        self.lock().proposer.configuration().clone()
    }

    pub(crate) fn acceptors(&self) -> BTreeMap<AcceptorId, Arc<A>> {
        let state = self.lock();
        state.clients.iter().map(|(id, (acceptor, _))| (*id, Arc::clone(acceptor))).collect()
    }

    /// The latest epoch that an acceptor was heard to be in.
    pub(crate) fn fenced(&self) -> watch::Receiver<u64> {
        self.fenced.subscribe()
    }

    /// Waits until an acceptor is heard to be another than the one that is meant.
    pub(crate) async fn unknown_acceptor(&self) {
        self.unknown_acceptor.notified().await;
    }

    /// How often an acceptor has named another proposer's ballot as an obstacle.
    pub(crate) fn conflicts(&self) -> u64 {
        self.conflicts.load(Ordering::Relaxed)
    }

    pub(crate) fn submit(&self, key: &Bytes, pending: PendingChange, deadline: Instant) {
        let deadline = self.nanos(deadline);
        self.with_key_proposer(key, |key_proposer, context| {
            // Whoever stopped waiting without a word must not be waited behind.
            key_proposer.on_time(context);
            key_proposer.submit(context, pending, deadline);
        });
    }

    /// Lets a key's key_proposer do what is due.
    pub(crate) fn on_time(&self, key: &Bytes) {
        self.with_key_proposer(key, KeyProposer::on_time);
    }

    /// The same at a later time, for a caller who will not be there.
    pub(crate) fn on_time_at(&self, key: Bytes, at: Instant) {
        let this = Weak::clone(&self.this);
        self.runtime.spawn(async move {
            tokio::time::sleep_until(at).await;
            if let Some(engine) = this.upgrade() {
                engine.on_time(&key);
            }
        });
    }

    /// Waits for an answer until then. The caller need not be polled on the engine's runtime.
    pub(crate) async fn until<T>(&self, at: Instant, answer: impl Future<Output = T>) -> Option<T> {
        let over = {
            let _entered = self.runtime.enter();
            tokio::time::sleep_until(at)
        };
        tokio::select! {
            biased;
            answer = answer => Some(answer),
            () = over => None,
        }
    }

    /// Starts a quorum read.
    pub(crate) fn read(&self, key: &Bytes) -> (u64, oneshot::Receiver<ReadAnswer>) {
        let (caller, answer) = oneshot::channel();
        let mut state = self.lock();
        let (reading, asked) = QuorumRead::begin(&state.proposer);
        let epoch = reading.configuration().epoch();
        let number = state.next_reading;
        state.next_reading += 1;
        state.readings.insert(number, (reading, caller));
        for from in asked {
            state.send(key, epoch, from, Request::Read, Tag::Read { number, from });
        }
        (number, answer)
    }

    pub(crate) fn stop_reading(&self, number: u64) {
        self.lock().readings.remove(&number);
    }

    /// Ends a read without an answer, unless it is settled by then.
    fn stop_reading_soon(&self, number: u64) {
        let this = Weak::clone(&self.this);
        self.runtime.spawn(async move {
            tokio::time::sleep(READ_TIMEOUT).await;
            if let Some(engine) = this.upgrade() {
                engine.stop_reading(number);
            }
        });
    }

    fn with_key_proposer(
        &self,
        key: &Bytes,
        step: impl FnOnce(
            &mut KeyProposer<PendingChange, Bytes>,
            &mut Context<'_, Bytes, PendingChange, Bytes>,
        ),
    ) {
        let mut told = Told::new();
        let now = self.nanos(Instant::now());
        let alarm = self.lock().with_key_proposer(key, now, step, &mut told);
        self.afterwards(key, alarm, told);
    }

    fn afterwards(&self, key: &Bytes, alarm: Option<u64>, told: Told) {
        if let Some(at) = alarm {
            self.on_time_at(key.clone(), self.born + Duration::from_nanos(at));
        }
        for (pending, end) in told {
            pending.settle(end);
        }
    }

    /// Notes what a result says of the cluster.
    fn listen(&self, result: &Result<Reply, RequestError>) {
        match result {
            Err(RequestError::Fenced { epoch }) => {
                self.fenced.send_if_modified(|known| {
                    let later = *epoch > *known;
                    *known = (*known).max(*epoch);
                    later
                });
            }
            Err(RequestError::NotMember) => self.unknown_acceptor.notify_one(),
            Ok(Reply::Conflict(held) | Reply::Refused(held))
                if held.promised.proposer != self.me =>
            {
                self.conflicts.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_)
            | Err(
                RequestError::NotConnected(_)
                | RequestError::Refused(_)
                | RequestError::NoAnswer(_),
            ) => {}
        }
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.born).as_nanos()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, State<A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Acceptor> ReplyHandler<Tag> for Weak<Engine<A>> {
    fn take(&self, completed: Vec<Completed<Tag>>) {
        let Some(engine) = self.upgrade() else { return };
        let (mut told, mut alarms, mut impatient) = (Told::new(), Vec::new(), Vec::new());
        let now = engine.nanos(Instant::now());
        let mut state = engine.lock();
        for Completed { tag, result } in completed {
            engine.listen(&result);
            // A bug that the step of one key runs into must not cost the others their answers.
            let step = AssertUnwindSafe(|| match tag {
                Tag::Round { key, ballot, stage, from } => {
                    let step =
                        |key_proposer: &mut KeyProposer<_, _>,
                         context: &mut Context<'_, _, _, _>| match result {
                            Ok(reply) => key_proposer.on_reply(context, from, ballot, reply),
                            Err(lost) => {
                                tracing::trace!(acceptor = from.0, %lost);
                                key_proposer.on_error(
                                    context,
                                    from,
                                    (ballot, stage),
                                    lost.may_have_executed(),
                                );
                            }
                        };
                    if let Some(at) = state.with_key_proposer(&key, now, step, &mut told) {
                        alarms.push((key, at));
                    }
                }
                Tag::Read { number, from } => {
                    if state.on_answer(number, from, result) {
                        impatient.push(number);
                    }
                }
            });
            if catch_unwind(step).is_err() {
                tracing::error!("a step of the protocol has panicked: this is a bug");
            }
        }
        drop(state);
        for number in impatient {
            engine.stop_reading_soon(number);
        }
        for (key, at) in alarms {
            engine.afterwards(&key, Some(at), Told::new());
        }
        for (pending, end) in told {
            pending.settle(end);
        }
    }
}

impl<A: Acceptor> State<A> {
    /// Lets a key_proposer take a step, sends what it asks for, and notes who is to be told what. Answers a
    /// time at which the key_proposer wants to be woken, if it has not asked for that before.
    fn with_key_proposer(
        &mut self,
        key: &Bytes,
        now: u64,
        step: impl FnOnce(
            &mut KeyProposer<PendingChange, Bytes>,
            &mut Context<'_, Bytes, PendingChange, Bytes>,
        ),
        told: &mut Told,
    ) -> Option<u64> {
        let mut effects = std::mem::take(&mut self.effects);
        let slot = self.key_proposers.entry(key.clone()).or_default();
        let random = &mut self.random;
        let mut context = Context {
            proposer: &mut self.proposer,
            key,
            now,
            draw: &mut |bound| random.random_range(0..=bound),
            effects: &mut effects,
        };
        step(&mut slot.key_proposer, &mut context);
        let alarm = slot.key_proposer.alarm();
        let new = alarm.filter(|_| alarm != slot.alarm);
        slot.alarm = alarm;
        if slot.key_proposer.is_idle() {
            self.key_proposers.remove(key);
        }
        for effect in effects.drain(..) {
            match effect {
                Effect::Settle(pending, end) => told.push((pending, end)),
                Effect::Send { epoch, ballot, requests } => {
                    for (from, request) in requests {
                        let stage = request.stage();
                        let tag = Tag::Round { key: key.clone(), ballot, stage, from };
                        self.send(key, epoch, from, request, tag);
                    }
                }
            }
        }
        self.effects = effects;
        new
    }

    fn send(&mut self, key: &Bytes, epoch: u64, to: AcceptorId, request: Request, tag: Tag) {
        let identity = AcceptorIdentity { cluster: self.cluster, acceptor: to };
        let missing = || RequestError::NotConnected(String::from("no such acceptor here"));
        let sent = self.clients.get(&to).ok_or_else(missing).and_then(|(_, client)| {
            client.send(Head { identity, epoch }, key.clone(), request, tag.clone())
        });
        if let (Err(lost), Some(engine)) = (sent, self.engine.upgrade()) {
            // Handed over later, as a client would do: this step is not over yet.
            let this = Weak::clone(&self.engine);
            engine.runtime.spawn(async move {
                this.take(vec![Completed { tag, result: Err(lost) }]);
            });
        }
    }

    /// Answers whether acceptors have just been seen to differ, and the others may yet settle it.
    fn on_answer(
        &mut self,
        number: u64,
        from: AcceptorId,
        result: Result<Reply, RequestError>,
    ) -> bool {
        let Some((reading, _)) = self.readings.get_mut(&number) else { return false };
        let before = reading.differs();
        let progress = match result {
            Ok(Reply::Current { accepted, value }) => reading.on_answer(from, accepted, value),
            Ok(_) | Err(_) => reading.on_error(from),
        };
        let answer = match progress {
            ReadProgress::Wait => return reading.differs() && !before,
            ReadProgress::Decided(cell) => Some(cell),
            ReadProgress::Inconclusive => None,
        };
        if let Some((_, caller)) = self.readings.remove(&number) {
            drop(caller.send(answer));
        }
        false
    }
}
