//! One change of one register, from its ballot to its outcome, as a step machine.

#[cfg(test)]
mod tests;

use crate::rules::Rules;
use crate::{AcceptorId, Ballot, Configuration, Reply, Request, Stage};
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
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

/// What the driver is to do next.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Progress<V, A> {
    /// Wait for more replies.
    Wait,
    /// Send these requests.
    Send(Vec<(AcceptorId, Request<V>)>),
    /// Apply the change function to this value and call [`Round::decide`].
    Decide(Option<V>),
    /// It is over; give the end to [`crate::Proposer::finish`].
    Over(End<V, A>),
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
    /// A ballot that a prepare quorum has promised, and the value that it will find.
    pub(crate) cached: Option<(Ballot, Option<V>)>,
}

/// One change under way. See the crate's documentation for the driver's contract.
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

/// Where a round stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Phase<V, A> {
    Preparing(PreparePhase<V>),
    Deciding { present: Option<V>, cached: bool },
    Accepting(AcceptPhase<V, A>),
    Over,
}

/// The promises for one ballot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PreparePhase<V> {
    waiting: BTreeSet<AcceptorId>,
    promises: usize,
    conflicts: usize,
    /// What the promise with the highest accepted ballot brought.
    newest: (Ballot, Option<V>),
}

impl<V> PreparePhase<V> {
    pub(crate) const fn new(waiting: BTreeSet<AcceptorId>) -> Self {
        Self { waiting, promises: 0, conflicts: 0, newest: (Ballot::ZERO, None) }
    }

    fn promise(&mut self, rules: &dyn Rules, accepted: Ballot, value: Option<V>) {
        let newest = (self.promises > 0).then_some(self.newest.0);
        self.promises += 1;
        if rules.outdoes(newest, accepted) {
            self.newest = (accepted, value);
        }
    }
}

