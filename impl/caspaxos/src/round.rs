//! One change of one register, from its ballot to its outcome.
//!
//! ```text
//!   Proposer::begin ─ nothing cached ─► Send(prepare) ─ a quorum of promises ─┐
//!          │                                                                  ▼
//!          └────────── ballot and value cached ──────────────────────► decide(present)
//!                                                                             │
//!   Done(End) ◄─ a quorum, or no hope of one ─ Send(accept) ◄─────────────────┘
//! ```

#[cfg(test)]
mod tests;

use crate::machine::{Progress, Requests};
use crate::rules::Rules;
use crate::{AcceptorId, Ballot, Configuration, Reply, Request, Stage, VersionedValue};
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use core::hash::{Hash, Hasher};

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
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

/// Whether the transport may deliver one request more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Delivery {
    /// At most once: TCP without a retry on another connection. A conflict then proves that this
    /// acceptor did not, and will not, accept the value.
    AtMostOnce,
    /// Requests may repeat. A conflict may then answer the second copy of a request whose first
    /// copy was accepted; only an acceptor that has accepted nothing at or above the ballot proves
    /// that it refused.
    MayRepeat,
}

/// What a round is to commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Proposal<V, A> {
    /// The next content; `None` commits the present one again.
    pub next: Option<VersionedValue<V>>,
    /// What the round answers once it has committed.
    pub answer: A,
}

/// The end of a round.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct End<V, A> {
    /// What to tell the caller.
    pub outcome: Outcome<A>,
    /// The epoch of the configuration that the round ran under.
    pub(crate) epoch: u64,
    /// The highest foreign ballot that was seen: the proposer must count past it.
    pub(crate) seen: Ballot,
    /// A ballot that a prepare quorum has promised, and what it will find.
    pub(crate) cached: Option<(Ballot, VersionedValue<V>)>,
}

/// One change under way.
///
/// Rounds are equal when they stand alike, so that a model checker can tell whether it has seen
/// one. Their rules are not compared: they are meant to be the same.
#[derive(Debug, Clone)]
pub struct Round<V, A> {
    pub(crate) configuration: Arc<Configuration>,
    pub(crate) rules: Arc<dyn Rules>,
    pub(crate) delivery: Delivery,
    pub(crate) ballot: Ballot,
    pub(crate) next: Ballot,
    pub(crate) seen: Ballot,
    pub(crate) phase: Phase<V, A>,
}

impl<V, A> Round<V, A> {
    /// All that its future depends on, but the rules.
    fn state(&self) -> (&Configuration, Delivery, [Ballot; 3], &Phase<V, A>) {
        let ballots = [self.ballot, self.next, self.seen];
        (&self.configuration, self.delivery, ballots, &self.phase)
    }
}

impl<V: PartialEq, A: PartialEq> PartialEq for Round<V, A> {
    fn eq(&self, other: &Self) -> bool {
        self.state() == other.state()
    }
}

impl<V: Eq, A: Eq> Eq for Round<V, A> {}

impl<V: Hash, A: Hash> Hash for Round<V, A> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.state().hash(hasher);
    }
}

/// How far a round has come.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Phase<V, A> {
    Preparing(PreparePhase<V>),
    Accepting(AcceptPhase<V, A>),
    Over,
}

/// The promises for one ballot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    pub(crate) const fn new(waiting: BTreeSet<AcceptorId>) -> Self {
        Self { waiting, promises: 0, conflicts: 0, floor: 0, newest: (Ballot::ZERO, None) }
    }

    fn promise(
        &mut self,
        rules: &dyn Rules,
        floor: u64,
        accepted: Ballot,
        value: Option<VersionedValue<V>>,
    ) {
        let before = (self.promises > 0).then_some((self.floor, self.newest.0));
        self.promises += 1;
        self.floor = rules.floor_of_promises(before.map(|(floor, _)| floor), floor);
        if rules.outdoes(before.map(|(_, newest)| newest), accepted) {
            self.newest = (accepted, value);
        }
    }

    /// What the register holds, once a quorum has promised.
    fn present(&mut self, rules: &dyn Rules) -> VersionedValue<V> {
        let (accepted, value) = core::mem::replace(&mut self.newest, (Ballot::ZERO, None));
        // Earlier releases had registers accepted as empty, without a mark. What was collected before
        // was accepted by every acceptor, and so was below this ballot.
        let floor = self.floor.max(accepted.counter);
        value.unwrap_or_else(|| VersionedValue::nothing_since(rules.mark(floor)))
    }
}

