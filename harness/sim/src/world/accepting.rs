//! Acceptors: what they answer, and what a crash leaves of them.

use super::errands::store_key;
use super::network::{Control, Destination, Letter, Origin, Return, Served, note};
use super::{Event, Key, World};
use crate::change::Shared;
use crate::fault::{Memory, Trouble};
use crate::message::{CALM, Phase};
use crate::mutants::Flaw;
use crate::record::BallotChange;
use crate::setup::Setup;
use crate::situation::Situation;
use caspaxos::{AcceptorId, AcceptorIdentity, AcceptorState, Ballots, Member, RejectReason, Reply};
use gryadka_cluster::{AcceptorMemory, ClusterConfig, Cursor, Page, RequestError, Status};
use harness_history::Value;

/// How many keys a page of a listing has.
const PAGE: usize = 3;

/// A place where acceptors live, one after the other.
#[derive(Debug)]
pub(super) struct Acceptor {
    pub(super) memory: AcceptorMemory<Key, Shared>,
    /// What it was before each change, and when; kept only where a crash may lose the tail.
    journal: Option<Vec<(u64, AcceptorMemory<Key, Shared>)>>,
    /// How often its process has been started: each draws an order of its own for listings, as Redis does.
    starts: u64,
    up: bool,
    /// Whether requests vanish while it is down, rather than be refused.
    silent: bool,
    /// It has left for good.
    gone: bool,
    came_back: bool,
    /// What waits before a paused acceptor.
    pub(super) hold: Option<Vec<Event>>,
}

impl Acceptor {
    pub(super) fn new(setup: &Setup, home: u32, first: &ClusterConfig) -> Self {
        let loses_tail = |trouble: &Trouble| {
            matches!(trouble, Trouble::CrashAcceptor { memory: Memory::TailLost(_), .. })
        };
        let journalled = setup.faults.iter().any(|fault| loses_tail(&fault.what));
        let mut memory = AcceptorMemory::default();
        if home <= setup.acceptors {
            let (identity, epoch) = (first.identity(home), first.epoch);
            let state = AcceptorState { identity, epoch, promise_floor: 0 };
            let admitted = memory.admit(state, first.bytes(), 0);
            debug_assert!(admitted.is_ok(), "it is empty");
        }
        Self {
            memory,
            journal: journalled.then(Vec::new),
            starts: 0,
            up: true,
            silent: false,
            gone: false,
            came_back: false,
            hold: None,
        }
    }

    fn serve(&mut self, control: &Control) -> Result<Served, RequestError> {
        let memory = &mut self.memory;
        let done = |()| Served::Done(0);
        Ok(match control {
            Control::Status => {
                let (state, config) = (memory.member().state(), memory.config().clone());
                Served::Status(Status { state, config, ..Status::default() })
            }
            Control::Admit { state, config, token } => {
                memory.admit(*state, config.clone(), *token).map(done)?
            }
            Control::SetEpoch { identity, epoch, config } => {
                memory.set_epoch(*identity, *epoch, config.clone()).map(done)?
            }
            Control::Retire { identity, epoch } => memory.retire(*identity, *epoch).map(done)?,
            Control::Erase(keys) => {
                let keys: Vec<Key> = keys.iter().map(|key| Key::from(key.as_str())).collect();
                memory.erase(&keys).map(Served::Done)?
            }
            Control::FinishWipe(token) => memory.finish_wipe(*token).map(done)?,
            Control::List { cursor, stale } => self.list(cursor, *stale).map(Served::Page)?,
        })
    }

