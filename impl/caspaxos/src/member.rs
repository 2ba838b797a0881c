//! A whole acceptor: its standing in the cluster, and its registers.
//!
//! **Guard.** An acceptor that lost its memory has forgotten its promises, so it is dead, not empty.
//! It votes only for those who call it by the stamp that it was given when it joined; the stamp is
//! lost with the rest, and is never given twice.
//!
//! **Fence.** A request carries the epoch of its configuration. An acceptor that was told of a later
//! one refuses it, so a proposer that missed a change of membership can neither prepare nor commit
//! once those who were told meet all its quorums.
//!
//! **Age.** Collecting a tombstone erases a register, and with it the ballots that kept delayed
//! accepts out. Instead the acceptor keeps one counter for all that it erased: a register that it
//! does not hold counts as promised up to there. The paper (§3.1) has every proposer count past the
//! tombstone and every acceptor refuse proposers that have not; the one counter does both, as a
//! refused proposer counts past it like after any conflict. It also keeps versions from coming
//! twice: what was erased had no version above the age, and what comes next has a ballot above it.

use crate::rules::Rules;
use crate::{AcceptorId, Ballot, Cell, Held, ProposerId, Register, Reply, Request};
use alloc::collections::BTreeMap;

/// Which acceptor is meant: the cluster, and the number under which it joined, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stamp {
    /// The cluster. Below 2^53.
    pub cluster: u64,
    /// The acceptor's number in it.
    pub acceptor: AcceptorId,
}

/// An acceptor's place in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Standing {
    /// Whom it votes as.
    pub stamp: Stamp,
    /// The latest epoch that it was told of.
    pub epoch: u64,
    /// The highest counter of what it erased.
    pub age: u64,
}

/// Why an acceptor did not look at a request at all. Nothing has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Turned {
    /// It is not, or no longer, the acceptor that was meant.
    NotMember,
    /// It was told of this later epoch.
    Fenced(u64),
}

/// One acceptor.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member<K, V> {
    standing: Option<Standing>,
    registers: BTreeMap<K, Register<Cell<V>>>,
}

impl<K, V> Default for Member<K, V> {
    fn default() -> Self {
        Self { standing: None, registers: BTreeMap::new() }
    }
}

/// The highest number that fits a ballot: 2^53 - 1.
const HIGHEST: u64 = (1 << 53) - 1;

impl<V> Register<V> {
    /// A register that an acceptor of this age does not hold.
    #[must_use]
    pub const fn absent(age: u64) -> Self {
        let promised = Ballot { counter: age, proposer: ProposerId(HIGHEST) };
        let promised = if age == 0 { Ballot::ZERO } else { promised };
        Self { promised, accepted: Ballot::ZERO, value: None }
    }
}

impl<K: Ord + Clone, V: Clone> Member<K, V> {
    /// Its place in the cluster; `None` when it has none.
    #[must_use]
    pub const fn standing(&self) -> Option<Standing> {
        self.standing
    }

    /// The registers that it holds, in order.
    pub const fn registers(&self) -> &BTreeMap<K, Register<Cell<V>>> {
        &self.registers
    }

    /// Joins a cluster with nothing in its memory. Asked for once more, it changes nothing.
    ///
    /// # Errors
    /// [`Turned::NotMember`] when it is somebody else already.
    pub fn join(&mut self, standing: Standing) -> Result<(), Turned> {
        match self.standing {
            Some(held) if held.stamp == standing.stamp => Ok(()),
            Some(_) => Err(Turned::NotMember),
            None => {
                self.registers.clear();
                self.standing = Some(standing);
                Ok(())
            }
        }
    }

    /// Leaves its cluster: it votes no more.
    pub const fn leave(&mut self) {
        self.standing = None;
    }

    /// Is told of an epoch. An older one than it knows changes nothing.
    ///
    /// # Errors
    /// [`Turned::NotMember`].
    pub fn tell(&mut self, stamp: Stamp, epoch: u64) -> Result<(), Turned> {
        match &mut self.standing {
            Some(held) if held.stamp == stamp => {
                held.epoch = held.epoch.max(epoch);
                Ok(())
            }
            Some(_) | None => Err(Turned::NotMember),
        }
    }

    /// Answers a request that was sent under an epoch.
    ///
    /// # Errors
    /// [`Turned`], when the request was not looked at.
    pub fn handle(
        &mut self,
        rules: &dyn Rules,
        (stamp, epoch): (Stamp, u64),
        key: &K,
        request: Request<Cell<V>>,
    ) -> Result<Reply<Cell<V>>, Turned> {
        let standing =
            self.standing.as_mut().filter(|held| held.stamp == stamp).ok_or(Turned::NotMember)?;
        if epoch < standing.epoch && rules.fences() {
            return Err(Turned::Fenced(standing.epoch));
        }
        standing.epoch = standing.epoch.max(epoch);
        let age = standing.age;
        match request {
            Request::Collect { tombstone, age } => {
                standing.age = rules.aged(standing.age, age);
                Ok(Reply::Collected(self.collect(rules, key, tombstone, age)))
            }
            Request::Read => {
                let register = self.registers.get(key).cloned().unwrap_or_default();
                Ok(Reply::Current { accepted: register.accepted, value: register.value })
            }
            Request::Prepare { .. } | Request::Accept { .. } | Request::Install { .. } => {
                let held = self.registers.get_mut(key);
                let Some(register) = held else {
                    return Ok(self.handle_absent(rules, age, key, request));
                };
                Ok(register.handle(rules, request))
            }
        }
    }

