//! The machines that the engine hosts, and one step of any of them.
//!
//! **One holder for each key.** Changes and a collection may each have a round open, and a proposer may have
//! one open round for each key. So a key is held either by its [`KeyProposer`] or by its [`Collection`], which
//! [`Holder`] says in one value. A collection is not begun while changes hold the key; a change that comes
//! while a collection holds it ends the collection, which a later one does over. Reads hold nothing.

use crate::acceptor_client::{AcceptorClient, Completed, ReplyHandler};
use crate::engine::Engine;
use crate::pending_change::PendingChange;
use crate::store::Options;
use crate::{Acceptor, Head, Reply, RequestError, VersionedValue};
use bytes::Bytes;
use caspaxos::{
    AcceptorId, AcceptorIdentity, Collection, CollectionOutcome, Context, KeyProposer, Machine,
    Outcome, Progress, Proposer, QuorumRead, ReadOutcome, Reason, RequestId, Requests,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// What a remembered key takes beside its key, its value and its lineage: two entries of maps, and
/// what the allocator and the counted references add.
const MEMORY_OF_ENTRY: usize = 300;

/// How many bytes a remembered key takes.
fn memory_of(key: &Bytes, held: &VersionedValue) -> usize {
    let lineage = size_of_val(held.lineage.ballots());
    MEMORY_OF_ENTRY + key.len() + lineage + held.value.as_ref().map_or(0, Bytes::len)
}

/// Where a machine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// It holds this key.
    Key(Bytes),
    /// It is the read of this number.
    Read(u64),
}

/// Which request of which machine a result belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Tag {
    pub(super) place: Place,
    pub(super) id: RequestId,
}

/// What a machine is handed.
pub(super) enum Event {
    /// It has begun, and has requests to send.
    Begun,
    /// The result of one of its requests.
    Completed(RequestId, Result<Reply, RequestError>),
    /// Its time has come, or its caller's.
    Time,
}

impl Event {
    fn hand_to<M: Machine<Bytes, Bytes>>(
        self,
        machine: &mut M,
        context: &mut Context<'_, Bytes, Bytes>,
    ) {
        match self {
            Self::Completed(id, Ok(reply)) => machine.on_reply(context, id, reply),
            Self::Completed(id, Err(error)) => {
                tracing::trace!(acceptor = id.acceptor.0, %error);
                machine.on_error(context, id, error.may_have_executed());
            }
            Self::Time => machine.on_time(context),
            Self::Begun => {}
        }
    }
}

/// What remains to be done when the lock is released.
#[derive(Default)]
pub(super) struct Afterwards {
    pub(super) answers: Vec<Answer>,
    /// The machines that are to be woken, and when.
    pub(super) alarms: Vec<(Place, u64)>,
}

/// What a caller is told.
pub(super) enum Answer {
    Change((PendingChange, Outcome<usize>)),
    Read(oneshot::Sender<ReadOutcome<Bytes>>, ReadOutcome<Bytes>),
    Collection(oneshot::Sender<CollectionOutcome>, CollectionOutcome),
}

impl Answer {
    /// A caller who has gone away wants no answer.
    pub(super) fn give(self) {
        match self {
            Self::Change((change, outcome)) => change.settle(outcome),
            Self::Read(caller, outcome) => drop(caller.send(outcome)),
            Self::Collection(caller, outcome) => drop(caller.send(outcome)),
        }
    }
}

/// A machine under way, and when it has asked to be woken.
struct Hosted<M> {
    machine: M,
    alarm: Option<u64>,
}

/// A machine that comes to one outcome, and its caller until then.
struct Single<M: Machine<Bytes, Bytes>> {
    hosted: Hosted<M>,
    caller: Option<oneshot::Sender<M::Outcome>>,
}

/// What holds a key.
enum Holder {
    Changes(Hosted<KeyProposer<PendingChange, Bytes>>),
    Collection(Single<Collection<Bytes>>),
}

impl Holder {
    fn no_changes() -> Self {
        Self::Changes(Hosted { machine: KeyProposer::default(), alarm: None })
    }
}

pub(super) struct State<A> {
    pub(super) shared: Shared<A>,
    keys: HashMap<Bytes, Holder>,
    reads: HashMap<u64, (Bytes, Single<QuorumRead<Bytes>>)>,
    next_read: u64,
}