    /// A page of the keys that it holds, in the order of a hash that every process draws anew. A cursor is the
    /// place in that order, and says which process it is of; without that, the next process would take it for a
    /// place in its own order.
    fn list(&self, cursor: &Cursor, stale: bool) -> Result<Page, RequestError> {
        let place = |key: &Key| (hash(self.starts, key), key.clone());
        let after = match cursor.meaning().split_first_chunk::<8>() {
            None => None,
            Some((starts, place)) if stale || *starts == self.starts.to_be_bytes() => {
                place.first_chunk::<8>().map(|place| u64::from_be_bytes(*place))
            }
            Some(_) => {
                let words = String::from("the server was restarted");
                return Err(RequestError::NotConnected(words));
            }
        };
        let mut keys: Vec<_> = self.memory.member().registers().keys().map(place).collect();
        keys.retain(|(place, _)| after.is_none_or(|after| *place > after));
        keys.sort_unstable();
        let more = keys.len() > PAGE;
        keys.truncate(PAGE);
        let next = keys.last().filter(|_| more).map(|(place, _)| {
            let meaning = [self.starts.to_be_bytes(), place.to_be_bytes()].concat();
            Cursor::new(meaning.into())
        });
        Ok(Page { keys: keys.iter().map(|(_, key)| store_key(key)).collect(), next })
    }

    /// The ballots of a register, none when it is not held.
    fn held(&self, key: &Key) -> Option<Ballots> {
        self.memory.member().registers().get(key).map(caspaxos::Register::ballots)
    }

    fn value(&self, key: &Key) -> Value {
        let cell =
            self.memory.member().registers().get(key).and_then(|register| register.value.as_ref());
        cell.and_then(|cell| cell.value.as_deref()).cloned().unwrap_or_default()
    }
}

