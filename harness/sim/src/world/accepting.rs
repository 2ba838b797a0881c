//! Acceptors: registers, and what a crash leaves of them.

use super::network::{Origin, Words, note};
use super::{Event, Key, World};
use crate::change::Held;
use crate::fault::{Memory, Trouble};
use crate::message::{CALM, Phase};
use crate::mutants::Flaw;
use crate::record::BallotChange;
use crate::setup::Setup;
use crate::situation::Situation;
use caspaxos::{Register, Request};
use harness_history::Value;
use std::collections::BTreeMap;

/// One acceptor.
#[derive(Debug)]
pub(super) struct Acceptor {
    registers: BTreeMap<Key, Register<Held>>,
    /// What each change replaced, and when; kept only where a crash may lose the tail.
    journal: Option<Vec<(u64, Key, Register<Held>)>>,
    up: bool,
    /// Whether requests vanish while it is down, rather than be refused.
    silent: bool,
    came_back: bool,
    memory_lost: bool,
    /// What waits before a paused acceptor.
    pub(super) hold: Option<Vec<Event>>,
}

impl Acceptor {
    pub(super) fn new(setup: &Setup) -> Self {
        let loses_tail = |trouble: &Trouble| {
            matches!(trouble, Trouble::CrashAcceptor { memory: Memory::TailLost(_), .. })
        };
        let journalled = setup.faults.iter().any(|fault| loses_tail(&fault.what));
        Self {
            registers: BTreeMap::new(),
            journal: journalled.then(Vec::new),
            up: true,
            silent: false,
            came_back: false,
            memory_lost: false,
            hold: None,
        }
    }
}

impl World<'_> {
    pub(super) fn on_request(&mut self, origin: Origin, request: Request<Held>) {
        let guarded = !self.has(Flaw::VotesWithoutMemory);
        let acceptor = &mut self.acceptors[origin.acceptor as usize - 1];
        if !acceptor.up && acceptor.silent {
            let words = Words::Request(&request);
            note(&mut self.record, self.now, &origin, "→", &words, &"finds nobody");
            return;
        }
        if !acceptor.up {
            return self.turned_away(origin, &request, "is down");
        }
        if acceptor.memory_lost && guarded {
            self.record.met(Situation::MemoryLossNoticed);
            return self.turned_away(origin, &request, "has lost its memory and does not vote");
        }
        if acceptor.came_back {
            self.record.met(Situation::AcceptorCameBack);
        }
        let register = acceptor.registers.entry(origin.key.clone()).or_default();
        let before = register.held();
        if let Some(journal) = &mut acceptor.journal {
            journal.push((self.now, origin.key.clone(), register.clone()));
        }
        let reply = register.handle(&*self.rules, request.clone());
        let held = register.held();
        let answer = Words::Reply(&reply);
        note(&mut self.record, self.now, &origin, "→", &Words::Request(&request), &answer);
        if held != before && self.record.is_full() {
            self.record.ballots.push(BallotChange {
                time: self.now,
                acceptor: origin.acceptor,
                key: origin.key.to_string(),
                held,
                value: register.value.as_deref().cloned().unwrap_or_default(),
                by: Some(origin.op),
            });
        }
        if origin.copy > 0 {
            self.record.met(Situation::RepeatedRequest);
        }
        if origin.phase == Phase::Prepare && before.accepted == origin.ballot {
            self.record.met(Situation::AcceptOvertakesPrepare);
        }
        self.follow_vote(&origin, &reply);
        self.send_reply(origin, reply, Some(request));
    }

    /// The proposer hears that its request found no voter. When requests repeat, an earlier copy
    /// may have been accepted all the same.
    fn turned_away(&mut self, origin: Origin, request: &Request<Held>, why: &str) {
        let end = format_args!("a{} {why}", origin.acceptor).to_string();
        note(&mut self.record, self.now, &origin, "→", &Words::Request(request), &end);
        let delivered = self.setup.repeats;
        self.put_after(CALM, Event::Lost { origin, delivered });
    }

    pub(super) fn crash_acceptor(&mut self, acceptor: u32, memory: Memory, silent: bool) {
        let now = self.now;
        let this = &mut self.acceptors[acceptor as usize - 1];
        let forgotten: Vec<Key> = match memory {
            Memory::Kept => Vec::new(),
            Memory::Wiped => std::mem::take(&mut this.registers).into_keys().collect(),
            Memory::TailLost(tail) => {
                let since = now.saturating_sub(tail);
                let journal = this.journal.get_or_insert_default();
                let kept = journal.partition_point(|(at, ..)| *at < since);
                let lost = journal.split_off(kept);
                let keys = lost.iter().map(|(_, key, _)| key.clone()).collect();
                // Undone backwards, so that the oldest state of each register stays.
                for (_, key, register) in lost.into_iter().rev() {
                    this.registers.insert(key, register);
                }
                keys
            }
        };
        (this.up, this.silent) = (false, silent);
        this.memory_lost |= memory != Memory::Kept;
        this.hold = None;
        self.note_forgotten(acceptor, forgotten);
    }

    pub(super) fn restart_acceptor(&mut self, acceptor: u32) {
        let acceptor = &mut self.acceptors[acceptor as usize - 1];
        (acceptor.up, acceptor.came_back) = (true, true);
    }

    fn note_forgotten(&mut self, acceptor: u32, mut forgotten: Vec<Key>) {
        if !self.record.is_full() {
            return;
        }
        forgotten.sort_unstable();
        forgotten.dedup();
        for key in forgotten {
            let registers = &self.acceptors[acceptor as usize - 1].registers;
            let register = registers.get(&key).cloned().unwrap_or_default();
            let value = register.value.as_deref().cloned().unwrap_or(Value::Null);
            let (held, key) = (register.held(), key.to_string());
            let time = self.now;
            self.record.ballots.push(BallotChange { time, acceptor, key, held, value, by: None });
        }
    }
}
