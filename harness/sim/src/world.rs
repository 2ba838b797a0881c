//! The world: one thread, one clock that jumps from event to event, and one seed.
//!
//! ```text
//!  client ── start ──► proposer ── request ──► acceptor
//!    ▲                  │   ▲                     │
//!    └──── answer ──────┘   └─ reply, or a loss ──┘
//! ```
//!
//! | question | file |
//! |---|---|
//! | when do clients call, and what are they told? | `world/clients.rs` |
//! | how are the store's machines driven? | `world/machines.rs` |
//! | how do rounds run, end and run again? | `world/proposing.rs` |
//! | how are reads tried without a round? | `world/reading.rs` |
//! | how are tombstones collected? | `world/collecting.rs` |
//! | how do the store's own procedures run: the driver of the membership, `--init`? | `world/procedures.rs`, `world/errands.rs`, `world/flawed.rs` |
//! | how do proposers learn of it? | `world/learning.rs` |
//! | what do acceptors answer, and what do they forget? | `world/accepting.rs` |
//! | how do messages travel? | `world/network.rs` |
//! | how do faults begin and end? | `world/nemesis.rs` |

mod accepting;
mod clients;
mod collecting;
mod errands;
mod flawed;
mod learning;
mod machines;
mod nemesis;
mod network;
mod procedures;
mod proposing;
mod reading;

use crate::case::Case;
use crate::fates::{Fates, Repeats};
use crate::message::OpId;
use crate::mutants::Flaw;
use crate::queue::Queue;
use crate::record::{Detail, Record};
use crate::script::Script;
use crate::setup::{Calls, Setup};
use accepting::Acceptor;
use caspaxos::{Faithful, ProposerId, Rules};
use clients::{Client, Operation};
use collecting::Collector;
use gryadka_cluster::ClusterConfig;
use nemesis::Weather;
use network::{Destination, Letter, Origin, Return};
use procedures::{Operator, Procedure, first_config};
use proposing::Process;
use rand_pcg::Pcg32;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// The name of an object.
type Key = Rc<str>;

/// Something that will happen.
#[derive(Debug)]
enum Event {
    /// A client makes its next call.
    Invoke { client: u32 },
    /// A client looks whether it may make its closing reads.
    Linger { client: u32, until: u64 },
    /// A proposer takes a call up.
    Start { op: OpId },
    /// A request is at its acceptor.
    Request { origin: Origin, to: Destination, letter: Letter },
    /// A reply is at its proposer.
    Reply { origin: Origin, reply: Return },
    /// A proposer hears that a message is lost.
    Lost { origin: Origin, may_have_executed: bool },
    /// Something is due at a proposer for a key.
    Wake { proposer: u32, life: u32, key: Key },
    /// Something is due at a read without a round.
    WakeRead { op: OpId, life: u32 },
    /// The collector begins with a tombstone, or ends with one.
    Collect { life: u32, number: u32 },
    /// A procedure's process starts, or an errand of it ends with a pause.
    Procedure { proposer: u32, life: u32, number: u32 },
    /// A process is started again, with `--init`.
    Found { proposer: u32 },
    /// A proposer tells another one of the configuration.
    Gossip,
    /// A client waits no longer.
    GiveUp { op: OpId },
    /// A fault begins.
    Fault { number: usize },
    /// A fault ends.
    Over { number: usize },
}

/// One world under way.
pub(crate) struct World<'a> {
    setup: &'a Setup,
    seed: u64,
    now: u64,
    queue: Queue<Event>,
    script: Script,
    fates: Fates,
    rules: Arc<dyn Rules>,
    clients: Vec<Client>,
    /// Clients that have calls left to make or to be answered.
    busy: usize,
    operations: BTreeMap<OpId, Operation>,
    /// Objects with a change of which nobody knows.
    unknown: BTreeSet<Key>,
    /// The clients' proposers, then the collector, then the driver of the membership.
    processes: Vec<Process>,
    collector: Collector,
    operator: Operator,
    /// The procedures under way, by their processes.
    procedures: BTreeMap<u32, Procedure>,
    first: Rc<ClusterConfig>,
    gossip: Pcg32,
    /// How many proposers have ever lived: the id of the last one.
    lives: u64,
    acceptors: Vec<Acceptor>,
    weather: Weather,
    record: Record,
}

/// The cluster that a world begins with.
const CLUSTER: u64 = 1;

/// The address of a place where acceptors live.
fn address(home: u32) -> String {
    format!("a{home}")
}

/// The place with this address.
fn home_of(address: &str) -> Option<u32> {
    address.strip_prefix('a')?.parse().ok()
}

/// Streams of the one seed.
const CALLS: u64 = 1;
const FATES: u64 = 2;
const NEMESIS: u64 = 3;
const COLLECTIONS: u64 = 4;
const DRIVER: u64 = 5;
const GOSSIP: u64 = 6;

impl<'a> World<'a> {
    /// A world drawn from a seed.
    pub(crate) fn drawn(setup: &'a Setup, seed: u64, detail: Detail) -> Self {
        let script = Script::drawn(setup, Pcg32::new(seed, CALLS));
        let repeats = if setup.repeats { Repeats::Any } else { Repeats::Never };
        let fates = Fates::drawn(&setup.network, repeats, Pcg32::new(seed, FATES));
        let weather = Weather::new(setup, Pcg32::new(seed, NEMESIS));
        Self::new(setup, seed, script, fates, weather, detail)
    }