impl World<'_> {
    pub(super) fn on_request(&mut self, origin: Origin, to: Destination, letter: Letter) {
        let leavers_gone = self.setup.membership.as_ref().is_some_and(|it| it.leavers_gone);
        let acceptor = &mut self.acceptors[to.home as usize - 1];
        // A server that was switched off is switched on to join.
        let joins = matches!(
            &letter,
            Letter::Control(Control::Admit { .. } | Control::FinishWipe(_) | Control::Status)
        );
        if !acceptor.up && acceptor.silent {
            note(&mut self.record, self.now, &origin, "→", &letter, &"reaches no server");
            return;
        }
        if !acceptor.up || (acceptor.gone && !joins) {
            return self.turned_away(origin, &letter);
        }
        if let Some(journal) = &mut acceptor.journal {
            journal.push((self.now, acceptor.memory.clone()));
        }
        let reply = match &letter {
            Letter::Control(control) => {
                let served = acceptor.serve(control);
                match (&served, control) {
                    (Ok(_), Control::Retire { .. }) => acceptor.gone = leavers_gone,
                    (Ok(_), Control::Admit { .. }) => acceptor.gone = false,
                    _ => {}
                }
                Return::Control(served)
            }
            Letter::Register(epoch, request) => {
                let before = acceptor.held(&origin.key);
                let number = AcceptorId(origin.acceptor);
                let identity = AcceptorIdentity { cluster: to.cluster, acceptor: number };
                let answer = acceptor.memory.member_mut().handle(
                    &*self.rules,
                    (identity, *epoch),
                    &origin.key,
                    request.clone(),
                );
                self.observe(&origin, to.home, before, &answer);
                Return::Register(answer)
            }
        };
        note(&mut self.record, self.now, &origin, "→", &letter, &reply);
        self.send_reply(origin, reply, (to, letter));
    }

    /// Notes what a request did to a register.
    fn observe(
        &mut self,
        origin: &Origin,
        home: u32,
        before: Option<Ballots>,
        answer: &Result<Reply<crate::change::Content>, RejectReason>,
    ) {
        let acceptor = &self.acceptors[home as usize - 1];
        let held = acceptor.held(&origin.key);
        if acceptor.came_back && answer.is_ok() {
            self.record.met(Situation::AcceptorCameBack);
        }
        if held != before && self.record.is_full() && !origin.key.starts_with('\0') {
            let none = caspaxos::Register::<()>::default().ballots();
            self.record.ballots.push(BallotChange {
                time: self.now,
                acceptor: home,
                key: origin.key.to_string(),
                held: held.unwrap_or(none),
                value: acceptor.value(&origin.key),
                by: Some(origin.op),
            });
        }
        if origin.copy > 0 {
            self.record.met(Situation::RepeatedRequest);
        }
        let accepted = before.map(|held| held.accepted);
        if origin.phase == Phase::Prepare && accepted == Some(origin.ballot) {
            self.record.met(Situation::AcceptOvertakesPrepare);
        }
        match answer {
            Err(RejectReason::NotMember) => self.record.met(Situation::MemoryLossNoticed),
            Err(RejectReason::Fenced(_)) => self.record.met(Situation::Fenced),
            Ok(Reply::Refused(_)) if before.is_none() && origin.phase == Phase::Accept => {
                self.record.met(Situation::AgeRefused);
            }
            Ok(reply) => self.follow_vote(origin, reply),
        }
    }

    /// The proposer hears that its request found nobody. When requests repeat, an earlier copy may
    /// have been taken up all the same.
    fn turned_away(&mut self, origin: Origin, letter: &Letter) {
        let end = format!("a{} is down", origin.acceptor);
        note(&mut self.record, self.now, &origin, "→", letter, &end);
        let may_have_executed = self.setup.repeats;
        self.put_after(CALM, Event::Lost { origin, may_have_executed });
    }

    pub(super) fn crash_acceptor(&mut self, acceptor: u32, memory: Memory, silent: bool) {
        let now = self.now;
        let votes_on = self.has(Flaw::VotesWithoutMemory);
        let this = &mut self.acceptors[acceptor as usize - 1];
        let before = this.memory.member().clone();
        let (state, config) = (this.memory.member().state(), this.memory.config().clone());
        match memory {
            Memory::Kept => {}
            Memory::Wiped | Memory::Flushed => this.memory = AcceptorMemory::default(),
            Memory::TailLost(tail) => {
                let journal = this.journal.get_or_insert_default();
                let kept = journal.partition_point(|(at, _)| *at < now.saturating_sub(tail));
                if let Some((_, old)) = journal.drain(kept..).next() {
                    this.memory = old;
                }
                if !votes_on {
                    this.memory = AcceptorMemory::default();
                }
            }
        }
        if votes_on
            && this.memory.member().state().is_none()
            && let Some(state) = state
        {
            // Taken for a fresh one, it is given its old place.
            let state = AcceptorState { promise_floor: 0, ..state };
            let admitted = this.memory.admit(state, config, 0);
            debug_assert!(admitted.is_ok(), "it was none");
        }
        if memory != Memory::Flushed {
            (this.up, this.silent) = (false, silent);
            this.hold = None;
        }
        self.note_forgotten(acceptor, &before);
    }

    pub(super) fn restart_acceptor(&mut self, acceptor: u32) {
        let acceptor = &mut self.acceptors[acceptor as usize - 1];
        acceptor.starts += u64::from(!acceptor.up);
        (acceptor.up, acceptor.came_back) = (true, true);
    }

    fn note_forgotten(&mut self, acceptor: u32, before: &Member<Key, Shared>) {
        if !self.record.is_full() {
            return;
        }
        let this = &self.acceptors[acceptor as usize - 1];
        for (key, register) in before.registers() {
            let none = caspaxos::Register::<()>::default().ballots();
            let held = this.held(key).unwrap_or(none);
            if held != register.ballots() {
                let (time, value, key) = (self.now, this.value(key), key.to_string());
                let change = BallotChange { time, acceptor, key, held, value, by: None };
                self.record.ballots.push(change);
            }
        }
    }
}

/// A place for a key, that depends on the process.
fn hash(starts: u64, key: &str) -> u64 {
    let seed = 0xcbf2_9ce4_8422_2325_u64 ^ starts.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = key.bytes().fold(seed, mix);
    (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}
