//! A small cluster as a model: its states, and what leads from one to the next.
//!
//! The network has no order and loses anything, which needs no step of its own: a message that is
//! lost is one that never arrives. A loss is a step only where the proposer is told of it.

use super::calls::{self, Call, History, List, Return};
use crate::round::{Proposal, Round, RoundResult};
use crate::{
    AcceptorId, Ballot, Faithful, Outcome, Progress, Proposer, Reason, Register, Reply, Request,
    RequestId, Requests, VersionedValue,
};
use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use stateright::semantics::ConsistencyTester;
use stateright::{Model, Property};
use std::fmt;

/// What is explored: proposers, each with the calls that its client makes one after another.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) acceptors: usize,
    pub(super) clients: Vec<(Proposer<(), List>, &'static [Call])>,
    pub(super) allowance: Allowance,
    /// Whether one client's call may begin while another's is open.
    pub(super) concurrent: bool,
    /// Whether it must also be seen that calls commit, fail, and stay unknown: the law is no less
    /// kept by a cluster that does nothing.
    pub(super) witnesses: bool,
}

/// How often, in all, along one schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Allowance {
    /// A client stops waiting.
    pub(super) give_ups: usize,
    /// The proposer is told of a loss.
    pub(super) reported_losses: usize,
    /// A request arrives and stays under way, to arrive once more or never.
    pub(super) repeats: usize,
}

/// For give-ups: as often as there are calls, so they need not be counted.
pub(super) const ANY: usize = usize::MAX;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    acceptors: Vec<Register<VersionedValue<List>>>,
    clients: Vec<Client>,
    network: BTreeSet<Message>,
    allowance: Allowance,
    history: History,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Client {
    proposer: Proposer<(), List>,
    /// What it was told at the end of each call; nothing when the outcome is unknown.
    told: Vec<Option<Return>>,
    open: Option<Open>,
}

/// A call under way, and what its change function has answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Open {
    round: Round<List>,
    call: Call,
    answer: List,
}

/// Between the proposer and the acceptor of these numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Message {
    client: usize,
    acceptor: AcceptorId,
    body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Body {
    Request(Request<VersionedValue<List>>),
    Reply(RequestId, Reply<VersionedValue<List>>),
}

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Begin(usize, Call),
    GiveUp(usize),
    Deliver(Message),
    Repeat(Message),
    /// The request never arrives, and the proposer is told so.
    ReportUnsent(Message),
    /// The proposer is told that no reply will come, but the request may still arrive.
    ReportSilent(Message),
}

