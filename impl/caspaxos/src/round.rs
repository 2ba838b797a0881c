//! One change of one register, from its ballot to its outcome.
//!
//! ```text
//!   Proposer::begin ─ nothing cached ─► Send(prepare) ─ a quorum of promises ─┐
//!          │                                                                  ▼
//!          └────────── ballot and value cached ──────────────────────► decide(present)
//!                                                                             │
//!   Done(RoundResult) ◄─ a quorum, or no hope of one ─ Send(accept) ◄─────────┘
//! ```

#[cfg(test)]
mod fingerprint;
#[cfg(any(test, feature = "mutants"))]
mod mutants;
#[cfg(any(test, feature = "testing"))]
mod testing;
#[cfg(test)]
mod tests;

use crate::{
    AcceptorId, Ballot, Configuration, Progress, Reply, Request, RequestId, Requests, Stage,
    VersionedValue,
};
use alloc::collections::BTreeSet;
use alloc::sync::Arc;

/// What a change function makes of the present value, and what its caller is to be told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Decision<V, A> {
    /// The next value; `None` empties the register.
    Put(Option<V>, A),
    /// The present value stays: a read, or a refusal. It is committed all the same, because an
    /// answer must have been true at some instant of the call.
    Keep(A),
}

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome<A> {
    /// A quorum accepted. This is the change function's answer.
    Committed(A),
    /// The register is, and will stay, as if the change had never been asked for.
    NotApplied(Reason),
    /// The change may have happened, or may take effect at any later time.
    Unknown(Reason),
}

/// Why a change did not commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Another proposer held higher ballots. Worth another try.
    Conflict,
    /// Too few acceptors answered.
    Unreachable,
    /// The caller's deadline came first.
    Deadline,
    /// The change may have been accepted, and the register has since been collected, or changed by so
    /// many proposers, that its lineage does not tell whether this change is among its ancestors.
    LineageForgotten,
    /// The counter of the cluster's ballots, or of the register's versions, has come to
    /// [`crate::HIGHEST_NUMBER`].
    CounterUsedUp,
}

/// What a round is to commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proposal<V> {
    /// The next content.
    Put(VersionedValue<V>),
    /// The present content, once more.
    Keep,
    /// Nothing: the round ends, and nothing has been sent for it.
    Withdraw,
}

/// How a round ended, and what its proposer learns from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoundResult<V> {
    pub(crate) outcome: Outcome<()>,
    /// The epoch of the configuration that the round ran under.
    pub(crate) epoch: u64,
    /// The highest foreign ballot that was seen: the proposer must count past it.
    pub(crate) seen: Ballot,
    /// A ballot that a prepare quorum has promised, and what it will find.
    pub(crate) cached: Option<(Ballot, VersionedValue<V>)>,
}

/// One change under way.
#[derive(Debug, Clone)]
pub(crate) struct Round<V> {
    pub(crate) configuration: Arc<Configuration>,
    #[cfg(any(test, feature = "mutants"))]
    pub(crate) rules: Arc<dyn crate::Rules>,
    /// Whether the transport may repeat requests.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) repeats: bool,
    pub(crate) ballot: Ballot,
    pub(crate) next: Ballot,
    pub(crate) seen: Ballot,
    pub(crate) phase: Phase<V>,
}

/// How far a round has come.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Phase<V> {
    Preparing(PreparePhase<V>),
    Accepting(AcceptPhase<V>),
    /// Before the first request and after the last reply.
    Idle,
}

/// The promises for one ballot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PreparePhase<V> {
    waiting: BTreeSet<AcceptorId>,
    promises: usize,
    conflicts: usize,
    /// The highest promise floor of those who promised.
    floor: u64,
    /// What the promise with the highest accepted ballot brought.
    newest: (Ballot, Option<VersionedValue<V>>),
}

impl<V> PreparePhase<V> {
    fn promise(&mut self, floor: u64, accepted: Ballot, value: Option<VersionedValue<V>>) {
        self.promises += 1;
        self.floor = self.floor.max(floor);
        if accepted > self.newest.0 {
            self.newest = (accepted, value);
        }
    }

    /// What the register holds, once a quorum has promised.
    fn present(&mut self) -> VersionedValue<V> {
        let (accepted, value) = core::mem::replace(&mut self.newest, (Ballot::ZERO, None));
        // Earlier releases had registers accepted as empty, without a mark. What was collected before
        // was accepted by every acceptor, and so was below this ballot.
        let floor = self.floor.max(accepted.counter);
        value.unwrap_or_else(|| VersionedValue::nothing_since(Ballot::at_floor(floor)))
    }
}