/// The votes on one value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct AcceptPhase<V, A> {
    present: Option<V>,
    value: Option<V>,
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

    /// Takes what the change function made of the present value. Does nothing unless the round had
    /// asked for it with [`Progress::Decide`].
    pub fn decide(&mut self, step: Decision<V, A>) -> Progress<V, A> {
        let Phase::Deciding { present, cached } = &mut self.phase else { return Progress::Wait };
        let (present, cached) = (present.take(), *cached);
        let (value, answer, keeps) = match step {
            Decision::Put(value, answer) => (value, answer, false),
            Decision::Keep(answer) if !self.rules.confirms_unchanged(cached) => {
                let kept = cached.then_some((self.ballot, present));
                return Progress::Over(self.end(Outcome::Committed(answer), kept));
            }
            Decision::Keep(answer) => (present.clone(), answer, true),
        };
        let request =
            Request::Accept { ballot: self.ballot, value: value.clone(), promise: self.next };
        let waiting = self.configuration.accept().members.clone();
        let requests = waiting.iter().map(|&acceptor| (acceptor, request.clone())).collect();
        let (accepted, unsure) = (BTreeSet::new(), BTreeSet::new());
        self.phase = Phase::Accepting(AcceptPhase {
            present,
            value,
            answer,
            keeps,
            waiting,
            accepted,
            unsure,
            conflicts: 0,
        });
        Progress::Send(requests)
    }

    /// Takes one reply to a request that was sent under `ballot`. Repeated replies, and replies to
    /// another phase or round, are passed over.
    pub fn on_reply(
        &mut self,
        from: AcceptorId,
        ballot: Ballot,
        reply: Reply<V>,
    ) -> Progress<V, A> {
        if ballot != self.ballot || !self.awaits(from, &reply) {
            return Progress::Wait;
        }
        if let Reply::Conflict(held) | Reply::Refused(held) = &reply {
            self.seen = self.seen.max(held.promised).max(held.accepted);
        }
        match (&mut self.phase, reply) {
            (Phase::Preparing(canvass), Reply::Promise { accepted, value }) => {
                canvass.promise(&*self.rules, accepted, value);
            }
            (Phase::Preparing(canvass), Reply::Conflict(_)) => canvass.conflicts += 1,
            (Phase::Accepting(vote), Reply::Accepted) => {
                vote.accepted.insert(from);
            }
            (Phase::Accepting(vote), Reply::Refused(held)) => {
                vote.conflicts += 1;
                if self.delivery == Delivery::MayRepeat && held.accepted >= ballot {
                    vote.unsure.insert(from);
                }
            }
            (
                Phase::Preparing(_) | Phase::Deciding { .. } | Phase::Accepting(_) | Phase::Over,
                _,
            ) => {}
        }
        self.advance()
    }

    /// Says that no reply to a request of this stage will come from this acceptor. `delivered`
    /// tells whether the request may have reached it, or may do so later: only when it certainly
    /// did not, and never will, may this be false.
    pub fn on_error(
        &mut self,
        from: AcceptorId,
        stage: Stage,
        may_have_executed: bool,
    ) -> Progress<V, A> {
        match (&mut self.phase, stage) {
            (Phase::Preparing(canvass), Stage::Prepare) => {
                canvass.waiting.remove(&from);
            }
            (Phase::Accepting(vote), Stage::Accept) => {
                if vote.waiting.remove(&from) && may_have_executed {
                    vote.unsure.insert(from);
                }
            }
            (
                Phase::Preparing(_) | Phase::Deciding { .. } | Phase::Accepting(_) | Phase::Over,
                _,
            ) => {}
        }
        self.advance()
    }

    /// Whether this reply belongs to the phase and is the first from its acceptor; if so, the
    /// acceptor is waited for no longer.
    fn awaits(&mut self, from: AcceptorId, reply: &Reply<V>) -> bool {
        match (&mut self.phase, reply) {
            (Phase::Preparing(canvass), Reply::Promise { .. } | Reply::Conflict(_)) => {
                canvass.waiting.remove(&from)
            }
            (Phase::Accepting(vote), Reply::Accepted | Reply::Refused(_)) => {
                vote.waiting.remove(&from)
            }
            (
                Phase::Preparing(_) | Phase::Deciding { .. } | Phase::Accepting(_) | Phase::Over,
                _,
            ) => false,
        }
    }

    /// Ends the round although replies are outstanding, and says reason. `None` when it is over
    /// already.
    pub fn give_up(&mut self, reason: Reason) -> Option<End<V, A>> {
        match &self.phase {
            Phase::Over => None,
            Phase::Preparing(_) | Phase::Deciding { .. } => {
                Some(self.end(Outcome::NotApplied(reason), None))
            }
            Phase::Accepting(vote) => {
                let keeps = vote.keeps;
                Some(self.incomplete(if keeps {
                    Outcome::NotApplied(reason)
                } else {
                    Outcome::Unknown(reason)
                }))
            }
        }
    }

    fn advance(&mut self) -> Progress<V, A> {
        match &mut self.phase {
            Phase::Preparing(canvass) => {
                let quorum = self.configuration.prepare();
                if canvass.promises >= quorum.size {
                    let present = canvass.newest.1.take();
                    self.phase = Phase::Deciding { present: present.clone(), cached: false };
                    return Progress::Decide(present);
                }
                if canvass.promises + canvass.waiting.len() >= quorum.size {
                    return Progress::Wait;
                }
                let reason =
                    if canvass.conflicts > 0 { Reason::Conflict } else { Reason::Unreachable };
                Progress::Over(self.end(Outcome::NotApplied(reason), None))
            }
            Phase::Accepting(vote) => {
                let quorum = self.configuration.accept();
                if vote.accepted.len() >= quorum.size {
                    return Progress::Over(self.committed());
                }
                if vote.accepted.len() + vote.waiting.len() >= quorum.size {
                    return Progress::Wait;
                }
                let reason =
                    if vote.conflicts > 0 { Reason::Conflict } else { Reason::Unreachable };
                let traceless = vote.accepted.is_empty() && vote.unsure.is_empty();
                if vote.keeps || (traceless && vote.waiting.is_empty()) {
                    Progress::Over(self.incomplete(Outcome::NotApplied(reason)))
                } else if traceless {
                    // The outstanding replies can still prove that nobody accepted.
                    Progress::Wait
                } else {
                    Progress::Over(self.incomplete(Outcome::Unknown(reason)))
                }
            }
            Phase::Deciding { .. } | Phase::Over => Progress::Wait,
        }
    }

    /// A quorum accepted. The next round may skip its prepare if those who promised its ballot are
    /// a prepare quorum too, which flexible quorums do not imply.
    fn committed(&mut self) -> End<V, A> {
        let Phase::Accepting(vote) = core::mem::replace(&mut self.phase, Phase::Over) else {
            return self.end(Outcome::NotApplied(Reason::Unreachable), None);
        };
        let ahead = self.next > self.ballot;
        let promised = ahead && self.configuration.prepare().met_by(&vote.accepted);
        let cached = promised.then_some((self.next, vote.value));
        self.end(Outcome::Committed(vote.answer), cached)
    }

    fn incomplete(&mut self, outcome: Outcome<A>) -> End<V, A> {
        let kept = match &mut self.phase {
            Phase::Accepting(vote)
                if self.rules.keeps_ballot_of_incomplete_accept(vote.conflicts > 0) =>
            {
                Some((self.ballot, vote.present.take()))
            }
            Phase::Accepting(vote)
                if vote.conflicts > 0 && self.rules.keeps_value_after_conflict() =>
            {
                let counter = self.seen.counter.max(self.next.counter) + 1;
                Some((Ballot { counter, ..self.ballot }, vote.present.take()))
            }
            Phase::Accepting(_) | Phase::Preparing(_) | Phase::Deciding { .. } | Phase::Over => {
                None
            }
        };
        self.end(outcome, kept)
    }

    fn end(&mut self, outcome: Outcome<A>, cached: Option<(Ballot, Option<V>)>) -> End<V, A> {
        self.phase = Phase::Over;
        let epoch = self.configuration.epoch();
        End { outcome, epoch, seen: self.seen, cached }
    }
}

#[cfg(test)]
impl<V: Hash, A: Hash> Phase<V, A> {
    /// Which replies it waits for.
    pub(crate) const fn stage(&self) -> Stage {
        match self {
            Self::Preparing(_) => Stage::Prepare,
            Self::Deciding { .. } | Self::Accepting(_) | Self::Over => Stage::Accept,
        }
    }

    /// What the phase knows of one acceptor.
    pub(crate) fn state(&self, acceptor: AcceptorId) -> (bool, bool, bool) {
        match self {
            Self::Preparing(canvass) => (canvass.waiting.contains(&acceptor), false, false),
            Self::Accepting(vote) => (
                vote.waiting.contains(&acceptor),
                vote.accepted.contains(&acceptor),
                vote.unsure.contains(&acceptor),
            ),
            Self::Deciding { .. } | Self::Over => (false, false, false),
        }
    }

    /// What the phase knows beside that.
    pub(crate) fn fingerprint(&self, hasher: &mut impl Hasher) {
        core::mem::discriminant(self).hash(hasher);
        match self {
            Self::Preparing(canvass) => {
                (canvass.promises, canvass.conflicts, &canvass.newest).hash(hasher);
            }
            Self::Deciding { present, cached } => (present, cached).hash(hasher),
            Self::Accepting(vote) => {
                (&vote.present, &vote.value, &vote.answer, vote.keeps, vote.conflicts).hash(hasher);
            }
            Self::Over => {}
        }
    }
}
