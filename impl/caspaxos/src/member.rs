//! A whole acceptor: its state in the cluster, and its registers.
//!
//! **Guard.** An acceptor that lost its memory has forgotten its promises, so it is dead, not empty.
//! It answers only requests that name the identity that it was given when it joined; the identity is
//! lost with the rest, and is never given twice.
//!
//! **Fence.** A request carries the epoch of its configuration. An acceptor that knows of a later
//! one refuses it, so a proposer that missed a change of membership can neither prepare nor commit
//! once the acceptors that know of the later epoch meet all its quorums.
//!
//! **Promise floor.** Collecting a tombstone erases a register, and with it the ballots that kept delayed
//! accepts out. Instead the acceptor keeps one counter for all that it erased: a register that it
//! does not hold counts as promised up to there. The paper (§3.1) has every proposer count past the
//! tombstone and every acceptor refuse proposers that have not; the one counter does both, as a
//! refused proposer counts past it like after any conflict. It also keeps versions from coming
//! twice: what was erased had no version above the promise floor, and what comes next has a ballot above it.

use crate::rules::Rules;
use crate::{AcceptorId, Ballot, Register, Reply, Request, VersionedValue};
use alloc::collections::BTreeMap;

/// Which acceptor is meant: the cluster, and the number under which it joined, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AcceptorIdentity {
    /// The cluster. Below 2^53.
    pub cluster: u64,
    /// The acceptor's number in it.
    pub acceptor: AcceptorId,
}

/// An acceptor's place in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AcceptorState {
    /// The identity under which it votes.
    pub identity: AcceptorIdentity,
    /// The latest epoch that it knows of.
    pub epoch: u64,
    /// The highest counter of what it erased.
    pub promise_floor: u64,
}

/// Why an acceptor did not look at a request at all. Nothing has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RejectReason {
    /// It is not, or no longer, the acceptor that was meant.
    NotMember,
    /// It knows of this later epoch.
    Fenced(u64),
}

/// One acceptor.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member<K, V> {
    state: Option<AcceptorState>,
    registers: BTreeMap<K, Register<VersionedValue<V>>>,
}

impl<K, V> Default for Member<K, V> {
    fn default() -> Self {
        Self { state: None, registers: BTreeMap::new() }
    }
}

impl<V> Register<V> {
    /// A register that an acceptor with this promise floor does not hold.
    #[must_use]
    pub const fn absent(promise_floor: u64) -> Self {
        let promised = Ballot::at_floor(promise_floor);
        Self { promised, accepted: Ballot::ZERO, value: None }
    }
}

impl<K: Ord + Clone, V: Clone> Member<K, V> {
    /// Its place in the cluster; `None` when it has none.
    #[must_use]
    pub const fn state(&self) -> Option<AcceptorState> {
        self.state
    }

    /// The registers that it holds, in order.
    pub const fn registers(&self) -> &BTreeMap<K, Register<VersionedValue<V>>> {
        &self.registers
    }

    /// Joins a cluster with nothing in its memory. Asked for once more, it changes nothing.
    ///
    /// # Errors
    /// [`RejectReason::NotMember`] when it has another identity already.
    pub fn join(&mut self, state: AcceptorState) -> Result<(), RejectReason> {
        match self.state {
            Some(held) if held.identity == state.identity => Ok(()),
            Some(_) => Err(RejectReason::NotMember),
            None => {
                self.registers.clear();
                self.state = Some(state);
                Ok(())
            }
        }
    }

    /// Leaves its cluster: it votes no more.
    pub const fn leave(&mut self) {
        self.state = None;
    }

    /// Takes note of an epoch. An older one than it knows changes nothing.
    ///
    /// # Errors
    /// [`RejectReason::NotMember`].
    pub fn set_epoch(
        &mut self,
        identity: AcceptorIdentity,
        epoch: u64,
    ) -> Result<(), RejectReason> {
        match &mut self.state {
            Some(held) if held.identity == identity => {
                held.epoch = held.epoch.max(epoch);
                Ok(())
            }
            Some(_) | None => Err(RejectReason::NotMember),
        }
    }

    /// Answers a request that was sent under an epoch.
    ///
    /// # Errors
    /// [`RejectReason`], when the request was not looked at.
    pub fn handle(
        &mut self,
        rules: &dyn Rules,
        (identity, epoch): (AcceptorIdentity, u64),
        key: &K,
        request: Request<VersionedValue<V>>,
    ) -> Result<Reply<VersionedValue<V>>, RejectReason> {
        let state = self
            .state
            .as_mut()
            .filter(|held| held.identity == identity)
            .ok_or(RejectReason::NotMember)?;
        if epoch < state.epoch && rules.fences(request.stage()) {
            return Err(RejectReason::Fenced(state.epoch));
        }
        state.epoch = state.epoch.max(epoch);
        let promise_floor = state.promise_floor;
        match request {
            Request::Collect { tombstone, promise_floor } => {
                state.promise_floor = rules.raised_floor(state.promise_floor, promise_floor);
                Ok(Reply::Erased(self.collect(rules, key, tombstone, promise_floor)))
            }
            Request::Read => {
                let register = self.registers.get(key).cloned().unwrap_or_default();
                Ok(Reply::Current { accepted: register.accepted, value: register.value })
            }
            Request::Prepare { .. } | Request::Accept { .. } => {
                let held = self.registers.get_mut(key);
                let Some(register) = held else {
                    return Ok(self.handle_absent(rules, promise_floor, key, request));
                };
                Ok(register.handle(rules, promise_floor, request))
            }
        }
    }