/// The votes on one value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AcceptPhase<V> {
    /// What was found.
    #[cfg(any(test, feature = "mutants"))]
    present: VersionedValue<V>,
    value: VersionedValue<V>,
    /// The value is the present one: an incomplete accept changes nothing that anyone could see.
    keeps: bool,
    waiting: BTreeSet<AcceptorId>,
    accepted: BTreeSet<AcceptorId>,
    /// These may have accepted.
    unsure: BTreeSet<AcceptorId>,
    conflicts: usize,
}

impl<V> Round<V> {
    /// The ballot that the round runs under.
    pub(crate) const fn ballot(&self) -> Ballot {
        self.ballot
    }

    /// The configuration that it runs under, whatever the proposer has learnt since.
    pub(crate) fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Whether its accepts are out.
    pub(crate) const fn is_accepting(&self) -> bool {
        matches!(self.phase, Phase::Accepting(_))
    }
}

impl<V: Clone> Round<V> {
    /// Goes on from what is cached, or asks for promises.
    pub(crate) fn start(
        &mut self,
        cached: Option<VersionedValue<V>>,
        decide: impl FnOnce(Ballot, &VersionedValue<V>) -> Proposal<V>,
    ) -> Progress<V, RoundResult<V>> {
        match cached {
            Some(present) => self.decide(present, decide),
            None => Progress::Send(self.prepare()),
        }
    }

    /// Asks for promises.
    pub(crate) fn prepare(&mut self) -> Requests<V> {
        let (waiting, newest) =
            (self.configuration.prepare().members.clone(), (Ballot::ZERO, None));
        let request = Request::Prepare { ballot: self.ballot };
        let requests = Requests::to_all(&waiting, self.configuration.epoch(), &request);
        let prepare = PreparePhase { waiting, promises: 0, conflicts: 0, floor: 0, newest };
        self.phase = Phase::Preparing(prepare);
        requests
    }

    /// Asks what is to become of the present value, and sends it.
    fn decide(
        &mut self,
        present: VersionedValue<V>,
        decide: impl FnOnce(Ballot, &VersionedValue<V>) -> Proposal<V>,
    ) -> Progress<V, RoundResult<V>> {
        let proposal = decide(self.ballot, &present);
        #[cfg(any(test, feature = "mutants"))]
        let found = present.clone();
        #[cfg(any(test, feature = "mutants"))]
        if let Some(result) = self.unconfirmed(&proposal, &found) {
            return Progress::Done(result);
        }
        let (value, keeps) = match proposal {
            Proposal::Put(next) => (next, false),
            Proposal::Keep => (present, true),
            Proposal::Withdraw => {
                return Progress::Done(self.end(Outcome::NotApplied(Reason::Conflict), None));
            }
        };
        let request =
            Request::Accept { ballot: self.ballot, value: Some(value.clone()), promise: self.next };
        let waiting = self.configuration.accept().members.clone();
        let requests = Requests::to_all(&waiting, self.configuration.epoch(), &request);
        self.phase = Phase::Accepting(AcceptPhase {
            #[cfg(any(test, feature = "mutants"))]
            present: found,
            value,
            keeps,
            waiting,
            accepted: BTreeSet::new(),
            unsure: BTreeSet::new(),
            conflicts: 0,
        });
        Progress::Send(requests)
    }

    /// Takes a reply. Repeated replies, and replies to another phase or round, are passed over. `decide` is
    /// asked when a quorum has promised.
    pub(crate) fn on_reply(
        &mut self,
        id: RequestId,
        reply: Reply<VersionedValue<V>>,
        decide: impl FnOnce(Ballot, &VersionedValue<V>) -> Proposal<V>,
    ) -> Progress<V, RoundResult<V>> {
        if id.ballot != self.ballot || !self.awaits(id.acceptor, &reply) {
            return Progress::Wait;
        }
        #[cfg(any(test, feature = "mutants"))]
        let reply = self.misheard(reply);
        if let Reply::Conflict(held) | Reply::Refused(held) = &reply {
            self.seen = self.seen.max(held.promised).max(held.accepted);
            #[cfg(any(test, feature = "testing"))]
            self.suspect_repetition(id.acceptor, *held);
        }
        match (&mut self.phase, reply) {
            (Phase::Preparing(prepare), Reply::Promise { promise_floor, accepted, value }) => {
                prepare.promise(promise_floor, accepted, value);
                if prepare.promises >= self.configuration.prepare().size {
                    let present = prepare.present();
                    return self.decide(present, decide);
                }
            }
            (Phase::Preparing(prepare), Reply::Conflict(_)) => prepare.conflicts += 1,
            (Phase::Accepting(accept), Reply::Accepted) => {
                accept.accepted.insert(id.acceptor);
            }
            (Phase::Accepting(accept), Reply::Refused(_)) => accept.conflicts += 1,
            (Phase::Preparing(_) | Phase::Accepting(_) | Phase::Idle, _) => {}
        }
        self.advance()
    }