/// What all machines use.
pub(super) struct Shared<A> {
    cluster: u64,
    pub(super) proposer: Proposer<Bytes, Bytes>,
    clients: BTreeMap<AcceptorId, (Arc<A>, AcceptorClient<Tag>)>,
    random: Pcg32,
    engine: Weak<Engine<A>>,
    runtime: Handle,
}

impl<A: Acceptor> State<A> {
    pub(super) fn new(
        options: Options,
        (engine, runtime): (&Weak<Engine<A>>, &Handle),
        acceptors: BTreeMap<AcceptorId, Arc<A>>,
    ) -> Self {
        let random = Pcg32::seed_from_u64(options.proposer.0);
        let proposer = Proposer::new(options.proposer, options.configuration, options.cache)
            .with_cache_budget(options.cache_bytes, memory_of);
        #[cfg(feature = "mutants")]
        let proposer = match options.rules {
            Some(rules) => proposer.with_rules(rules),
            None => proposer,
        };
        let (engine, runtime) = (Weak::clone(engine), runtime.clone());
        let (cluster, clients) = (options.cluster, BTreeMap::new());
        let mut shared = Shared { cluster, proposer, clients, random, engine, runtime };
        shared.employ(acceptors);
        Self { shared, keys: HashMap::new(), reads: HashMap::new(), next_read: 0 }
    }

    pub(super) fn submit(
        &mut self,
        key: &Bytes,
        now: u64,
        (change, deadline): (PendingChange, u64),
        after: &mut Afterwards,
    ) {
        let (shared, place) = (&mut self.shared, Place::Key(key.clone()));
        let at = (&place, key, now);
        let holder = self.keys.entry(key.clone()).or_insert_with(Holder::no_changes);
        if let Holder::Collection(collection) = holder {
            collection.step(shared, at, after, Answer::Collection, |collection, context| {
                collection.give_up(context, Reason::Conflict);
            });
            *holder = Holder::no_changes();
        }
        if let Holder::Changes(changes) = holder {
            let answer = |ended| Some(Answer::Change(ended));
            changes.step(shared, at, after, answer, |key_proposer, context| {
                // A change whose caller stopped waiting without a word must not be waited behind.
                key_proposer.on_time(context);
                key_proposer.submit(context, change, deadline);
            });
            if changes.machine.is_idle() {
                self.keys.remove(key);
            }
        }
    }

    pub(super) fn collect(
        &mut self,
        key: &Bytes,
        now: u64,
        (caller, deadline): (oneshot::Sender<CollectionOutcome>, u64),
        after: &mut Afterwards,
    ) {
        if self.keys.contains_key(key) {
            let outcome = CollectionOutcome::Unfinished(Reason::Conflict);
            return after.answers.push(Answer::Collection(caller, outcome));
        }
        let begin = |context: &mut Context<'_, _, _>| Collection::begin(context, deadline);
        let collection = Single::new(self.shared.with_context(key, now, begin), caller);
        self.keys.insert(key.clone(), Holder::Collection(collection));
        self.handle(&Place::Key(key.clone()), now, Event::Begun, after);
    }

    pub(super) fn read(
        &mut self,
        key: &Bytes,
        now: u64,
        (caller, deadline): (oneshot::Sender<ReadOutcome<Bytes>>, u64),
        after: &mut Afterwards,
    ) -> Place {
        let place = Place::Read(self.next_read);
        let read = Single::new(QuorumRead::begin(&self.shared.proposer, deadline), caller);
        self.reads.insert(self.next_read, (key.clone(), read));
        self.next_read += 1;
        self.handle(&place, now, Event::Begun, after);
        place
    }

    /// Hands an event to a machine, if it has not ended before.
    pub(super) fn handle(&mut self, place: &Place, now: u64, event: Event, after: &mut Afterwards) {
        let shared = &mut self.shared;
        match place {
            Place::Key(key) => {
                let Some(holder) = self.keys.get_mut(key) else { return };
                let at = (place, key, now);
                let free = match holder {
                    Holder::Changes(changes) => {
                        let answer = |ended| Some(Answer::Change(ended));
                        changes.step(shared, at, after, answer, |it, context| {
                            event.hand_to(it, context);
                        });
                        changes.machine.is_idle()
                    }
                    Holder::Collection(collection) => {
                        collection.step(shared, at, after, Answer::Collection, |it, context| {
                            event.hand_to(it, context);
                        })
                    }
                };
                if free {
                    self.keys.remove(key);
                }
            }
            Place::Read(number) => {
                let Some((key, read)) = self.reads.get_mut(number) else { return };
                let at = (place, &*key, now);
                if read.step(shared, at, after, Answer::Read, |it, cx| event.hand_to(it, cx)) {
                    self.reads.remove(number);
                }
            }
        }
    }
}