impl Model for Cluster {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let clients = self.clients.iter().map(|(proposer, _)| Client {
            proposer: proposer.clone(),
            told: Vec::new(),
            open: None,
        });
        vec![State {
            acceptors: vec![Register::default(); self.acceptors],
            clients: clients.collect(),
            network: BTreeSet::new(),
            allowance: self.allowance,
            history: calls::history(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let quiet = state.clients.iter().all(|client| client.open.is_none());
        for (number, (client, (_, script))) in state.clients.iter().zip(&self.clients).enumerate() {
            match (&client.open, script.get(client.told.len())) {
                (Some(_), _) if state.allowance.give_ups > 0 => {
                    actions.push(Action::GiveUp(number))
                }
                (None, Some(&call)) if self.concurrent || quiet => {
                    actions.push(Action::Begin(number, call))
                }
                (Some(_) | None, _) => {}
            }
        }
        for message in &state.network {
            actions.push(Action::Deliver(message.clone()));
            // A repeated reply is passed over, as a test of the round shows.
            if state.allowance.repeats > 0 && matches!(message.body, Body::Request(_)) {
                actions.push(Action::Repeat(message.clone()));
            }
            if state.allowance.reported_losses > 0 && state.awaits_answer_to(message) {
                actions.push(Action::ReportUnsent(message.clone()));
                actions.push(Action::ReportSilent(message.clone()));
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Begin(client, call) => next.begin(client, call),
            Action::GiveUp(client) => next.give_up(client),
            Action::Deliver(message) => {
                next.network.remove(&message);
                next.deliver(message);
            }
            Action::Repeat(message) => {
                next.allowance.repeats -= 1;
                next.deliver(message);
            }
            Action::ReportUnsent(message) => {
                next.network.remove(&message);
                next.report(&message, false);
            }
            Action::ReportSilent(message) => next.report(&message, true),
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let law = |_: &Self, state: &State| state.history.is_consistent();
        let mut properties = vec![Property::always(LINEARIZABLE, law)];
        if self.witnesses {
            properties.extend([
                Property::sometimes("every call commits", Self::all_committed),
                Property::sometimes("a call is not applied", |_, state: &State| {
                    let mut told = state.clients.iter().flat_map(|client| &client.told);
                    told.any(|told| *told == Some(Return::NotApplied))
                }),
                Property::sometimes("a change of unknown outcome is read", Self::unknown_is_read),
            ]);
        }
        properties
    }
}

impl Cluster {
    fn all_committed(&self, state: &State) -> bool {
        let calls: usize = self.clients.iter().map(|(_, script)| script.len()).sum();
        state.lists().count() == calls
    }

    fn unknown_is_read(&self, state: &State) -> bool {
        let mut clients = state.clients.iter().zip(&self.clients);
        clients.any(|(client, (_, script))| {
            let mut ended = client.told.iter().zip(*script);
            ended.any(|(told, call)| told.is_none() && state.is_read(*call))
        })
    }
}

/// The name of the law.
pub(super) const LINEARIZABLE: &str = "linearizable";

impl State {
    fn begin(&mut self, number: usize, call: Call) {
        let client = &mut self.clients[number];
        calls::invoke(&mut self.history, (number, client.told.len()), call);
        let (mut round, cached) = client.proposer.begin(&()).expect("its counter has room");
        let mut answer = List::new();
        let progress = round.start(cached, |_, present| change(call, present, &mut answer));
        client.open = Some(Open { round, call, answer });
        self.follow(number, progress);
    }

    fn give_up(&mut self, number: usize) {
        if self.allowance.give_ups < ANY {
            self.allowance.give_ups -= 1;
        }
        let open = self.clients[number].open.as_mut();
        if let Some(result) = open.and_then(|open| open.round.give_up(Reason::Deadline)) {
            self.finish(number, result);
        }
    }

    fn deliver(&mut self, message: Message) {
        let Message { client, acceptor, body } = message;
        match body {
            Body::Request(request) => {
                let (ballot, stage) = (request.ballot(), request.stage());
                let id = RequestId { acceptor, ballot, stage };
                let reply = self.acceptors[acceptor.0 as usize].handle(&Faithful, 0, request);
                // Nobody hears a reply to a round that is over.
                if self.open_under(client, ballot) {
                    let body = Body::Reply(id, reply);
                    self.network.insert(Message { client, acceptor, body });
                }
            }
            Body::Reply(id, reply) => {
                if let Some(Open { round, call, answer }) = &mut self.clients[client].open {
                    let decide = |_, present: &_| change(*call, present, answer);
                    let progress = round.on_reply(id, reply, decide);
                    self.follow(client, progress);
                }
            }
        }
    }

    fn report(&mut self, message: &Message, may_have_executed: bool) {
        self.allowance.reported_losses -= 1;
        let Body::Request(request) = &message.body else { return };
        let (acceptor, ballot, stage) = (message.acceptor, request.ballot(), request.stage());
        if let Some(open) = &mut self.clients[message.client].open {
            let id = RequestId { acceptor, ballot, stage };
            let progress = open.round.on_error(id, may_have_executed);
            self.follow(message.client, progress);
        }
    }

    fn follow(&mut self, number: usize, progress: Progress<List, RoundResult<List>>) {
        match progress {
            Progress::Wait => {}
            Progress::Send(Requests { requests, .. }) => {
                self.network.extend(requests.into_iter().map(|(id, request)| Message {
                    client: number,
                    acceptor: id.acceptor,
                    body: Body::Request(request),
                }));
            }
            Progress::Done(result) => self.finish(number, result),
        }
    }

    fn finish(&mut self, number: usize, result: RoundResult<List>) {
        let client = &mut self.clients[number];
        let outcome = result.outcome;
        client.proposer.finish((), result);
        let answer = client.open.take().map(|open| open.answer).unwrap_or_default();
        let returned = match outcome {
            Outcome::Committed(()) => Some(Return::Committed(answer)),
            Outcome::NotApplied(_) => Some(Return::NotApplied),
            Outcome::Unknown(_) => None,
        };
        if let Some(returned) = &returned {
            let id = (number, client.told.len());
            calls::return_from(&mut self.history, id, returned.clone());
        }
        client.told.push(returned);
        self.network.retain(|m| m.client != number || matches!(m.body, Body::Request(_)));
    }

    /// The lists that clients were given.
    fn lists(&self) -> impl Iterator<Item = &List> {
        self.clients.iter().flat_map(|client| &client.told).filter_map(|told| match told {
            Some(Return::Committed(list)) => Some(list),
            Some(Return::NotApplied) | None => None,
        })
    }

    fn is_read(&self, call: Call) -> bool {
        matches!(call, Call::Append(element) if self.lists().any(|list| list.contains(&element)))
    }

    fn open_under(&self, client: usize, ballot: Ballot) -> bool {
        let open = self.clients[client].open.as_ref();
        open.is_some_and(|open| open.round.ballot() == ballot)
    }

    /// Whether this is a request of a round that is still open.
    fn awaits_answer_to(&self, message: &Message) -> bool {
        match &message.body {
            Body::Request(request) => self.open_under(message.client, request.ballot()),
            Body::Reply(..) => false,
        }
    }
}

/// What a call makes of the present list, and what it answers.
fn change(call: Call, present: &VersionedValue<List>, answer: &mut List) -> Proposal<List> {
    let mut list = present.value.clone().unwrap_or_default();
    let proposal = match call {
        Call::Append(element) => {
            list.push(element);
            let value = Some(list.clone());
            Proposal::Put(VersionedValue { version: 1, value, ..present.clone() })
        }
        Call::Read => Proposal::Keep,
    };
    *answer = list;
    proposal
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin(client, Call::Append(element)) => {
                write!(f, "p{} begins to append {element}", client + 1)
            }
            Self::Begin(client, Call::Read) => write!(f, "p{} begins to read", client + 1),
            Self::GiveUp(client) => write!(f, "p{} gives up", client + 1),
            Self::Deliver(message) => message.fmt(f),
            Self::Repeat(message) => write!(f, "{message} (to be repeated)"),
            Self::ReportUnsent(message) => write!(f, "never sent: {message}"),
            Self::ReportSilent(message) => write!(f, "given up on: {message}"),
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (client, acceptor) = (self.client + 1, self.acceptor.0 + 1);
        match &self.body {
            Body::Request(Request::Prepare { ballot }) => {
                write!(f, "p{client} → a{acceptor}: prepare {ballot}")
            }
            Body::Request(Request::Accept { ballot, value, promise }) => {
                let list = list(value.as_ref());
                write!(
                    f,
                    "p{client} → a{acceptor}: accept {list} under {ballot}, promise {promise}"
                )
            }
            // No proposer of these cases reads without a round, copies or collects.
            Body::Request(request @ (Request::Read | Request::Collect { .. })) => {
                write!(f, "p{client} → a{acceptor}: {request:?}")
            }
            Body::Reply(id, reply) => {
                write!(f, "a{acceptor} → p{client}: to {}, ", id.ballot)?;
                match reply {
                    Reply::Promise { value: None, .. } => f.write_str("promised; holds nothing"),
                    Reply::Promise { accepted, value, .. } => {
                        write!(f, "promised; holds {} of {accepted}", list(value.as_ref()))
                    }
                    Reply::Accepted => f.write_str("accepted"),
                    Reply::Conflict(held) => write!(f, "conflict with {}", held.promised),
                    Reply::Refused(held) => write!(f, "refused for {}", held.promised),
                    Reply::Current { .. } | Reply::Erased(_) => {
                        write!(f, "{reply:?}")
                    }
                }
            }
        }
    }
}

fn list(value: Option<&VersionedValue<List>>) -> String {
    let list = value.and_then(|cell| cell.value.as_ref());
    list.map_or_else(|| "nothing".to_owned(), |list| list.iter().collect())
}