/// The votes on one value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct AcceptPhase<V, A> {
    present: VersionedValue<V>,
    value: VersionedValue<V>,
    answer: A,
    /// The value is the present one: an incomplete accept changes nothing that anyone could see.
    keeps: bool,
    waiting: BTreeSet<AcceptorId>,
    accepted: BTreeSet<AcceptorId>,
    /// These may have accepted.
    unsure: BTreeSet<AcceptorId>,
    conflicts: usize,
}

impl<V: Clone, A: Clone> Round<V, A> {
    /// The ballot that the round runs under.
    #[must_use]
    pub const fn ballot(&self) -> Ballot {
        self.ballot
    }

    /// The configuration that it runs under, whatever the proposer has learnt since.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Whether its accepts are out.
    pub(crate) const fn is_accepting(&self) -> bool {
        matches!(self.phase, Phase::Accepting(_))
    }

    /// Asks what is to become of the present value, and sends it. Where `decide` answers `None`, the
    /// round ends, and nothing has been sent.
    pub(crate) fn decide(
        &mut self,
        present: VersionedValue<V>,
        cached: bool,
        decide: impl FnOnce(&dyn Rules, Ballot, VersionedValue<V>) -> Option<Proposal<V, A>>,
    ) -> Progress<V, End<V, A>> {
        let proposal = decide(&*self.rules, self.ballot, present.clone());
        let Some(Proposal { next, answer }) = proposal else {
            return Progress::Done(self.end(Outcome::NotApplied(Reason::Conflict), None));
        };
        let keeps = next.is_none();
        if keeps && !self.rules.confirms_unchanged(cached) {
            let kept = cached.then_some((self.ballot, present));
            return Progress::Done(self.end(Outcome::Committed(answer), kept));
        }
        let value = next.unwrap_or_else(|| present.clone());
        let request =
            Request::Accept { ballot: self.ballot, value: Some(value.clone()), promise: self.next };
        let waiting = self.configuration.accept().members.clone();
        let head = (self.configuration.epoch(), self.ballot);
        let requests = Requests::to_all(&waiting, head, &request);
        let (accepted, unsure, conflicts) = (BTreeSet::new(), BTreeSet::new(), 0);
        self.phase = Phase::Accepting(AcceptPhase {
            present,
            value,
            answer,
            keeps,
            waiting,
            accepted,
            unsure,
            conflicts,
        });
        Progress::Send(requests)
    }

    /// Takes one reply to a request that was sent under `ballot`. Repeated replies, and replies to
    /// another phase or round, are passed over. `decide` is asked when a quorum has promised.
    pub fn on_reply(
        &mut self,
        from: AcceptorId,
        ballot: Ballot,
        reply: Reply<VersionedValue<V>>,
        decide: impl FnOnce(&dyn Rules, Ballot, VersionedValue<V>) -> Option<Proposal<V, A>>,
    ) -> Progress<V, End<V, A>> {
        if ballot != self.ballot || !self.awaits(from, &reply) {
            return Progress::Wait;
        }
        if let Reply::Conflict(held) | Reply::Refused(held) = &reply {
            self.seen = self.seen.max(held.promised).max(held.accepted);
        }
        match (&mut self.phase, reply) {
            (Phase::Preparing(prepare), Reply::Promise { promise_floor, accepted, value }) => {
                prepare.promise(&*self.rules, promise_floor, accepted, value);
                if prepare.promises >= self.configuration.prepare().size {
                    let present = prepare.present(&*self.rules);
                    return self.decide(present, false, decide);
                }
            }
            (Phase::Preparing(prepare), Reply::Conflict(_)) => prepare.conflicts += 1,
            (Phase::Accepting(accept), Reply::Accepted) => {
                accept.accepted.insert(from);
            }
            (Phase::Accepting(accept), Reply::Refused(held)) => {
                accept.conflicts += 1;
                if self.delivery == Delivery::MayRepeat && held.accepted >= ballot {
                    accept.unsure.insert(from);
                }
            }
            (Phase::Preparing(_) | Phase::Accepting(_) | Phase::Over, _) => {}
        }
        self.advance()
    }

    /// Says that no reply to a request of this stage will come from this acceptor.
    /// `may_have_executed` tells whether the request may have reached it, or may do so later: only
    /// when it certainly did not, and never will, may this be false.
    pub fn on_error(
        &mut self,
        from: AcceptorId,
        stage: Stage,
        may_have_executed: bool,
    ) -> Progress<V, End<V, A>> {
        match (&mut self.phase, stage) {
            (Phase::Preparing(prepare), Stage::Prepare) => {
                prepare.waiting.remove(&from);
            }
            (Phase::Accepting(accept), Stage::Accept) => {
                if accept.waiting.remove(&from) && may_have_executed {
                    accept.unsure.insert(from);
                }
            }
            (Phase::Preparing(_) | Phase::Accepting(_) | Phase::Over, _) => {}
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
            (Phase::Preparing(_) | Phase::Accepting(_) | Phase::Over, _) => false,
        }
    }

