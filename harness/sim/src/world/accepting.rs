//! Acceptors: what they answer, and what a crash leaves of them.

use super::network::{Control, Letter, Origin, Report, Return, note};
use super::{Event, Key, World};
use crate::change::Shared;
use crate::document::Document;
use crate::fault::{Memory, Trouble};
use crate::message::{CALM, Phase};
use crate::mutants::Flaw;
use crate::record::BallotChange;
use crate::setup::Setup;
use crate::situation::Situation;
use caspaxos::{AcceptorId, AcceptorIdentity, AcceptorState, Ballots, Member, RejectReason, Reply};
use harness_history::Value;
use std::collections::BTreeSet;
use std::rc::Rc;

/// The one cluster of a world.
const CLUSTER: u64 = 1;

/// The identity of the acceptor with this number.
const fn identity(number: u32) -> AcceptorIdentity {
    AcceptorIdentity { cluster: CLUSTER, acceptor: AcceptorId(number) }
}

/// A place where acceptors live, one after the other.
#[derive(Debug)]
pub(super) struct Acceptor {
    pub(super) member: Member<Key, Shared>,
    /// The latest document that it was told of.
    document: Rc<Document>,
    /// What it was before each change, and when; kept only where a crash may lose the tail.
    journal: Option<Vec<(u64, Member<Key, Shared>)>>,
    /// The numbers under which it joined. An operator never gives one twice.
    numbers: BTreeSet<u32>,
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
    pub(super) fn new(setup: &Setup, home: u32, first: &Rc<Document>) -> Self {
        let loses_tail = |trouble: &Trouble| {
            matches!(trouble, Trouble::CrashAcceptor { memory: Memory::TailLost(_), .. })
        };
        let journalled = setup.faults.iter().any(|fault| loses_tail(&fault.what));
        let mut this = Self {
            member: Member::default(),
            document: first.clone(),
            journal: journalled.then(Vec::new),
            numbers: BTreeSet::new(),
            up: true,
            silent: false,
            gone: false,
            came_back: false,
            hold: None,
        };
        if home <= setup.acceptors {
            this.join(home, first, 0);
        }
        this
    }

    fn join(&mut self, number: u32, document: &Rc<Document>, promise_floor: u64) -> bool {
        let known = self.member.state().is_some_and(|held| held.identity == identity(number));
        // A identity that was lost is dead with all that was promised under it.
        if !known && !self.numbers.insert(number) {
            return false;
        }
        if !known && self.member.state().is_some() {
            self.member.leave();
        }
        let state =
            AcceptorState { identity: identity(number), epoch: document.epoch, promise_floor };
        if !known {
            self.document = document.clone();
        }
        self.member.join(state).is_ok()
    }

    fn control(&mut self, number: u32, control: &Control) -> Option<Report> {
        match control {
            Control::Join(document, promise_floor) => {
                if !self.join(number, document, *promise_floor) {
                    return None;
                }
            }
            Control::Tell(document) => {
                self.member.set_epoch(identity(number), document.epoch).ok()?;
                if document.epoch >= self.document.epoch {
                    self.document = document.clone();
                }
            }
            Control::Leave => {
                if self.member.state().is_some_and(|held| held.identity == identity(number)) {
                    self.member.leave();
                    self.gone = true;
                }
            }
            Control::Report => {}
        }
        let state = self.member.state().filter(|held| held.identity == identity(number))?;
        let keys = self.member.registers().keys().cloned().collect();
        Some(Report { state, document: self.document.clone(), keys })
    }

    /// How old it is.
    pub(super) fn promise_floor(&self) -> u64 {
        self.member.state().map_or(0, |state| state.promise_floor)
    }

    /// The ballots of a register, none when it is not held.
    fn held(&self, key: &Key) -> Option<Ballots> {
        self.member.registers().get(key).map(caspaxos::Register::ballots)
    }

    fn value(&self, key: &Key) -> Value {
        let cell = self.member.registers().get(key).and_then(|register| register.value.as_ref());
        cell.and_then(|cell| cell.value.as_deref()).cloned().unwrap_or_default()
    }
}

impl World<'_> {
    pub(super) fn on_request(&mut self, origin: Origin, letter: Letter) {
        let home = self.setup.home(origin.acceptor) as usize - 1;
        let acceptor = &mut self.acceptors[home];
        let joins = matches!(&letter, Letter::Control(Control::Join(..)));
        if !acceptor.up && acceptor.silent {
            note(&mut self.record, self.now, &origin, "→", &letter, &"finds nobody");
            return;
        }
        if !acceptor.up || (acceptor.gone && !joins) {
            return self.turned_away(origin, &letter);
        }
        if let Some(journal) = &mut acceptor.journal {
            journal.push((self.now, acceptor.member.clone()));
        }
        let reply = match &letter {
            Letter::Control(control) => {
                acceptor.gone &= !joins;
                let report = acceptor.control(origin.acceptor, control);
                Return::Report(report)
            }
            Letter::Register(epoch, request) => {
                let before = acceptor.held(&origin.key);
                let caller = (identity(origin.acceptor), *epoch);
                let answer =
                    acceptor.member.handle(&*self.rules, caller, &origin.key, request.clone());
                self.observe(&origin, before, &answer);
                Return::Register(answer)
            }
        };
        note(&mut self.record, self.now, &origin, "→", &letter, &reply);
        self.send_reply(origin, reply, Some(letter));
    }

    /// Notes what a request did to a register.
    fn observe(
        &mut self,
        origin: &Origin,
        before: Option<Ballots>,
        answer: &Result<Reply<crate::change::Content>, RejectReason>,
    ) {
        let home = self.setup.home(origin.acceptor);
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
        let before = this.member.clone();
        let state = this.member.state();
        match memory {
            Memory::Kept => {}
            Memory::Wiped => this.member = Member::default(),
            Memory::TailLost(tail) => {
                let journal = this.journal.get_or_insert_default();
                let kept = journal.partition_point(|(at, _)| *at < now.saturating_sub(tail));
                if let Some((_, old)) = journal.drain(kept..).next() {
                    this.member = old;
                }
                if !votes_on {
                    this.member.leave();
                }
            }
        }
        if votes_on
            && this.member.state().is_none()
            && let Some(state) = state
        {
            // Taken for a fresh one, it is given its old place.
            let joined = this.member.join(AcceptorState { promise_floor: 0, ..state });
            debug_assert!(joined.is_ok(), "it had no place");
        }
        (this.up, this.silent) = (false, silent);
        this.hold = None;
        self.note_forgotten(acceptor, &before);
    }

    pub(super) fn restart_acceptor(&mut self, acceptor: u32) {
        let acceptor = &mut self.acceptors[acceptor as usize - 1];
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
