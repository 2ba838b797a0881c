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
    AcceptorId, AcceptorIdentity, Collection, CollectionOutcome, Configuration, Context,
    KeyProposer, Machine, Outcome, Progress, Proposer, QuorumRead, ReadOutcome, Reason, RequestId,
    Requests,
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
    Change(PendingChange, Outcome<usize>),
    Read(oneshot::Sender<ReadOutcome<Bytes>>, ReadOutcome<Bytes>),
    Collection(oneshot::Sender<CollectionOutcome>, CollectionOutcome),
}

impl Answer {
    /// A caller who has gone away wants no answer.
    pub(super) fn give(self) {
        match self {
            Self::Change(change, outcome) => change.settle(outcome),
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

/// What holds a key.
enum Holder {
    Changes(Hosted<KeyProposer<PendingChange, Bytes>>),
    Collection(Hosted<Collection<Bytes>>, oneshot::Sender<CollectionOutcome>),
}

struct Reading {
    key: Bytes,
    read: Hosted<QuorumRead<Bytes>>,
    caller: oneshot::Sender<ReadOutcome<Bytes>>,
}

pub(super) struct State<A> {
    shared: Shared<A>,
    keys: HashMap<Bytes, Holder>,
    reads: HashMap<u64, Reading>,
    next_read: u64,
}

/// What all machines use.
struct Shared<A> {
    cluster: u64,
    proposer: Proposer<Bytes, Bytes>,
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

    pub(super) fn configuration(&self) -> &Configuration {
        self.shared.proposer.configuration()
    }

    pub(super) fn acceptors(&self) -> BTreeMap<AcceptorId, Arc<A>> {
        let clients = self.shared.clients.iter();
        clients.map(|(id, (acceptor, _))| (*id, Arc::clone(acceptor))).collect()
    }

    pub(super) fn reconfigure(
        &mut self,
        configuration: Configuration,
        acceptors: BTreeMap<AcceptorId, Arc<A>>,
    ) -> bool {
        let later = self.shared.proposer.reconfigure(configuration);
        if later {
            self.shared.employ(acceptors);
        }
        later
    }

    pub(super) fn submit(
        &mut self,
        key: &Bytes,
        now: u64,
        (change, deadline): (PendingChange, u64),
        after: &mut Afterwards,
    ) {
        if let Some(Holder::Collection(..)) = self.keys.get(key) {
            let give_up = |collection: &mut Collection<_>, context: &mut Context<'_, _, _>| {
                collection.give_up(context, Reason::Conflict);
            };
            self.with_collection(key, now, after, give_up);
        }
        self.keys.entry(key.clone()).or_insert_with(|| {
            Holder::Changes(Hosted { machine: KeyProposer::default(), alarm: None })
        });
        self.with_changes(key, now, after, |key_proposer, context| {
            // A change whose caller stopped waiting without a word must not be waited behind.
            key_proposer.on_time(context);
            key_proposer.submit(context, change, deadline);
        });
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
        let machine =
            self.shared.with_context(key, now, |context| Collection::begin(context, deadline));
        let hosted = Hosted { machine, alarm: None };
        self.keys.insert(key.clone(), Holder::Collection(hosted, caller));
        self.with_collection(key, now, after, |_, _| ());
    }

    pub(super) fn read(
        &mut self,
        key: &Bytes,
        now: u64,
        (caller, deadline): (oneshot::Sender<ReadOutcome<Bytes>>, u64),
    ) -> Place {
        let (number, place) = (self.next_read, Place::Read(self.next_read));
        self.next_read += 1;
        let machine = QuorumRead::begin(&self.shared.proposer, deadline);
        let mut read = Hosted { machine, alarm: None };
        read.step(&mut self.shared, (&place, key, now), |_, _| (), |_| ());
        self.reads.insert(number, Reading { key: key.clone(), read, caller });
        place
    }

    /// Hands an event to a machine, if it has not ended before.
    pub(super) fn handle(&mut self, place: &Place, now: u64, event: Event, after: &mut Afterwards) {
        match place {
            Place::Read(number) => self.with_read(*number, now, event, after),
            Place::Key(key) => match self.keys.get(key) {
                Some(Holder::Changes(_)) => {
                    self.with_changes(key, now, after, |machine, context| {
                        event.hand_to(machine, context);
                    });
                }
                Some(Holder::Collection(..)) => {
                    self.with_collection(key, now, after, |machine, context| {
                        event.hand_to(machine, context);
                    });
                }
                None => {}
            },
        }
    }

    fn with_changes(
        &mut self,
        key: &Bytes,
        now: u64,
        after: &mut Afterwards,
        step: impl FnOnce(&mut KeyProposer<PendingChange, Bytes>, &mut Context<'_, Bytes, Bytes>),
    ) {
        let Some(Holder::Changes(hosted)) = self.keys.get_mut(key) else { return };
        let place = Place::Key(key.clone());
        let answers = &mut after.answers;
        let alarm = hosted.step(&mut self.shared, (&place, key, now), step, |(change, outcome)| {
            answers.push(Answer::Change(change, outcome));
        });
        if hosted.machine.is_idle() {
            self.keys.remove(key);
        }
        after.alarms.extend(alarm.map(|at| (place, at)));
    }

    fn with_collection(
        &mut self,
        key: &Bytes,
        now: u64,
        after: &mut Afterwards,
        step: impl FnOnce(&mut Collection<Bytes>, &mut Context<'_, Bytes, Bytes>),
    ) {
        let Some(Holder::Collection(hosted, _)) = self.keys.get_mut(key) else { return };
        let (place, mut ended) = (Place::Key(key.clone()), None);
        hosted.step(&mut self.shared, (&place, key, now), step, |outcome| ended = Some(outcome));
        if let Some(outcome) = ended
            && let Some(Holder::Collection(_, caller)) = self.keys.remove(key)
        {
            after.answers.push(Answer::Collection(caller, outcome));
        }
    }

    fn with_read(&mut self, number: u64, now: u64, event: Event, after: &mut Afterwards) {
        let Some(Reading { key, read, .. }) = self.reads.get_mut(&number) else { return };
        let (place, mut ended) = (Place::Read(number), None);
        let alarm = read.step(
            &mut self.shared,
            (&place, key, now),
            |machine, context| event.hand_to(machine, context),
            |outcome| ended = Some(outcome),
        );
        match ended {
            None => after.alarms.extend(alarm.map(|at| (place, at))),
            Some(outcome) => {
                let ended = self.reads.remove(&number);
                after.answers.extend(ended.map(|it| Answer::Read(it.caller, outcome)));
            }
        }
    }
}

impl<M: Machine<Bytes, Bytes>> Hosted<M> {
    /// Lets the machine take a step, sends what it asks for, and hands over what it comes to. Answers a time
    /// at which it wants to be woken, if it has not asked for that before.
    fn step<A: Acceptor>(
        &mut self,
        shared: &mut Shared<A>,
        (place, key, now): (&Place, &Bytes, u64),
        step: impl FnOnce(&mut M, &mut Context<'_, Bytes, Bytes>),
        mut ended: impl FnMut(M::Outcome),
    ) -> Option<u64> {
        shared.with_context(key, now, |context| step(&mut self.machine, context));
        loop {
            match self.machine.poll() {
                Progress::Wait => break,
                Progress::Send(requests) => shared.send(place, key, requests),
                Progress::Done(outcome) => ended(outcome),
            }
        }
        let wake_at = self.machine.wake_at();
        let new = wake_at.filter(|_| wake_at != self.alarm);
        self.alarm = wake_at;
        new
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
    fn employ(&mut self, acceptors: BTreeMap<AcceptorId, Arc<A>>) {
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
