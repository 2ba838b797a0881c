//! The store's own procedures at work in the world: the driver of the membership, and processes that start
//! with `--init`.
//!
//! ```text
//!  procedure ── errand ──► message, change of a register, pause
//!      ▲                              │
//!      └────────── answer ────────────┘
//! ```

use super::errands::{
    Answer, CONFIGURATION, Errand, Errands, RemoteAcceptor, WorldProposers, world_key,
};
use super::flawed::Flawed;
use super::network::{Letter, Origin, Served, Task};
use super::{Event, Key, World, address, home_of};
use crate::change::{Asked, Told};
use crate::message::{OpId, Phase};
use crate::setup::Setup;
use crate::situation::Situation;
use bytes::Bytes;
use caspaxos::{Ballot, RejectReason, Reply, Request};
use gryadka_cluster::{
    Aim, BootstrapError, Clock, ClusterConfig, Connector, Directory, Driver, MembershipEvent,
    RegisterChange, RequestError, bootstrap,
};
use harness_history::{Function, Outcome, Value};
use rand::RngExt;
use rand_pcg::Pcg32;
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use workloads::Call;

/// The least time that answers are waited for, in nanoseconds, and how many times the slowest message
/// that is; the same of a change of a register.
const ANSWERS: (u64, u64) = (15_000_000, 4);
const TRIES: (u64, u64) = (60_000_000, 20);
/// How long the store waits for an answer, which takes as long here as [`ANSWERS`] says.
const STORE_ANSWERS: u64 = 2_000_000_000;
/// How long a driver tries before its operator calls it again.
const DRIVE: Duration = Duration::from_secs(60);
/// The pause before that.
const RETRY: Duration = Duration::from_millis(200);
/// How long a crashed driver is away at most, in nanoseconds.
const AWAY: u64 = 10_000_000;
/// The number of an errand that no procedure has: its process starts.
pub(super) const START: u32 = u32::MAX;

/// A procedure under way.
pub(super) struct Procedure {
    errands: Errands,
    future: Pin<Box<dyn Future<Output = Ended>>>,
    /// What a driver has done since this was looked at last.
    events: Arc<Mutex<Vec<MembershipEvent>>>,
}

impl fmt::Debug for Procedure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Procedure").finish_non_exhaustive()
    }
}

/// What a procedure came to.
enum Ended {
    /// The membership is as it is to be.
    MembershipRests,
    /// The cluster of a process that started with `--init`.
    Founded(Result<Box<ClusterConfig>, BootstrapError>),
}

/// What becomes of the membership.
#[derive(Debug)]
pub(super) struct Operator {
    random: Pcg32,
    /// How many of the goals have been reached.
    reached: Arc<AtomicUsize>,
    begun: bool,
    rests: bool,
    crashed: bool,
}

impl Operator {
    pub(super) fn new(random: Pcg32) -> Self {
        Self { random, reached: Arc::default(), begun: false, rests: false, crashed: false }
    }
}

