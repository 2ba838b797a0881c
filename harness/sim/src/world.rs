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
//! | how do rounds run, end and run again? | `world/proposing.rs` |
//! | what do acceptors answer, and what do they forget? | `world/accepting.rs` |
//! | how do messages travel? | `world/network.rs` |
//! | how do faults begin and end? | `world/nemesis.rs` |

mod accepting;
mod clients;
mod nemesis;
mod network;
mod proposing;

use crate::case::Case;
use crate::change::Held;
use crate::fates::{Fates, Repeats};
use crate::message::OpId;
use crate::mutants::Flaw;
use crate::queue::Queue;
use crate::record::{Detail, Record};
use crate::script::Script;
use crate::setup::{Calls, Setup};
use accepting::Acceptor;
use caspaxos::{Faithful, ProposerId, Reply, Request, Rules};
use clients::{Client, Operation};
use nemesis::Weather;
use network::Origin;
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
    /// A proposer takes a call up.
    Start { op: OpId },
    /// A request is at its acceptor.
    Request { origin: Origin, request: Request<Held> },
    /// A reply is at its proposer.
    Reply { origin: Origin, reply: Reply<Held> },
    /// A proposer hears that a message is lost.
    Lost { origin: Origin, delivered: bool },
    /// A proposer tries a change again.
    Retry { op: OpId, life: u32 },
    /// A proposer may wait no longer for the replies that a conflict left outstanding.
    Patience { op: OpId, life: u32, attempt: u32 },
    /// A proposer's deadline for a change has come.
    Deadline { op: OpId, life: u32 },
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
    processes: Vec<Process>,
    /// How many proposers have ever lived: the id of the last one.
    lives: u64,
    acceptors: Vec<Acceptor>,
    weather: Weather,
    record: Record,
}

/// Streams of the one seed.
const CALLS: u64 = 1;
const FATES: u64 = 2;
const NEMESIS: u64 = 3;

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
            lives: 0,
            acceptors: (0..setup.acceptors).map(|_| Acceptor::new(setup)).collect(),
            weather,
            record: Record::new(detail),
        };
        for _ in 0..setup.proposers {
            let id = world.fresh_id();
            let proposer = world.newborn(id);
            world.processes.push(Process::new(proposer));
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
            Event::Start { op } => self.start(op),
            Event::Request { origin, request } => self.on_request(origin, request),
            Event::Reply { origin, reply } => self.on_reply(origin, reply),
            Event::Lost { origin, delivered } => self.on_lost(origin, delivered),
            Event::Retry { op, life } => self.on_retry(op, life),
            Event::Patience { op, life, attempt } => self.on_patience(op, life, attempt),
            Event::Deadline { op, life } => self.on_deadline(op, life),
            Event::GiveUp { op } => self.on_give_up(op),
            Event::Fault { number } => self.begin_fault(number),
            Event::Over { number } => self.end_fault(number),
        }
    }

    /// Keeps what a paused process cannot take up yet; the rest is given back.
    fn held_back(&mut self, event: Event) -> Option<Event> {
        let hold = match &event {
            Event::Start { op }
            | Event::Retry { op, .. }
            | Event::Patience { op, .. }
            | Event::Deadline { op, .. } => {
                let proposer = self.operations.get(op).map(|operation| operation.proposer);
                proposer.and_then(|proposer| self.processes[proposer as usize - 1].hold.as_mut())
            }
            Event::Reply { origin, .. } | Event::Lost { origin, .. } => {
                self.processes[origin.proposer as usize - 1].hold.as_mut()
            }
            Event::Request { origin, .. } => {
                self.acceptors[origin.acceptor as usize - 1].hold.as_mut()
            }
            Event::Invoke { .. }
            | Event::GiveUp { .. }
            | Event::Fault { .. }
            | Event::Over { .. } => None,
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

    fn versioned(&self) -> bool {
        self.setup.load.calls == Calls::VersionedLoop
    }

    /// An id that no proposer has had.
    fn fresh_id(&mut self) -> ProposerId {
        self.lives += 1;
        ProposerId(self.lives)
    }
}