    /// A register comes into being only where something is stored in it.
    fn handle_absent(
        &mut self,
        rules: &dyn Rules,
        promise_floor: u64,
        key: &K,
        request: Request<VersionedValue<V>>,
    ) -> Reply<VersionedValue<V>> {
        let mut register = Register::absent(promise_floor);
        let before = register.ballots();
        let reply = register.handle(rules, promise_floor, request);
        if register.ballots() != before {
            self.registers.insert(key.clone(), register);
        }
        reply
    }

    /// Erases a register if it still holds this tombstone, and nothing that was promised since.
    fn collect(
        &mut self,
        rules: &dyn Rules,
        key: &K,
        tombstone: Ballot,
        promise_floor: u64,
    ) -> bool {
        let erases = self.registers.get(key).is_some_and(|register| {
            let dead = register.value.as_ref().is_some_and(|cell| cell.value.is_none());
            rules.collects(register.ballots(), dead, tombstone, promise_floor)
        });
        if erases {
            self.registers.remove(key);
        }
        erases
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Faithful, Lineage, ProposerId};

    const IDENTITY: AcceptorIdentity = AcceptorIdentity { cluster: 5, acceptor: AcceptorId(1) };

    fn ballot(counter: u64) -> Ballot {
        Ballot { counter, proposer: ProposerId(1) }
    }

    fn tombstone(version: u64) -> VersionedValue<char> {
        VersionedValue { version, value: None, lineage: Lineage::default() }
    }

    fn member() -> Member<&'static str, char> {
        let mut member = Member::default();
        member.join(AcceptorState { identity: IDENTITY, epoch: 1, promise_floor: 0 }).unwrap();
        member
    }

    fn accept(counter: u64, cell: VersionedValue<char>) -> Request<VersionedValue<char>> {
        let ballot = ballot(counter);
        Request::Accept { ballot, value: Some(cell), promise: ballot }
    }

    type Answer = Result<Reply<VersionedValue<char>>, RejectReason>;

    fn ask(
        member: &mut Member<&'static str, char>,
        request: Request<VersionedValue<char>>,
    ) -> Answer {
        member.handle(&Faithful, (IDENTITY, 1), &"k", request)
    }

    #[test]
    fn nobody_votes_without_an_identity_or_under_another() {
        let mut member = Member::default();
        let prepare = Request::Prepare { ballot: ballot(1) };
        assert_eq!(ask(&mut member, prepare.clone()), Err(RejectReason::NotMember));
        let other = AcceptorIdentity { acceptor: AcceptorId(2), ..IDENTITY };
        member.join(AcceptorState { identity: other, epoch: 1, promise_floor: 0 }).unwrap();
        assert_eq!(ask(&mut member, prepare), Err(RejectReason::NotMember));
        let again = member.join(AcceptorState { identity: IDENTITY, epoch: 1, promise_floor: 0 });
        assert_eq!(again, Err(RejectReason::NotMember), "an identity is not replaced");
    }

    #[test]
    fn a_later_epoch_fences_the_earlier_ones() {
        let mut member = member();
        let read = |member: &mut Member<_, _>, epoch| {
            member.handle(&Faithful, (IDENTITY, epoch), &"k", Request::Read)
        };
        assert!(read(&mut member, 3).is_ok());
        assert_eq!(read(&mut member, 2), Err(RejectReason::Fenced(3)));
        member.set_epoch(IDENTITY, 5).unwrap();
        member.set_epoch(IDENTITY, 4).unwrap();
        assert_eq!(read(&mut member, 4), Err(RejectReason::Fenced(5)));
    }

    #[test]
    fn what_was_collected_keeps_delayed_messages_out() {
        let mut member = member();
        assert_eq!(ask(&mut member, accept(7, tombstone(9))), Ok(Reply::Accepted));
        let collect = Request::Collect { tombstone: ballot(7), promise_floor: 9 };
        assert_eq!(ask(&mut member, collect.clone()), Ok(Reply::Erased(true)));
        assert!(member.registers().is_empty());
        assert_eq!(ask(&mut member, collect), Ok(Reply::Erased(false)));
        assert!(matches!(ask(&mut member, accept(9, tombstone(9))), Ok(Reply::Refused(_))));
        let prepare = |counter| Request::Prepare { ballot: ballot(counter) };
        assert!(matches!(ask(&mut member, prepare(9)), Ok(Reply::Conflict(_))));
        assert!(member.registers().is_empty(), "a refusal leaves nothing behind");
        assert!(matches!(ask(&mut member, prepare(10)), Ok(Reply::Promise { .. })));
    }

    #[test]
    fn a_register_that_went_on_is_not_collected() {
        let mut member = member();
        ask(&mut member, accept(7, tombstone(9))).unwrap();
        let earlier = Request::Collect { tombstone: ballot(6), promise_floor: 9 };
        assert_eq!(ask(&mut member, earlier), Ok(Reply::Erased(false)));
        ask(&mut member, Request::Prepare { ballot: ballot(12) }).unwrap();
        let collect = Request::Collect { tombstone: ballot(7), promise_floor: 9 };
        assert_eq!(ask(&mut member, collect), Ok(Reply::Erased(false)), "promised meanwhile");
    }
}