impl World<'_> {
    pub(super) fn schedule_procedures(&mut self) {
        let Some(membership) = &self.setup.membership else { return };
        let (life, number, proposer) = (0, START, self.setup.driver());
        self.queue.put(membership.at, Event::Procedure { proposer, life, number });
        // A mutant may have fewer proposers than its world was drawn with.
        let there = |it: &&(u64, u32)| it.1 <= self.setup.proposers;
        for &(at, proposer) in membership.founders.iter().filter(there) {
            self.queue.put(at, Event::Found { proposer });
        }
    }

    /// Whether the membership changes no more.
    pub(super) fn membership_rests(&self) -> bool {
        self.setup.membership.is_none() || self.operator.rests
    }

    /// How long answers are waited for.
    fn answers(&self) -> u64 {
        ANSWERS.0.max(self.setup.network.delay.1.saturating_mul(ANSWERS.1))
    }

    /// How long the driver tries a change of a register.
    pub(super) fn tries(&self) -> u64 {
        TRIES.0.max(self.setup.network.delay.1.saturating_mul(TRIES.1))
    }

    fn errands_of(&mut self, proposer: u32) -> Errands {
        let first = self.process(proposer).errands;
        Errands::new(STORE_ANSWERS / self.answers(), first)
    }

    pub(super) fn begin_driver(&mut self) {
        let Some(membership) = &self.setup.membership else { return };
        if self.operator.rests {
            return;
        }
        self.operator.begun = true;
        let errands = self.errands_of(self.setup.driver());
        let flawed = Flawed::new(self.setup.mutant.and_then(crate::Mutant::flaw));
        let events = Arc::new(Mutex::new(Vec::new()));
        let homes: Vec<u32> = (0..=self.setup.numbers()).map(|it| self.setup.home(it)).collect();
        let plan = Plan {
            goals: membership.goals.clone(),
            homes,
            pause: self.operator.random.random_range(0..=membership.pause),
            reached: self.operator.reached.clone(),
        };
        let first = self.first.clone();
        let future = drive(plan, (*first).clone(), errands.clone(), flawed, events.clone());
        let procedure = Procedure { errands, future: Box::pin(future), events };
        self.begin(self.setup.driver(), procedure);
    }

    pub(super) fn resume_driver(&mut self) {
        if self.operator.begun {
            self.begin_driver();
        }
    }

    /// A process of a client's proposer is started again, with `--init` and the list of acceptors that the
    /// cluster had at first.
    pub(super) fn on_found(&mut self, proposer: u32) {
        self.crash_proposer(proposer);
        self.begin_founding(proposer);
    }

    fn begin_founding(&mut self, proposer: u32) {
        let errands = self.errands_of(proposer);
        let flawed = Flawed::new(self.setup.mutant.and_then(crate::Mutant::flaw));
        let mut addresses: Vec<String> = (1..=self.setup.acceptors).map(address).collect();
        // Every operator writes the list in an order of its own.
        let turn = proposer as usize % addresses.len();
        addresses.rotate_left(turn);
        let cluster = 1000 + u64::from(proposer);
        let future = found(addresses, cluster, errands.clone(), flawed);
        let procedure = Procedure { errands, future: Box::pin(future), events: Arc::default() };
        self.begin(proposer, procedure);
    }

    fn begin(&mut self, proposer: u32, procedure: Procedure) {
        self.procedures.insert(proposer, procedure);
        self.poll(proposer);
    }

    /// A process starts, or an errand of its procedure has ended with a pause.
    pub(super) fn on_procedure(&mut self, proposer: u32, life: u32, number: u32) {
        if self.process(proposer).life != life {
            return;
        }
        match number {
            START if proposer != self.setup.driver() => self.begin_founding(proposer),
            START if self.process(proposer).is_up() => self.begin_driver(),
            START => self.restart_proposer(proposer),
            number => self.answer_errand(proposer, number, Answer::Slept),
        }
    }

    /// Brings an answer to a procedure, which goes on with it.
    fn answer_errand(&mut self, proposer: u32, number: u32, answer: Answer) {
        let Some(procedure) = self.procedures.get(&proposer) else { return };
        if procedure.errands.answer(number, answer) {
            self.poll(proposer);
        }
    }

    /// Lets a procedure go on as far as it can, and takes up its errands.
    fn poll(&mut self, proposer: u32) {
        let Some(procedure) = self.procedures.get_mut(&proposer) else { return };
        procedure.errands.set_time(self.now);
        let polled = procedure.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let errands = procedure.errands.take();
        let events =
            std::mem::take(&mut *procedure.events.lock().unwrap_or_else(PoisonError::into_inner));
        for event in events {
            self.note_event(&event);
        }
        if proposer == self.setup.driver() && !errands.is_empty() && self.crashes() {
            // What it has sent just now may have left, or not.
            if self.operator.random.random_bool(0.5) {
                self.run_errands(proposer, errands);
            }
            return self.crash_driver();
        }
        self.run_errands(proposer, errands);
        if let Poll::Ready(ended) = polled {
            self.procedures.remove(&proposer);
            self.ended(proposer, ended);
        }
    }

    fn crashes(&mut self) -> bool {
        let share = self.setup.membership.as_ref().map_or(0.0, |membership| membership.crashes);
        share > 0.0 && self.operator.random.random_bool((share / 4.0).min(1.0))
    }

    fn crash_driver(&mut self) {
        let proposer = self.setup.driver();
        self.record.line(self.now, || "the driver crashes".to_owned());
        self.crash_proposer(proposer);
        let life = self.process(proposer).life;
        let away = self.operator.random.random_range(0..=AWAY);
        self.put_after(away, Event::Procedure { proposer, life, number: START });
    }

    /// A process dies with its procedure.
    pub(super) fn stop_procedure(&mut self, proposer: u32) {
        let stopped = self.procedures.remove(&proposer).is_some();
        self.operator.crashed |= stopped && proposer == self.setup.driver();
    }

    fn note_event(&mut self, event: &MembershipEvent) {
        self.record.line(self.now, || format!("driver: {event:?}"));
        if matches!(event, MembershipEvent::RescanComplete(_)) {
            self.record.met(Situation::StepSettled);
            if std::mem::take(&mut self.operator.crashed) {
                self.record.met(Situation::DriverResumed);
            }
        }
    }

    fn ended(&mut self, proposer: u32, ended: Ended) {
        match ended {
            Ended::MembershipRests => self.operator.rests = true,
            Ended::Founded(Ok(config)) => {
                let moved = config.cluster == self.first.cluster && config.epoch > self.first.epoch;
                if moved {
                    self.record.met(Situation::LedToSuccessor);
                }
                self.record.line(self.now, || {
                    format!(
                        "p{proposer} finds cluster {} in epoch {}",
                        config.cluster, config.epoch
                    )
                });
                self.start_proposer(proposer, &config);
            }
            Ended::Founded(Err(error)) => {
                self.record.line(self.now, || format!("p{proposer} finds no cluster: {error}"));
                let life = self.process(proposer).life;
                let wait = self.answers();
                self.put_after(wait, Event::Procedure { proposer, life, number: START });
            }
        }
    }

    fn run_errands(&mut self, proposer: u32, errands: Vec<(u32, Errand)>) {
        for (number, errand) in errands {
            let process = self.process(proposer);
            process.errands = process.errands.max(number.wrapping_add(1));
            match errand {
                Errand::Ask { home, control } => {
                    let letter = Letter::Control(control);
                    self.send_errand(proposer, number, home, Phase::Control, letter);
                }
                Errand::RaiseFloor { head, floor } => {
                    let tombstone = Ballot::ZERO;
                    let request = Request::Collect { tombstone, promise_floor: floor };
                    let letter = Letter::Register(head.epoch, request);
                    let acceptor = head.identity.acceptor.0;
                    self.send_errand(proposer, number, acceptor, Phase::Collect, letter);
                }
                Errand::Change { key, change, within } => {
                    self.change_register(proposer, number, &world_key(&key), change, within);
                }
                Errand::Open(config) => self.start_proposer(proposer, &config),
                Errand::Sleep(time) => {
                    let life = self.process(proposer).life;
                    self.put_after(time.max(1), Event::Procedure { proposer, life, number });
                }
            }
        }
    }

    fn send_errand(
        &mut self,
        proposer: u32,
        number: u32,
        acceptor: u32,
        phase: Phase,
        letter: Letter,
    ) {
        let life = self.process(proposer).life;
        let op = OpId::of_procedure(proposer, number);
        let (task, attempt, copy) = (Task::Procedure, 0, 0);
        let (key, ballot) = (CONFIGURATION.into(), Ballot::ZERO);
        let origin =
            Origin { task, op, attempt, phase, proposer, life, acceptor, copy, key, ballot };
        self.send_request(origin, letter);
    }

    fn change_register(
        &mut self,
        proposer: u32,
        number: u32,
        key: &Key,
        change: RegisterChange,
        within: u64,
    ) {
        let (f, value) = match change {
            RegisterChange::Keep => (Function::Read, Value::Null),
            RegisterChange::Create(value) => (Function::Cas, json!([null, text(&value)])),
            RegisterChange::Replace { before, after } => {
                (Function::Cas, json!([text(&before), text(&after)]))
            }
        };
        let op = OpId::of_procedure(proposer, number);
        let call = Call { f, key: key.to_string(), value };
        let asked = Asked { op, call, expected: None, pairs: false, told: Vec::new() };
        let deadline = self.by_clock(proposer, self.now.saturating_add(within));
        self.submit(proposer, key, asked, deadline);
    }

    /// A change that a procedure asked for has ended; none when nobody knows how.
    pub(super) fn on_procedure_changed(&mut self, asked: &Asked, told: Option<Told>) {
        let Some((proposer, number)) = asked.op.procedure() else { return };
        let keeps = asked.call.f == Function::Read;
        if keeps && told.is_some() && asked.call.key != CONFIGURATION {
            self.record.met(Situation::RescannedByIdentity);
        }
        let result = told.map(|told| match told.outcome {
            Outcome::Ok if keeps => bytes(&told.value),
            Outcome::Ok => bytes(&told.value[1]),
            Outcome::Fail | Outcome::Info => bytes(&told.value["observed"]),
        });
        let result = result.ok_or_else(|| String::from("it did not commit"));
        self.answer_errand(proposer, number, Answer::Changed(result));
    }

    /// An acceptor has answered a procedure.
    pub(super) fn on_procedure_reply(
        &mut self,
        origin: &Origin,
        served: Result<Served, RequestError>,
    ) {
        let answer = match served {
            Ok(Served::Status(status)) => Answer::Status(status),
            Ok(Served::Done(count)) => Answer::Done(count),
            Ok(Served::Page(page)) => Answer::Page(page),
            Err(error) => {
                if matches!(&error, RequestError::NotConnected(_)) {
                    self.record.met(Situation::ListingInterrupted);
                }
                Answer::Failed(error)
            }
        };
        self.answer_errand(origin.proposer, origin.op.number, answer);
    }

    /// An acceptor has answered that its promise floor is raised, or why it is not.
    pub(super) fn on_floor_raised(
        &mut self,
        origin: &Origin,
        reply: Result<Reply<crate::change::Content>, RejectReason>,
    ) {
        let answer = match reply {
            Ok(_) => Answer::Done(0),
            Err(RejectReason::NotMember) => Answer::Failed(RequestError::NotMember),
            Err(RejectReason::Fenced(epoch)) => Answer::Failed(RequestError::Fenced { epoch }),
        };
        self.answer_errand(origin.proposer, origin.op.number, answer);
    }

    pub(super) fn on_procedure_lost(&mut self, origin: &Origin, may_have_executed: bool) {
        let words = String::from("the message was lost");
        let error = if may_have_executed {
            RequestError::NoAnswer(words)
        } else {
            RequestError::NotConnected(words)
        };
        self.answer_errand(origin.proposer, origin.op.number, Answer::Failed(error));
    }
}

