//! A small cluster whose every schedule is visited.
//!
//! Two proposers append to one register on three acceptors. From every state every step is taken:
//! any message arrives next, arrives twice, or never; a request is known to be lost; a proposer
//! starts its next call or gives up. What must hold is checked in every state that is reached.

use crate::{
    AcceptorId, Ballot, Configuration, Delivery, End, Outcome, Progress, Proposer, ProposerId,
    Quorum, Register, Reply, Request, Round, Rules, Step, Why,
};
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use alloc::{format, vec};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

type List = Vec<char>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Call {
    Append(char),
    Read,
}

impl Call {
    fn apply(self, present: Option<List>) -> Step<List, List> {
        let mut list = present.unwrap_or_default();
        match self {
            Self::Append(element) => {
                list.push(element);
                Step::Put(Some(list.clone()), list)
            }
            Self::Read => Step::Keep(list),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Body {
    Request(Request<List>),
    Reply(Ballot, Reply<List>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Message {
    proposer: usize,
    acceptor: AcceptorId,
    body: Body,
}

#[derive(Debug, Clone)]
struct Client {
    proposer: Proposer<(), List>,
    script: &'static [Call],
    open: Option<(Round<List, List>, Call, BTreeSet<char>)>,
}

/// How much may go wrong along one schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Allowance {
    pub(super) repeats: usize,
    pub(super) known_losses: usize,
    pub(super) give_ups: usize,
}

#[derive(Debug, Clone)]
struct World {
    acceptors: Vec<Register<List>>,
    clients: Vec<Client>,
    network: BTreeSet<Message>,
    allowance: Allowance,
    acknowledged: BTreeSet<char>,
    not_applied: BTreeSet<char>,
    committed: BTreeSet<List>,
    rules: Arc<dyn Rules>,
}

#[derive(Debug, Clone)]
enum Move {
    Start(usize),
    GiveUp(usize),
    Deliver(Message),
    Repeat(Message),
    LoseKnowingly(Message),
}

impl World {
    fn new(setting: &Setting) -> Self {
        let clients = (1..).zip(setting.scripts).map(|(id, &script)| {
            let proposer = Proposer::new(ProposerId(id), setting.configuration.clone(), 8)
                .with_delivery(setting.delivery)
                .with_rules(setting.rules.clone());
            Client { proposer, script, open: None }
        });
        Self {
            acceptors: vec![Register::default(); 3],
            clients: clients.collect(),
            network: BTreeSet::new(),
            allowance: setting.allowance,
            acknowledged: BTreeSet::new(),
            not_applied: BTreeSet::new(),
            committed: BTreeSet::new(),
            rules: setting.rules.clone(),
        }
    }

    fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        for (number, client) in self.clients.iter().enumerate() {
            match &client.open {
                Some(_) if self.allowance.give_ups > 0 => moves.push(Move::GiveUp(number)),
                Some(_) => {}
                None if !client.script.is_empty() => moves.push(Move::Start(number)),
                None => {}
            }
        }
        for message in &self.network {
            moves.push(Move::Deliver(message.clone()));
            // Repeated replies are passed over, as a test of the round shows.
            let request = matches!(message.body, Body::Request(_));
            if self.allowance.repeats > 0 && request {
                moves.push(Move::Repeat(message.clone()));
            }
            if self.allowance.known_losses > 0 && request {
                moves.push(Move::LoseKnowingly(message.clone()));
            }
        }
        moves
    }

    fn make(&mut self, step: Move) {
        match step {
            Move::Start(number) => {
                let client = &mut self.clients[number];
                let call = client.script[0];
                client.script = &client.script[1..];
                let (round, progress) = client.proposer.begin(&());
                client.open = Some((round, call, self.acknowledged.clone()));
                self.follow(number, progress);
            }
            Move::GiveUp(number) => {
                if self.allowance.give_ups < usize::MAX {
                    self.allowance.give_ups -= 1;
                }
                let open = self.clients[number].open.as_mut();
                if let Some(end) = open.and_then(|(round, ..)| round.give_up(Why::Deadline)) {
                    self.finish(number, &end);
                }
            }
            Move::Deliver(message) => {
                self.network.remove(&message);
                self.deliver(message);
            }
            Move::Repeat(message) => {
                self.allowance.repeats -= 1;
                self.deliver(message);
            }
            Move::LoseKnowingly(message) => {
                self.allowance.known_losses -= 1;
                self.network.remove(&message);
                let Body::Request(request) = message.body else { return };
                let client = &mut self.clients[message.proposer];
                if let Some((round, ..)) = &mut client.open
                    && round.ballot() == request.ballot()
                {
                    let progress = round.on_lost(message.acceptor, request.stage(), false);
                    self.follow(message.proposer, progress);
                }
            }
        }
        self.drop_replies_to_the_past();
    }

    fn deliver(&mut self, message: Message) {
        let Message { proposer, acceptor, body } = message;
        match body {
            Body::Request(request) => {
                let ballot = request.ballot();
                let register = &mut self.acceptors[acceptor.0 as usize];
                let reply = register.handle(&*self.rules, request);
                let body = Body::Reply(ballot, reply);
                self.network.insert(Message { proposer, acceptor, body });
            }
            Body::Reply(ballot, reply) => {
                if let Some((round, ..)) = &mut self.clients[proposer].open {
                    let progress = round.on_reply(acceptor, ballot, reply);
                    self.follow(proposer, progress);
                }
            }
        }
    }

    fn follow(&mut self, number: usize, progress: Progress<List, List>) {
        match progress {
            Progress::Wait => {}
            Progress::Send(requests) => {
                for (acceptor, request) in requests {
                    let body = Body::Request(request);
                    self.network.insert(Message { proposer: number, acceptor, body });
                }
            }
            Progress::Decide(present) => {
                if let Some((round, call, _)) = &mut self.clients[number].open {
                    let progress = round.decide(call.apply(present));
                    self.follow(number, progress);
                }
            }
            Progress::Over(end) => self.finish(number, &end),
        }
    }

    fn finish(&mut self, number: usize, end: &End<List, List>) {
        let client = &mut self.clients[number];
        let Some((_, call, before)) = client.open.take() else { return };
        client.proposer.finish((), end);
        match (&end.outcome, call) {
            (Outcome::Committed(list), _) => {
                assert!(before.iter().all(|element| list.contains(element)), "stale: {list:?}");
                self.committed.insert(list.clone());
                if let Call::Append(element) = call {
                    self.acknowledged.insert(element);
                }
            }
            (Outcome::NotApplied(_), Call::Append(element)) => {
                self.not_applied.insert(element);
            }
            (Outcome::NotApplied(_) | Outcome::Unknown(_), _) => {}
        }
    }

    /// A reply to a round that is over is passed over by everyone, so it need not be remembered.
    fn drop_replies_to_the_past(&mut self) {
        let clients = &self.clients;
        self.network.retain(|message| match &message.body {
            Body::Request(_) => true,
            Body::Reply(ballot, _) => clients[message.proposer]
                .open
                .as_ref()
                .is_some_and(|(round, ..)| round.ballot() == *ballot),
        });
    }

    /// What any later reader could find, through any prepare quorum, must hold everything that was
    /// acknowledged, nothing that was said not to have happened, and nothing twice.
    fn violation(&self, prepare: &Quorum) -> Option<String> {
        let count = self.acceptors.len();
        for quorum in (0_usize..1 << count).filter(|q| q.count_ones() as usize == prepare.size) {
            let members = self.acceptors.iter().enumerate().filter(|(a, _)| quorum & (1 << a) != 0);
            let members: Vec<_> = members.map(|(_, register)| register).collect();
            let newest = members.iter().map(|r| r.accepted).max().unwrap_or(Ballot::ZERO);
            for register in members.iter().filter(|r| r.accepted == newest) {
                let list = register.value.clone().unwrap_or_default();
                if let Some(lost) = self.acknowledged.iter().find(|e| !list.contains(e)) {
                    return Some(format!("{lost} was acknowledged and is lost from {list:?}"));
                }
                if let Some(risen) = self.not_applied.iter().find(|e| list.contains(e)) {
                    return Some(format!("{risen} was said not to have happened: {list:?}"));
                }
                if list.iter().collect::<BTreeSet<_>>().len() < list.len() {
                    return Some(format!("applied twice: {list:?}"));
                }
            }
        }
        let mut committed: Vec<_> = self.committed.iter().collect();
        committed.sort_by_key(|list| list.len());
        let fork = committed.windows(2).find(|pair| !pair[1].starts_with(pair[0]));
        fork.map(|pair| format!("two histories: {:?} and {:?}", pair[0], pair[1]))
    }

    /// Two independent hashes: with 128 bits, passing over a new state as known is not to be feared.
    ///
    /// Acceptors are interchangeable, so what belongs to each is hashed by itself and sorted.
    fn fingerprint(&self) -> (u64, u64) {
        (self.hash_with(0), self.hash_with(1))
    }

    fn hash_with(&self, salt: u64) -> u64 {
        let mut locals: Vec<u64> = (0..)
            .zip(&self.acceptors)
            .map(|(number, register)| {
                let mut hasher = DefaultHasher::new();
                (salt, register).hash(&mut hasher);
                let acceptor = AcceptorId(number);
                for message in self.network.iter().filter(|m| m.acceptor == acceptor) {
                    (message.proposer, &message.body).hash(&mut hasher);
                }
                for client in &self.clients {
                    client.open.as_ref().map(|o| o.0.phase.standing(acceptor)).hash(&mut hasher);
                }
                hasher.finish()
            })
            .collect();
        locals.sort_unstable();
        let mut hasher = DefaultHasher::new();
        (salt, locals, &self.allowance).hash(&mut hasher);
        (&self.acknowledged, &self.not_applied, &self.committed).hash(&mut hasher);
        for client in &self.clients {
            client.script.len().hash(&mut hasher);
            client.proposer.hash(&mut hasher);
            client.open.is_some().hash(&mut hasher);
            if let Some((round, call, before)) = &client.open {
                (round.ballot, round.next, round.seen, call, before).hash(&mut hasher);
                round.phase.fingerprint(&mut hasher);
            }
        }
        hasher.finish()
    }
}

pub(super) struct Setting {
    pub(super) configuration: Configuration,
    pub(super) scripts: &'static [&'static [Call]],
    pub(super) delivery: Delivery,
    pub(super) allowance: Allowance,
    pub(super) rules: Arc<dyn Rules>,
}

/// Visits every state, depth first. Returns how many there are, or the first violation.
pub(super) fn explore(setting: &Setting) -> Result<usize, String> {
    let mut visited = HashSet::new();
    let mut stack = vec![World::new(setting)];
    while let Some(world) = stack.pop() {
        if !visited.insert(world.fingerprint()) {
            continue;
        }
        if let Some(violation) = world.violation(setting.configuration.prepare()) {
            return Err(violation);
        }
        for step in world.moves() {
            let mut next = world.clone();
            next.make(step);
            stack.push(next);
        }
    }
    Ok(visited.len())
}