/// Where, for which key and when a machine takes a step.
type At<'a> = (&'a Place, &'a Bytes, u64);

impl<M: Machine<Bytes, Bytes>> Hosted<M> {
    /// Lets the machine take a step, and sends and notes what it asks for.
    fn step<A: Acceptor>(
        &mut self,
        shared: &mut Shared<A>,
        (place, key, now): At<'_>,
        after: &mut Afterwards,
        mut answer: impl FnMut(M::Outcome) -> Option<Answer>,
        step: impl FnOnce(&mut M, &mut Context<'_, Bytes, Bytes>),
    ) {
        shared.with_context(key, now, |context| step(&mut self.machine, context));
        loop {
            match self.machine.poll() {
                Progress::Wait => break,
                Progress::Send(requests) => shared.send(place, key, requests),
                Progress::Done(outcome) => after.answers.extend(answer(outcome)),
            }
        }
        let wake_at = self.machine.wake_at();
        if wake_at != self.alarm {
            self.alarm = wake_at;
            after.alarms.extend(wake_at.map(|time| (place.clone(), time)));
        }
    }
}

impl<M: Machine<Bytes, Bytes>> Single<M> {
    const fn new(machine: M, caller: oneshot::Sender<M::Outcome>) -> Self {
        Self { hosted: Hosted { machine, alarm: None }, caller: Some(caller) }
    }

    /// Lets the machine take a step. Says whether it has come to its outcome.
    fn step<A: Acceptor>(
        &mut self,
        shared: &mut Shared<A>,
        at: At<'_>,
        after: &mut Afterwards,
        answer: fn(oneshot::Sender<M::Outcome>, M::Outcome) -> Answer,
        step: impl FnOnce(&mut M, &mut Context<'_, Bytes, Bytes>),
    ) -> bool {
        let caller = &mut self.caller;
        let answer = |outcome| caller.take().map(|caller| answer(caller, outcome));
        self.hosted.step(shared, at, after, answer, step);
        self.caller.is_none()
    }
}

impl<A: Acceptor> Shared<A> {
    fn with_context<T>(
        &mut self,
        key: &Bytes,
        now: u64,
        step: impl FnOnce(&mut Context<'_, Bytes, Bytes>) -> T,
    ) -> T {
        let (proposer, random) = (&mut self.proposer, &mut self.random);
        let draw = &mut |bound| random.random_range(0..=bound);
        step(&mut Context { proposer, key, now, draw })
    }

    fn send(&self, place: &Place, key: &Bytes, Requests { epoch, requests }: Requests<Bytes>) {
        for (id, request) in requests {
            let tag = Tag { place: place.clone(), id };
            let identity = AcceptorIdentity { cluster: self.cluster, acceptor: id.acceptor };
            let missing = || RequestError::NotConnected(String::from("no such acceptor here"));
            let sent =
                self.clients.get(&id.acceptor).ok_or_else(missing).and_then(|(_, client)| {
                    client.send(Head { identity, epoch }, key.clone(), request, tag.clone())
                });
            if let Err(error) = sent {
                // Handed over later, as a client would do: this step is not over yet.
                let engine = Weak::clone(&self.engine);
                self.runtime.spawn(async move {
                    engine.take(vec![Completed { tag, result: Err(error) }]);
                });
            }
        }
    }

    /// One client for each acceptor; clients of removed acceptors stop once their queue is drained.
    pub(super) fn employ(&mut self, acceptors: BTreeMap<AcceptorId, Arc<A>>) {
        let mut before = std::mem::take(&mut self.clients);
        for (id, acceptor) in acceptors {
            let kept = before.remove(&id).filter(|(held, _)| Arc::ptr_eq(held, &acceptor));
            let client = kept.unwrap_or_else(|| {
                // A client that held the engine would keep it alive: the engine holds its clients.
                let handler = Arc::new(Weak::clone(&self.engine));
                let client = AcceptorClient::start(&self.runtime, &acceptor, &handler);
                (acceptor, client)
            });
            self.clients.insert(id, client);
        }
    }
}