/// The configuration with which a world begins.
pub(super) fn first_config(setup: &Setup) -> ClusterConfig {
    let voters = setup.voters();
    ClusterConfig {
        cluster: super::CLUSTER,
        epoch: 1,
        acceptors: (1..=setup.acceptors).map(|number| (number, address(number))).collect(),
        prepare: voters.prepare.into(),
        accept: voters.accept.into(),
        before: None,
        target: None,
        next: setup.acceptors + 1,
    }
}

fn text(bytes: &Bytes) -> Value {
    Value::String(String::from_utf8_lossy(bytes).into_owned())
}

fn bytes(value: &Value) -> Option<Bytes> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Bytes::copy_from_slice(text.as_bytes())),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Some(Bytes::from(value.to_string()))
        }
    }
}

fn directory(errands: &Errands, flawed: &Flawed) -> Directory<RemoteAcceptor, Errands> {
    let (asking, bent) = (errands.clone(), flawed.clone());
    let connector: Connector<RemoteAcceptor> = Arc::new(move |address| {
        let home = home_of(address).ok_or_else(|| gryadka_cluster::AddressError {
            address: address.to_owned(),
            reason: String::from("no such place"),
        })?;
        Ok(RemoteAcceptor { home, errands: asking.clone(), flawed: bent.clone() })
    });
    Directory::new(connector, errands.clone())
}

