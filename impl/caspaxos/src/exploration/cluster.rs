//! A small cluster with all that the store does to one key, whose every schedule is visited.
//!
//! Proposers have key proposers, so that calls share rounds, try again and clear up doubts; they read
//! without writing, collect, and learn of other configurations. From every state every step is
//! taken: any message arrives next or never, a loss is told, a wait or a deadline ends, a call
//! begins. In every state that is reached, some order of the calls must explain every answer and
//! what any later reader could find.
//!
//! Two things are left out, because they add nothing: prepares that nobody waits for any more (a
//! promise to nobody is a refusal), and, where nothing is collected, accepts that would be refused.

use super::fingerprint::Fingerprint;
use super::history::{Answer, History, List};
use super::membership::Driver;
use super::process::{Arrival, Kind, Outbox, Process, Task};
use crate::{
    AcceptorId, AcceptorIdentity, AcceptorState, Ballot, Configuration, Member, Register, Request,
    RequestId, Requests, Rules, Stage, VersionedValue,
};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use alloc::{format, vec};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// One case.
#[derive(Clone)]
pub(super) struct Case {
    /// One for each epoch, from 0. All acceptors have been admitted from the beginning.
    pub(super) configurations: Vec<Configuration>,
    pub(super) scripts: &'static [&'static [Task]],
    /// The membership driver's steps.
    pub(super) plan: &'static [super::membership::Act],
    pub(super) allowance: Allowance,
    pub(super) replies: Replies,
    pub(super) rules: Arc<dyn Rules>,
}

/// How replies travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replies {
    /// Like requests: any time, in any order, or never.
    Late,
    /// At once or never. A proposer that hears late does nothing that it could not have done
    /// earlier, with requests that are late instead; so little is left out, and the states are few.
    AtOnce,
}

/// How much may go on along one schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Allowance {
    /// Further rounds after one that did not commit.
    pub(super) retries: usize,
    /// Requests that are said to be lost, and may arrive yet.
    pub(super) losses: usize,
    /// Replies that are lost, unless replies are late.
    pub(super) unheard: usize,
    /// Conflicts after which the other replies are not waited for.
    pub(super) impatience: usize,
    /// Deadlines, and collections that are broken off.
    pub(super) expiries: usize,
}

/// As often as it comes.
pub(super) const ANY: usize = usize::MAX;

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Body {
    Request(Request<VersionedValue<List>>),
    Arrival(Arrival),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Message {
    process: usize,
    kind: Kind,
    epoch: u64,
    id: RequestId,
    body: Body,
}

#[derive(Clone)]
pub(super) struct World<'a> {
    pub(super) case: &'a Case,
    members: Vec<Arc<Member<(), List>>>,
    processes: Vec<Arc<Process>>,
    network: BTreeSet<Arc<Message>>,
    allowance: Allowance,
    pub(super) history: History,
    pub(super) driver: Driver,
}

#[derive(Clone)]
enum Move {
    Begin(usize),
    Retry(usize),
    LosePatience(usize),
    Expire(usize),
    Deliver(Arc<Message>),
    /// The reply is lost.
    DeliverUnheard(Arc<Message>),
    SayLost(Arc<Message>),
    Drive(super::membership::Step),
}

fn identity(acceptor: AcceptorId) -> AcceptorIdentity {
    AcceptorIdentity { cluster: 1, acceptor }
}

impl<'a> World<'a> {
    fn new(case: &'a Case) -> Self {
        let everyone = case.configurations.iter().flat_map(Configuration::members);
        let count = everyone.map(|acceptor| acceptor.0 + 1).max().unwrap_or(0);
        let members = (0..count).map(|number| {
            let mut member = Member::default();
            let identity = identity(AcceptorId(number));
            member.join(AcceptorState { identity, epoch: 0, promise_floor: 0 }).unwrap();
            Arc::new(member)
        });
        // The membership driver has a proposer of its own, the last one.
        let driver: &[&[Task]] = if case.plan.is_empty() { &[] } else { &[&[]] };
        let processes = (1..).zip(case.scripts.iter().chain(driver)).map(|(id, &script)| {
            Arc::new(Process::new(id, case.configurations[0].clone(), script, case.rules.clone()))
        });
        Self {
            case,
            members: members.collect(),
            processes: processes.collect(),
            network: BTreeSet::new(),
            allowance: case.allowance,
            history: History::default(),
            driver: Driver::default(),
        }
    }

    pub(super) fn acceptors(&self) -> impl Iterator<Item = AcceptorId> {
        (0..).take(self.members.len()).map(AcceptorId)
    }

    pub(super) fn state(&self, acceptor: AcceptorId) -> AcceptorState {
        self.members[acceptor.0 as usize].state().unwrap()
    }

    /// The latest epoch that an acceptor knows of.
    pub(super) fn known_epoch(&self, acceptor: AcceptorId) -> u64 {
        self.state(acceptor).epoch
    }