    /// Ends the round although replies are outstanding, for this reason. `None` when it is over
    /// already.
    pub fn give_up(&mut self, reason: Reason) -> Option<End<V, A>> {
        match &self.phase {
            Phase::Over => None,
            Phase::Preparing(_) => Some(self.end(Outcome::NotApplied(reason), None)),
            Phase::Accepting(accept) if accept.keeps => {
                Some(self.incomplete(Outcome::NotApplied(reason)))
            }
            Phase::Accepting(_) => Some(self.incomplete(Outcome::Unknown(reason))),
        }
    }

    fn advance(&mut self) -> Progress<V, End<V, A>> {
        match &self.phase {
            Phase::Preparing(prepare) => {
                if prepare.promises + prepare.waiting.len() >= self.configuration.prepare().size {
                    return Progress::Wait;
                }
                let reason = reason(prepare.conflicts);
                Progress::Done(self.end(Outcome::NotApplied(reason), None))
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
                    Progress::Done(self.incomplete(Outcome::NotApplied(reason)))
                } else if traceless {
                    // The outstanding replies can still prove that no acceptor accepted.
                    Progress::Wait
                } else {
                    Progress::Done(self.incomplete(Outcome::Unknown(reason)))
                }
            }
            Phase::Over => Progress::Wait,
        }
    }

    /// A quorum accepted. The next round may skip its prepare if those who promised its ballot are
    /// a prepare quorum too, which flexible quorums do not imply.
    fn committed(&mut self) -> End<V, A> {
        let Phase::Accepting(accept) = core::mem::replace(&mut self.phase, Phase::Over) else {
            return self.end(Outcome::NotApplied(Reason::Unreachable), None);
        };
        let ahead = self.next > self.ballot;
        let promised = ahead && self.configuration.prepare().met_by(&accept.accepted);
        let cached = promised.then_some((self.next, accept.value));
        self.end(Outcome::Committed(accept.answer), cached)
    }

    fn incomplete(&mut self, outcome: Outcome<A>) -> End<V, A> {
        let kept = match &mut self.phase {
            Phase::Accepting(accept)
                if self.rules.keeps_ballot_of_incomplete_accept(accept.conflicts > 0) =>
            {
                Some((self.ballot, accept.present.clone()))
            }
            Phase::Accepting(accept)
                if accept.conflicts > 0 && self.rules.keeps_value_after_conflict() =>
            {
                let counter = self.seen.counter.max(self.next.counter) + 1;
                Some((Ballot { counter, ..self.ballot }, accept.present.clone()))
            }
            Phase::Accepting(_) | Phase::Preparing(_) | Phase::Over => None,
        };
        self.end(outcome, kept)
    }

    fn end(
        &mut self,
        outcome: Outcome<A>,
        cached: Option<(Ballot, VersionedValue<V>)>,
    ) -> End<V, A> {
        self.phase = Phase::Over;
        let epoch = self.configuration.epoch();
        End { outcome, epoch, seen: self.seen, cached }
    }
}

/// Why a quorum was not had.
const fn reason(conflicts: usize) -> Reason {
    if conflicts > 0 { Reason::Conflict } else { Reason::Unreachable }
}

#[cfg(test)]
impl<V: Hash, A: Hash> Phase<V, A> {
    /// Which replies it waits for.
    pub(crate) const fn stage(&self) -> Stage {
        match self {
            Self::Preparing(_) => Stage::Prepare,
            Self::Accepting(_) | Self::Over => Stage::Accept,
        }
    }

    /// What the phase knows of one acceptor.
    pub(crate) fn state(&self, acceptor: AcceptorId) -> (bool, bool, bool) {
        match self {
            Self::Preparing(prepare) => (prepare.waiting.contains(&acceptor), false, false),
            Self::Accepting(accept) => (
                accept.waiting.contains(&acceptor),
                accept.accepted.contains(&acceptor),
                accept.unsure.contains(&acceptor),
            ),
            Self::Over => (false, false, false),
        }
    }

    /// What the phase knows beside that.
    pub(crate) fn fingerprint(&self, hasher: &mut impl Hasher) {
        core::mem::discriminant(self).hash(hasher);
        match self {
            Self::Preparing(prepare) => {
                (prepare.promises, prepare.conflicts, prepare.floor, &prepare.newest).hash(hasher);
            }
            Self::Accepting(accept) => {
                (&accept.present, &accept.value, &accept.answer, accept.keeps, accept.conflicts)
                    .hash(hasher);
            }
            Self::Over => {}
        }
    }
}