    /// A register comes into being only where something is stored in it.
    fn handle_absent(
        &mut self,
        rules: &dyn Rules,
        age: u64,
        key: &K,
        request: Request<Cell<V>>,
    ) -> Reply<Cell<V>> {
        let mut register = Register::absent(age);
        let before = register.held();
        let reply = register.handle(rules, request);
        if register.held() != before {
            self.registers.insert(key.clone(), register);
        }
        reply
    }

    /// Erases a register if it still holds this tombstone, and nothing that was promised since.
    fn collect(&mut self, rules: &dyn Rules, key: &K, tombstone: Ballot, age: u64) -> bool {
        let erases = self.registers.get(key).is_some_and(|register| {
            let dead = register.value.as_ref().is_some_and(|cell| cell.value.is_none());
            rules.collects(register.held(), dead, tombstone, age)
        });
        if erases {
            self.registers.remove(key);
        }
        erases
    }
}

/// The rules of [`Member`], as provided methods of [`Rules`] use them.
pub(crate) fn collects(held: Held, tombstone: Ballot, age: u64) -> bool {
    held.accepted == tombstone && held.promised.counter <= age
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Faithful, Lineage};

    const STAMP: Stamp = Stamp { cluster: 5, acceptor: AcceptorId(1) };

    fn ballot(counter: u64) -> Ballot {
        Ballot { counter, proposer: ProposerId(1) }
    }

    fn tombstone(version: u64) -> Cell<char> {
        Cell { version, value: None, lineage: Lineage::default() }
    }

    fn member() -> Member<&'static str, char> {
        let mut member = Member::default();
        member.join(Standing { stamp: STAMP, epoch: 1, age: 0 }).unwrap();
        member
    }

    fn accept(counter: u64, cell: Cell<char>) -> Request<Cell<char>> {
        let ballot = ballot(counter);
        Request::Accept { ballot, value: Some(cell), promise: ballot }
    }

    type Answer = Result<Reply<Cell<char>>, Turned>;

    fn ask(member: &mut Member<&'static str, char>, request: Request<Cell<char>>) -> Answer {
        member.handle(&Faithful, (STAMP, 1), &"k", request)
    }

    #[test]
    fn nobody_votes_without_a_stamp_or_under_another() {
        let mut member = Member::default();
        let prepare = Request::Prepare { ballot: ballot(1) };
        assert_eq!(ask(&mut member, prepare.clone()), Err(Turned::NotMember));
        let other = Stamp { acceptor: AcceptorId(2), ..STAMP };
        member.join(Standing { stamp: other, epoch: 1, age: 0 }).unwrap();
        assert_eq!(ask(&mut member, prepare), Err(Turned::NotMember));
        let again = member.join(Standing { stamp: STAMP, epoch: 1, age: 0 });
        assert_eq!(again, Err(Turned::NotMember), "a stamp is not replaced");
    }

    #[test]
    fn a_later_epoch_fences_the_earlier_ones() {
        let mut member = member();
        let read = |member: &mut Member<_, _>, epoch| {
            member.handle(&Faithful, (STAMP, epoch), &"k", Request::Read)
        };
        assert!(read(&mut member, 3).is_ok());
        assert_eq!(read(&mut member, 2), Err(Turned::Fenced(3)));
        member.tell(STAMP, 5).unwrap();
        member.tell(STAMP, 4).unwrap();
        assert_eq!(read(&mut member, 4), Err(Turned::Fenced(5)));
    }

    #[test]
    fn what_was_collected_keeps_delayed_messages_out() {
        let mut member = member();
        assert_eq!(ask(&mut member, accept(7, tombstone(9))), Ok(Reply::Accepted));
        let collect = Request::Collect { tombstone: ballot(7), age: 9 };
        assert_eq!(ask(&mut member, collect.clone()), Ok(Reply::Collected(true)));
        assert!(member.registers().is_empty());
        assert_eq!(ask(&mut member, collect), Ok(Reply::Collected(false)));
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
        let earlier = Request::Collect { tombstone: ballot(6), age: 9 };
        assert_eq!(ask(&mut member, earlier), Ok(Reply::Collected(false)));
        ask(&mut member, Request::Prepare { ballot: ballot(12) }).unwrap();
        let collect = Request::Collect { tombstone: ballot(7), age: 9 };
        assert_eq!(ask(&mut member, collect), Ok(Reply::Collected(false)), "promised meanwhile");
    }
}