/// What the operator of the membership wants.
struct Plan {
    /// The acceptors, in turn.
    goals: Vec<BTreeSet<u32>>,
    /// Where each number lives.
    homes: Vec<u32>,
    /// The longest wait between two changes, in the world's nanoseconds.
    pause: u64,
    reached: Arc<AtomicUsize>,
}

/// Calls drivers again and again, until every goal has been reached.
async fn drive(
    plan: Plan,
    first: ClusterConfig,
    errands: Errands,
    flawed: Flawed,
    events: Arc<Mutex<Vec<MembershipEvent>>>,
) -> Ended {
    let directory = directory(&errands, &flawed);
    let proposers = WorldProposers { errands: errands.clone(), flawed };
    let watch = move |event| events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    let clock = directory.clock();
    let drive = async |aim: Aim<'_>| {
        let driver = Driver {
            directory: &directory,
            proposers: &proposers,
            cluster: first.cluster,
            addresses: plan.homes.iter().skip(1).copied().map(address).collect(),
            deadline: clock.now() + DRIVE,
            watch: &watch,
        };
        driver.drive(aim).await
    };
    while let Some(goal) = plan.goals.get(plan.reached.load(Ordering::Relaxed)) {
        let target = |config: &mut ClusterConfig| Ok(aim_at(config, goal, &plan.homes));
        let reached = match drive(Aim::Resume).await {
            Ok(_) => drive(Aim::Change(&target)).await,
            Err(error) => Err(error),
        };
        match reached {
            Ok(config) if config.members() == *goal => {
                plan.reached.fetch_add(1, Ordering::Relaxed);
                drop(errands.run(Errand::Sleep(plan.pause)).await);
            }
            Ok(_) | Err(_) => clock.sleep(RETRY).await,
        }
    }
    Ended::MembershipRests
}

fn aim_at(config: &mut ClusterConfig, goal: &BTreeSet<u32>, homes: &[u32]) -> BTreeSet<u32> {
    for &number in goal {
        let home = homes.get(number as usize).copied().unwrap_or(number);
        config.acceptors.entry(number).or_insert_with(|| address(home));
        config.next = config.next.max(number + 1);
    }
    goal.clone()
}

/// Starts with `--init`.
async fn found(addresses: Vec<String>, cluster: u64, errands: Errands, flawed: Flawed) -> Ended {
    let directory = directory(&errands, &flawed);
    let proposers = WorldProposers { errands, flawed };
    let token = || gryadka_cluster::Proposers::<RemoteAcceptor>::token(&proposers);
    let founded = bootstrap(&directory, &addresses, cluster, &token).await;
    Ended::Founded(founded.map(Box::new))
}