    /// Says that a request will get no reply. `may_have_executed` tells whether it may have reached its
    /// acceptor, or may do so later: only when it certainly did not, and never will, may this be false.
    pub(crate) fn on_error(
        &mut self,
        id: RequestId,
        may_have_executed: bool,
    ) -> Progress<V, RoundResult<V>> {
        if id.ballot != self.ballot {
            return Progress::Wait;
        }
        match (&mut self.phase, id.stage) {
            (Phase::Preparing(prepare), Stage::Prepare) => {
                prepare.waiting.remove(&id.acceptor);
            }
            (Phase::Accepting(accept), Stage::Accept) => {
                if accept.waiting.remove(&id.acceptor) && may_have_executed {
                    accept.unsure.insert(id.acceptor);
                }
            }
            (Phase::Preparing(_) | Phase::Accepting(_) | Phase::Idle, _) => {}
        }
        self.advance()
    }

    /// Whether this reply belongs to the phase and is the first from its acceptor; if so, the
    /// acceptor is waited for no longer.
    fn awaits(&mut self, from: AcceptorId, reply: &Reply<VersionedValue<V>>) -> bool {
        match (&mut self.phase, reply) {
            (Phase::Preparing(prepare), Reply::Promise { .. } | Reply::Conflict(_)) => {
                prepare.waiting.remove(&from)
            }
            (Phase::Accepting(accept), Reply::Accepted | Reply::Refused(_)) => {
                accept.waiting.remove(&from)
            }
            (Phase::Preparing(_) | Phase::Accepting(_) | Phase::Idle, _) => false,
        }
    }

    /// Ends the round although replies are outstanding, for this reason. `None` when it is over
    /// already.
    pub(crate) fn give_up(&mut self, reason: Reason) -> Option<RoundResult<V>> {
        let outcome = match &self.phase {
            Phase::Idle => return None,
            Phase::Accepting(accept) if !accept.keeps => Outcome::Unknown(reason),
            Phase::Preparing(_) | Phase::Accepting(_) => Outcome::NotApplied(reason),
        };
        Some(self.end(outcome, None))
    }

    fn advance(&mut self) -> Progress<V, RoundResult<V>> {
        let outcome = match &self.phase {
            Phase::Idle => return Progress::Wait,
            Phase::Preparing(prepare) => {
                if prepare.promises + prepare.waiting.len() >= self.configuration.prepare().size {
                    return Progress::Wait;
                }
                Outcome::NotApplied(reason(prepare.conflicts))
            }
            Phase::Accepting(accept) => {
                let quorum = self.configuration.accept();
                if accept.accepted.len() >= quorum.size {
                    return Progress::Done(self.committed());
                }
                if accept.accepted.len() + accept.waiting.len() >= quorum.size {
                    return Progress::Wait;
                }
                let reason = reason(accept.conflicts);
                let traceless = accept.accepted.is_empty() && accept.unsure.is_empty();
                if accept.keeps || (traceless && accept.waiting.is_empty()) {
                    Outcome::NotApplied(reason)
                } else if traceless {
                    // The outstanding replies can still prove that no acceptor accepted.
                    return Progress::Wait;
                } else {
                    Outcome::Unknown(reason)
                }
            }
        };
        Progress::Done(self.end(outcome, None))
    }

    /// A quorum accepted. The next round may skip its prepare if those who promised its ballot are
    /// a prepare quorum too, which flexible quorums do not imply.
    fn committed(&mut self) -> RoundResult<V> {
        let cached = match core::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Accepting(accept) => {
                let ahead = self.next > self.ballot;
                let promised = ahead && self.configuration.prepare().met_by(&accept.accepted);
                promised.then_some((self.next, accept.value))
            }
            Phase::Preparing(_) | Phase::Idle => None,
        };
        self.end(Outcome::Committed(()), cached)
    }

    fn end(
        &mut self,
        outcome: Outcome<()>,
        cached: Option<(Ballot, VersionedValue<V>)>,
    ) -> RoundResult<V> {
        #[cfg(any(test, feature = "mutants"))]
        let cached = cached.or_else(|| self.kept());
        self.phase = Phase::Idle;
        RoundResult { outcome, epoch: self.configuration.epoch(), seen: self.seen, cached }
    }
}

/// Why a quorum was not had.
const fn reason(conflicts: usize) -> Reason {
    if conflicts > 0 { Reason::Conflict } else { Reason::Unreachable }
}
