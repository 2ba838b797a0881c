//! How the store's machines are driven on virtual time: all three alike, as `impl/gryadka` drives them.

use super::network::{Letter, Origin, Task};
use super::{Key, World};
use crate::change::{Content, Shared};
use crate::message::{OpId, Phase};
use caspaxos::{
    AcceptorId, Context, Machine, Progress, Proposer, Reply, RequestId, Requests, Stage,
};

/// What has come of a request.
pub(super) enum Answer {
    Reply(Reply<Content>),
    Error { may_have_executed: bool },
}

impl Answer {
    pub(super) fn hand_to<M: Machine<Key, Shared>>(
        self,
        id: RequestId,
        machine: &mut M,
        context: &mut Context<'_, Key, Shared>,
    ) {
        match self {
            Self::Reply(reply) => machine.on_reply(context, id, reply),
            Self::Error { may_have_executed } => machine.on_error(context, id, may_have_executed),
        }
    }
}

impl Origin {
    pub(super) const fn request_id(&self) -> RequestId {
        let stage = match self.phase {
            Phase::Prepare => Stage::Prepare,
            Phase::Accept => Stage::Accept,
            Phase::Read => Stage::Read,
            Phase::Collect | Phase::Control => Stage::Collect,
        };
        RequestId { acceptor: AcceptorId(self.acceptor), ballot: self.ballot, stage }
    }
}

/// Lets a machine that draws nothing take a step. Answers what is to be done, in order.
pub(super) fn step<M: Machine<Key, Shared>>(
    machine: &mut M,
    (proposer, key, now): (&mut Proposer<Key, Shared>, &Key, u64),
    step: impl FnOnce(&mut M, &mut Context<'_, Key, Shared>),
) -> Vec<Progress<Shared, M::Outcome>> {
    step(machine, &mut Context { proposer, key, now, draw: &mut |_| 0 });
    polled(machine)
}

/// What a machine asks for after a step, in order.
pub(super) fn polled<M: Machine<Key, Shared>>(
    machine: &mut M,
) -> Vec<Progress<Shared, M::Outcome>> {
    std::iter::from_fn(|| match machine.poll() {
        Progress::Wait => None,
        progress @ (Progress::Send(_) | Progress::Done(_)) => Some(progress),
    })
    .collect()
}

/// The machine whose requests are sent.
pub(super) struct Sender {
    pub(super) task: Task,
    pub(super) op: OpId,
    pub(super) attempt: u32,
    pub(super) proposer: u32,
    pub(super) key: Key,
}

impl World<'_> {
    /// Sends what a machine asks for.
    pub(super) fn send_requests(&mut self, sender: &Sender, requests: Requests<Shared>) {
        let Sender { task, op, attempt, proposer, ref key } = *sender;
        let Requests { epoch, requests } = requests;
        let life = self.process(proposer).life;
        for (RequestId { acceptor, ballot, stage }, request) in requests {
            let (phase, acceptor, copy, key) = (stage.into(), acceptor.0, 0, key.clone());
            let origin =
                Origin { task, op, attempt, phase, proposer, life, acceptor, copy, key, ballot };
            self.send_request(origin, Letter::Register(epoch, request));
        }
    }

    /// The machine that has sent a request takes up what has come of it.
    pub(super) fn hand_in(&mut self, origin: &Origin, answer: Answer) {
        match origin.task {
            Task::Round => self.on_round_answer(origin, answer),
            Task::Read => self.on_read_answer(origin, answer),
            Task::Collection => self.on_collection_answer(origin, answer),
            Task::Procedure | Task::Learning => {}
        }
    }
}