    /// The world of a case.
    pub(crate) fn written(case: &'a Case, detail: Detail) -> Self {
        let (script, fates) = (Script::written(case), Fates::written(case));
        Self::new(&case.setup, case.seed, script, fates, Weather::calm(), detail)
    }

    fn new(
        setup: &'a Setup,
        seed: u64,
        script: Script,
        fates: Fates,
        weather: Weather,
        detail: Detail,
    ) -> Self {
        let first = Rc::new(first_config(setup));
        let rules = setup.mutant.map_or_else(|| Arc::new(Faithful) as _, |mutant| mutant.rules());
        let mut world = Self {
            setup,
            seed,
            now: 0,
            queue: Queue::new(),
            script,
            fates,
            rules,
            clients: (0..setup.clients).map(|client| Client::new(client.into())).collect(),
            busy: setup.clients as usize,
            operations: BTreeMap::new(),
            unknown: BTreeSet::new(),
            processes: Vec::new(),
            collector: Collector::new(Pcg32::new(seed, COLLECTIONS)),
            operator: Operator::new(Pcg32::new(seed, DRIVER)),
            procedures: BTreeMap::new(),
            gossip: Pcg32::new(seed, GOSSIP),
            lives: 0,
            acceptors: (1..=setup.homes()).map(|home| Acceptor::new(setup, home, &first)).collect(),
            first,
            weather,
            record: Record::new(detail),
        };
        for _ in 0..setup.driver() {
            let id = world.fresh_id();
            let proposer = world.newborn(id);
            let process = Process::new(proposer, world.first.clone());
            world.processes.push(process);
        }
        world
    }

    /// Runs until every client has had its last answer.
    pub(crate) fn run(mut self) -> Record {
        for (number, fault) in self.setup.faults.iter().enumerate() {
            self.queue.put(fault.at, Event::Fault { number });
        }
        for client in 0..self.setup.clients {
            self.schedule_next(client, 0);
        }
        self.schedule_collection();
        self.schedule_procedures();
        self.schedule_gossip();
        while self.busy > 0
            && let Some((at, event)) = self.queue.take()
        {
            self.now = at;
            self.handle(event);
        }
        self.record
    }

    fn handle(&mut self, event: Event) {
        let Some(event) = self.held_back(event) else { return };
        match event {
            Event::Invoke { client } => self.invoke(client),
            Event::Linger { client, until } => self.linger(client, until),
            Event::Start { op } => self.start(op),
            Event::Request { origin, to, letter } => self.on_request(origin, to, letter),
            Event::Reply { origin, reply } => self.on_reply(origin, reply),
            Event::Lost { origin, may_have_executed } => self.on_error(origin, may_have_executed),
            Event::Wake { proposer, life, key } => self.on_wake(proposer, life, &key),
            Event::WakeRead { op, life } => self.on_wake_read(op, life),
            Event::Collect { life, number } => self.on_collect(life, number),
            Event::Procedure { proposer, life, number } => {
                self.on_procedure(proposer, life, number);
            }
            Event::Found { proposer } => self.on_found(proposer),
            Event::Gossip => self.on_gossip(),
            Event::GiveUp { op } => self.on_give_up(op),
            Event::Fault { number } => self.begin_fault(number),
            Event::Over { number } => self.end_fault(number),
        }
    }

    /// Keeps what a paused process cannot take up yet; the rest is given back.
    fn held_back(&mut self, event: Event) -> Option<Event> {
        let proposer = match &event {
            Event::Start { op } | Event::WakeRead { op, .. } => {
                self.operations.get(op).map(|operation| operation.proposer)
            }
            Event::Wake { proposer, .. } => Some(*proposer),
            Event::Reply { origin, .. } | Event::Lost { origin, .. } => Some(origin.proposer),
            Event::Collect { .. } => Some(self.setup.collector()),
            Event::Procedure { proposer, .. } => Some(*proposer),
            Event::Request { .. }
            | Event::Invoke { .. }
            | Event::Linger { .. }
            | Event::Gossip
            | Event::Found { .. }
            | Event::GiveUp { .. }
            | Event::Fault { .. }
            | Event::Over { .. } => None,
        };
        let hold = match (&event, proposer) {
            (_, Some(proposer)) => self.processes[proposer as usize - 1].hold.as_mut(),
            (Event::Request { to, .. }, None) => self.acceptors[to.home as usize - 1].hold.as_mut(),
            (_, None) => None,
        };
        match hold {
            Some(held) => {
                held.push(event);
                None
            }
            None => Some(event),
        }
    }

    /// Lets a paused process take up what has come meanwhile.
    fn let_go(&mut self, held: Option<Vec<Event>>) {
        for event in held.into_iter().flatten() {
            self.queue.put(self.now, event);
        }
    }

    fn put_after(&mut self, after: u64, event: Event) {
        self.queue.put(self.now.saturating_add(after), event);
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.setup.mutant.is_some_and(|mutant| mutant.has(flaw))
    }

    /// Whether registers hold pairs of a version and a value, as in the published simulation.
    fn pairs(&self) -> bool {
        self.setup.load.calls == Calls::VersionedLoop
    }

    fn process(&mut self, proposer: u32) -> &mut Process {
        &mut self.processes[proposer as usize - 1]
    }

    /// An id that no proposer has had.
    fn fresh_id(&mut self) -> ProposerId {
        self.lives += 1;
        ProposerId(self.lives)
    }
}