    /// Whether an acceptor that knows of this epoch holds the register.
    pub(super) fn is_listed(&self, epoch: usize) -> bool {
        let mut notified =
            self.acceptors().filter(|&acceptor| self.known_epoch(acceptor) >= epoch as u64);
        notified.any(|acceptor| !self.members[acceptor.0 as usize].registers().is_empty())
    }

    pub(super) fn raise_floor(&mut self, acceptor: AcceptorId, promise_floor: u64) {
        let member = Arc::make_mut(&mut self.members[acceptor.0 as usize]);
        let state = member.state().unwrap();
        let request = Request::Collect { tombstone: Ballot::ZERO, promise_floor };
        member.handle(&*self.case.rules, (state.identity, state.epoch), &(), request).unwrap();
    }

    pub(super) fn set_epoch(&mut self, acceptor: AcceptorId, epoch: u64) {
        let member = Arc::make_mut(&mut self.members[acceptor.0 as usize]);
        member.set_epoch(identity(acceptor), epoch).unwrap();
    }

    /// The proposer of the membership driver.
    pub(super) fn driving(&self) -> usize {
        self.processes.len() - 1
    }

    pub(super) fn process(&self, number: usize) -> &Process {
        &self.processes[number]
    }

    pub(super) fn with_process(
        &mut self,
        number: usize,
        step: impl FnOnce(&mut Process, &mut History) -> Option<Outbox>,
    ) {
        let sent = step(Arc::make_mut(&mut self.processes[number]), &mut self.history);
        let Some((kind, Requests { epoch, requests })) = sent else { return };
        for (id, request) in requests {
            let body = Body::Request(request);
            self.network.insert(Arc::new(Message { process: number, kind, epoch, id, body }));
        }
    }

    fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        for (number, process) in self.processes.iter().enumerate() {
            if process.may_begin(self.driver.published) {
                moves.push(Move::Begin(number));
            }
            if process.may_retry() && self.allowance.retries > 0 {
                moves.push(Move::Retry(number));
            }
            if process.may_lose_patience() && self.allowance.impatience > 0 {
                moves.push(Move::LosePatience(number));
            }
            if self.allowance.expiries > 0 && (process.may_expire() || process.is_collecting()) {
                moves.push(Move::Expire(number));
            }
        }
        for message in &self.network {
            moves.push(Move::Deliver(message.clone()));
            if self.case.replies == Replies::AtOnce
                && self.allowance.unheard > 0
                && self.awaited(message)
            {
                moves.push(Move::DeliverUnheard(message.clone()));
            }
            let request = matches!(message.body, Body::Request(_));
            if self.allowance.losses > 0 && request && self.awaited(message) {
                moves.push(Move::SayLost(message.clone()));
            }
        }
        moves.extend(self.driver.steps(self).into_iter().map(Move::Drive));
        moves
    }

    /// Whether its sender still waits for what comes of a message.
    fn awaited(&self, message: &Message) -> bool {
        self.processes[message.process].awaits(message.kind, message.id)
    }

    fn make(&mut self, step: Move) {
        match step {
            Move::Begin(number) => {
                let configurations = &self.case.configurations;
                self.with_process(number, |process, history| {
                    process.begin(configurations, history)
                });
            }
            Move::Retry(number) => {
                self.allowance.retries -= usize::from(self.allowance.retries < ANY);
                self.with_process(number, Process::alarm);
            }
            Move::LosePatience(number) => {
                self.allowance.impatience -= usize::from(self.allowance.impatience < ANY);
                self.with_process(number, Process::alarm);
            }
            Move::Expire(number) => {
                self.allowance.expiries -= usize::from(self.allowance.expiries < ANY);
                self.with_process(number, Process::expire);
            }
            Move::Deliver(message) => {
                self.network.remove(&message);
                let reply = self.deliver(&message);
                match self.case.replies {
                    Replies::Late => self.network.extend(reply.map(Arc::new)),
                    Replies::AtOnce => {
                        reply.and_then(|reply| self.deliver(&reply));
                    }
                }
            }
            Move::DeliverUnheard(message) => {
                self.allowance.unheard -= usize::from(self.allowance.unheard < ANY);
                self.network.remove(&message);
                self.deliver(&message);
            }
            Move::SayLost(message) => {
                self.allowance.losses -= usize::from(self.allowance.losses < ANY);
                self.hear(&message, Arrival::RequestError);
            }
            Move::Drive(step) => super::membership::drive(self, step),
        }
        self.forget_the_past();
    }

    /// Hands a message to its receiver. Returns what an acceptor answers.
    fn deliver(&mut self, message: &Message) -> Option<Message> {
        match &message.body {
            Body::Request(request) => {
                let acceptor = message.id.acceptor;
                let member = Arc::make_mut(&mut self.members[acceptor.0 as usize]);
                let name = (identity(acceptor), message.epoch);
                let arrival = member.handle(&*self.case.rules, name, &(), request.clone()).into();
                let body = Body::Arrival(arrival);
                Some(Message { body, ..message.clone() })
            }
            Body::Arrival(arrival) => {
                self.hear(message, arrival.clone());
                None
            }
        }
    }

    fn hear(&mut self, message: &Message, arrival: Arrival) {
        self.with_process(message.process, |process, history| {
            process.hear((message.kind, message.id), arrival, history)
        });
    }

    /// Drops what has no effect any more.
    fn forget_the_past(&mut self) {
        let collects = self.case.scripts.iter().any(|script| script.contains(&Task::Collect));
        let mut network = core::mem::take(&mut self.network);
        network.retain(|message| {
            if self.awaited(message) {
                return true;
            }
            match &message.body {
                Body::Request(Request::Accept { ballot, .. }) => {
                    let member = &self.members[message.id.acceptor.0 as usize];
                    let held = member.registers().get(&()).map(Register::ballots);
                    collects || held.is_none_or(|h| !self.case.rules.refuses_accept(h, *ballot))
                }
                Body::Request(Request::Collect { .. }) => true,
                Body::Request(_) | Body::Arrival(..) => false,
            }
        });
        self.network = network;
    }

    /// What any later reader could find, through any prepare quorum of any configuration that can
    /// still be had.
    fn findings(&self) -> BTreeSet<Answer> {
        let mut findings = BTreeSet::new();
        let count = self.members.len();
        for configuration in &self.case.configurations[..=self.driver.published] {
            let quorum = configuration.prepare();
            let open: Vec<usize> = (0..count)
                .filter(|&number| {
                    let acceptor = AcceptorId(u32::try_from(number).unwrap());
                    // A reader must get past its accept, too.
                    let rules = &self.case.rules;
                    let fences = rules.fences(Stage::Prepare) || rules.fences(Stage::Accept);
                    let fenced = fences && self.known_epoch(acceptor) > configuration.epoch();
                    quorum.members.contains(&acceptor) && !fenced
                })
                .collect();
            for asked in
                (0_usize..1 << open.len()).filter(|a| a.count_ones() as usize == quorum.size)
            {
                let asked = open.iter().enumerate().filter(|(at, _)| asked & (1 << at) != 0);
                let registers = asked.map(|(_, &number)| self.members[number].registers().get(&()));
                let newest = registers.max_by_key(|r| r.map_or(Ballot::ZERO, |r| r.accepted));
                findings.insert(Answer::of(newest.flatten().and_then(|r| r.value.as_ref())));
            }
        }
        findings
    }

    /// Acceptors with the same place in all configurations are interchangeable, so what belongs to
    /// each is hashed by itself and sorted.
    fn fingerprint(&self) -> (u64, u64) {
        let mut locals: Vec<_> = (0..)
            .zip(&self.members)
            .map(|(number, member)| {
                Fingerprint::of(|hasher| self.hash_acceptor(number, member, hasher))
            })
            .collect();
        locals.sort_unstable();
        Fingerprint::of(|hasher| {
            (locals, &self.allowance, &self.driver, &self.history).hash(hasher);
            for process in &self.processes {
                process.fingerprint(hasher);
            }
        })
    }

    fn hash_acceptor(&self, number: u32, member: &Member<(), List>, hasher: &mut Fingerprint) {
        let acceptor = AcceptorId(number);
        for configuration in &self.case.configurations {
            configuration.prepare().members.contains(&acceptor).hash(hasher);
            configuration.accept().members.contains(&acceptor).hash(hasher);
        }
        let state = member.state().map(|state| (state.epoch, state.promise_floor));
        (state, member.registers().get(&())).hash(hasher);
        for message in self.network.iter().filter(|message| message.id.acceptor == acceptor) {
            let id = message.id;
            (message.process, message.kind, message.epoch, id.ballot, id.stage).hash(hasher);
            message.body.hash(hasher);
        }
        for process in &self.processes {
            process.hash_standing(acceptor, hasher);
        }
    }
}

/// What an exploration has seen.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) states: usize,
    /// How many states have so many calls answered.
    pub(super) answered: BTreeMap<u32, usize>,
}

/// Visits every state, depth first. Returns what there is, or the first violation.
pub(super) fn explore(case: &Case) -> Result<Seen, String> {
    let mut visited = HashSet::new();
    let mut judged: HashMap<(History, BTreeSet<Answer>), bool> = HashMap::new();
    let mut answered = BTreeMap::new();
    let mut stack = vec![World::new(case)];
    while let Some(world) = stack.pop() {
        if !visited.insert(world.fingerprint()) {
            continue;
        }
        *answered.entry(world.history.answered()).or_insert(0) += 1;
        let judgement = judged.entry((world.history.clone(), world.findings()));
        let ((history, findings), holds) = (judgement.key().clone(), judgement);
        if !*holds.or_insert_with(|| findings.iter().all(|&found| history.explains(found))) {
            return Err(format!("{findings:?} is not explained by {history:?}"));
        }
        for step in world.moves() {
            let mut next = world.clone();
            next.make(step);
            stack.push(next);
        }
    }
    Ok(Seen { states: visited.len(), answered })
}
