//! The driver of the membership: one step after the other, each durable in the store itself.
//!
//! ```text
//! Asking ─► Loading ─┬─► Joining ─► Changing ─► Telling ─► RaisingFloors ─► Rescanning ─► Settling ─┐
//!    ▲               └── not settled ──────────────┘                                        │
//!    └──────────── crashed, or a part that did not come about ◄─────────────────────────────┘
//! ```

use super::network::{Control, Letter, Origin, Report, Task};
use super::{Event, Key, World};
use crate::change::{Asked, Told};
use crate::document::{Document, Voters};
use crate::message::{OpId, Phase};
use crate::mutants::Flaw;
use crate::setup::Membership;
use crate::situation::Situation;
use caspaxos::{AcceptorId, Ballot, Request};
use harness_history::{Function, Outcome, Value};
use rand::RngExt;
use rand_pcg::Pcg32;
use serde_json::json;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use workloads::Call;

/// The register that holds the document.
pub(super) const DOCUMENT: &str = "\0configuration";

/// The least time that answers are waited for, in nanoseconds, and how many times the slowest message
/// that is; the same of a change of a register.
const ANSWERS: (u64, u64) = (15_000_000, 4);
const TRIES: (u64, u64) = (60_000_000, 20);

/// How long a crashed driver is away at most, in nanoseconds.
const AWAY: u64 = 10_000_000;

/// What the driver is at.
#[derive(Debug)]
pub(super) struct Driver {
    random: Pcg32,
    /// How many parts have been begun: the name of the present one.
    pub(super) number: u32,
    pub(super) part: Part,
    /// The document as the store holds it, and its version.
    pub(super) document: Option<(Rc<Document>, u64)>,
    /// Who has yet to answer.
    pub(super) waiting: BTreeSet<u32>,
    /// Who was told of the document, what they hold, and how old they are.
    pub(super) told: BTreeSet<AcceptorId>,
    pub(super) keys: BTreeSet<Key>,
    pub(super) promise_floor: u64,
    /// What has yet to be committed again.
    pub(super) left: VecDeque<Key>,
    crashed: bool,
}

/// The parts of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Off,
    Pausing,
    Asking,
    Loading,
    Joining,
    Changing,
    Telling,
    RaisingFloors,
    Rescanning,
    Settling,
    Done,
}

impl Driver {
    pub(super) const fn new(random: Pcg32) -> Self {
        Self {
            random,
            number: 0,
            part: Part::Off,
            document: None,
            waiting: BTreeSet::new(),
            told: BTreeSet::new(),
            keys: BTreeSet::new(),
            promise_floor: 0,
            left: VecDeque::new(),
            crashed: false,
        }
    }

    /// It dies with all that it knew.
    pub(super) fn stop(&mut self) {
        if self.part != Part::Off && self.part != Part::Done {
            self.part = Part::Asking;
            self.crashed = true;
        }
        self.document = None;
        self.number += 1;
    }
}

impl World<'_> {
    pub(super) fn schedule_driver(&mut self) {
        if let Some(membership) = &self.setup.membership {
            let (life, number) = (0, 0);
            self.queue.put(membership.at, Event::Drive { life, number });
        }
    }

    /// Whether the membership changes no more.
    pub(super) fn membership_rests(&self) -> bool {
        self.setup.membership.is_none() || self.driver.part == Part::Done
    }

    pub(super) fn resume_driver(&mut self) {
        if self.driver.part != Part::Off && self.driver.part != Part::Done {
            self.begin_part(Part::Asking);
        }
    }

    /// The driver begins, comes back from a crash, or waits no longer.
    pub(super) fn on_drive(&mut self, life: u32, number: u32) {
        let driver = self.setup.driver();
        if self.driver.part == Part::Off && number == 0 {
            return self.begin_part(Part::Asking);
        }
        if self.process(driver).life != life {
            return;
        }
        if !self.process(driver).is_up() {
            return self.restart_proposer(driver);
        }
        if self.driver.number != number {
            return;
        }
        match self.driver.part {
            Part::Off | Part::Done => {}
            Part::Pausing => self.begin_part(Part::Loading),
            Part::Asking => self.begin_part(Part::Loading),
            Part::Telling if self.is_sealed() => self.begin_part(Part::RaisingFloors),
            Part::Telling | Part::RaisingFloors | Part::Joining => {
                self.begin_part(self.driver.part)
            }
            Part::Rescanning => self.rescan_next(),
            Part::Loading | Part::Changing | Part::Settling => self.begin_part(Part::Asking),
        }
    }

    /// Begins with a part of a step, unless the driver crashes over it.
    pub(super) fn begin_part(&mut self, part: Part) {
        let Some(membership) = &self.setup.membership else { return };
        self.driver.part = part;
        if membership.crashes > 0.0 && self.driver.random.random_bool(membership.crashes.min(1.0)) {
            return self.crash_driver();
        }
        self.begin_number();
        self.record.line(self.now, || format!("driver: {part:?}"));
        let (life, number) = self.driver_name();
        let wait = match part {
            Part::Pausing => self.driver.random.random_range(0..=membership.pause),
            Part::Off
            | Part::Asking
            | Part::Joining
            | Part::Telling
            | Part::RaisingFloors
            | Part::Rescanning
            | Part::Done => self.answers(),
            Part::Loading | Part::Changing | Part::Settling => 2 * self.tries(),
        };
        self.put_after(wait, Event::Drive { life, number });
        match part {
            Part::Off | Part::Pausing | Part::Done => {}
            Part::Asking => self.ask_everyone(),
            Part::Loading => self.ask_register(Function::Read, Value::Null, None),
            Part::Joining => self.admit(membership),
            Part::Changing => self.change_document(membership),
            Part::Telling => self.tell(),
            Part::RaisingFloors => self.raise_floors(),
            Part::Rescanning => self.rescan_next(),
            Part::Settling => self.settle_document(),
        }
    }

    pub(super) fn begin_number(&mut self) {
        self.driver.number += 1;
    }

    pub(super) fn driver_name(&mut self) -> (u32, u32) {
        let driver = self.setup.driver();
        (self.process(driver).life, self.driver.number)
    }

    /// How long answers are waited for.
    pub(super) fn answers(&self) -> u64 {
        ANSWERS.0.max(self.setup.network.delay.1.saturating_mul(ANSWERS.1))
    }

    /// How long the driver tries a change of a register.
    pub(super) fn tries(&self) -> u64 {
        TRIES.0.max(self.setup.network.delay.1.saturating_mul(TRIES.1))
    }

    fn crash_driver(&mut self) {
        let driver = self.setup.driver();
        self.record.line(self.now, || "the driver crashes".to_owned());
        self.crash_proposer(driver);
        let (life, number) = self.driver_name();
        let away = self.driver.random.random_range(0..=AWAY);
        self.put_after(away, Event::Drive { life, number });
    }

    /// Sends a request of the present part to these acceptors, and waits for their answers.
    pub(super) fn driver_sends(&mut self, phase: Phase, key: &Key, letters: Vec<(u32, Letter)>) {
        let proposer = self.setup.driver();
        let (life, number) = self.driver_name();
        let op = OpId { client: OpId::DRIVER, number };
        self.driver.waiting = letters.iter().map(|(acceptor, _)| *acceptor).collect();
        for (acceptor, letter) in letters {
            let (task, attempt, copy) = (Task::Driver, 0, 0);
            let (key, ballot) = (key.clone(), Ballot::ZERO);
            let origin =
                Origin { task, op, attempt, phase, proposer, life, acceptor, copy, key, ballot };
            self.send_request(origin, letter);
        }
    }

    fn control(&mut self, whom: BTreeSet<u32>, control: &Control) {
        let letter = |acceptor| (acceptor, Letter::Control(control.clone()));
        let letters = whom.into_iter().map(letter).collect();
        self.driver_sends(Phase::Control, &DOCUMENT.into(), letters);
    }

    /// Gives a change of a register to the driver's own desk.
    pub(super) fn ask_register(&mut self, f: Function, value: Value, expected: Option<u64>) {
        self.ask_key(&DOCUMENT.into(), f, value, expected);
    }

    pub(super) fn ask_key(&mut self, key: &Key, f: Function, value: Value, expected: Option<u64>) {
        let driver = self.setup.driver();
        let op = OpId { client: OpId::DRIVER, number: self.driver.number };
        let call = Call { f, key: key.to_string(), value };
        let asked = Asked { op, call, expected, pairs: false, told: Vec::new() };
        let deadline = self.by_clock(driver, self.now.saturating_add(self.tries()));
        self.submit(driver, key, asked, deadline);
    }

    /// Whoever leads the servers knows them all; what they know, the driver asks them.
    fn ask_everyone(&mut self) {
        self.control((1..=self.setup.numbers()).collect(), &Control::Report);
    }

    fn admit(&mut self, membership: &Membership) {
        let Some((document, _)) = self.driver.document.clone() else { return };
        let Some(next) = self.next(&document, membership) else { return };
        let newcomers: BTreeSet<u32> =
            next.voters.members().difference(&document.voters.members()).copied().collect();
        if newcomers.is_empty() {
            return self.begin_part(Part::Changing);
        }
        // What is erased until the configuration before is sealed is older still: see `raise_floors`.
        let promise_floor =
            self.acceptors.iter().map(super::Acceptor::promise_floor).max().unwrap_or_default();
        self.control(newcomers, &Control::Join(document, promise_floor));
    }

    /// The document of the next step.
    fn next(&self, document: &Document, membership: &Membership) -> Option<Document> {
        let step = usize::try_from(document.epoch).ok()?;
        if self.has(Flaw::TakesTwoSteps)
            && let Some(voters) = membership.steps.get(step + 1)
        {
            let mut next = document.followed_by(voters.clone());
            next.epoch += 1;
            return Some(next);
        }
        Some(document.followed_by(membership.steps.get(step)?.clone()))
    }

    fn change_document(&mut self, membership: &Membership) {
        let Some((document, version)) = self.driver.document.clone() else { return };
        let Some(next) = self.next(&document, membership) else { return };
        self.ask_register(Function::Cas, json!([null, next.written()]), Some(version));
    }

    fn tell(&mut self) {
        let Some((document, _)) = self.driver.document.clone() else { return };
        let before = document.before.iter().flat_map(Voters::members);
        let whom = before.chain(document.voters.members()).collect();
        self.control(whom, &Control::Tell(document));
    }

    fn is_sealed(&self) -> bool {
        let Some((document, _)) = &self.driver.document else { return false };
        let before = document.before.as_ref();
        before.is_none_or(|before| before.configuration(0).is_blocked_by(&self.driver.told))
    }

    /// What was erased under the configuration before must not be forgotten with those who erased
    /// it: everyone grows as old as the oldest of those who can erase nothing under it any more.
    fn raise_floors(&mut self) {
        let (promise_floor, tombstone) = (self.driver.promise_floor, Ballot::ZERO);
        let Some((document, _)) = self.driver.document.clone() else { return };
        if promise_floor == 0 {
            return self.begin_rescan();
        }
        let letter =
            Letter::Register(document.epoch, Request::Collect { tombstone, promise_floor });
        let members = document.voters.members().into_iter();
        let letters = members.map(|acceptor| (acceptor, letter.clone())).collect();
        self.driver_sends(Phase::Collect, &DOCUMENT.into(), letters);
    }

    fn settle_document(&mut self) {
        let Some((document, version)) = self.driver.document.clone() else { return };
        let settled = Document { settled: true, ..(*document).clone() };
        self.ask_register(Function::Cas, json!([null, settled.written()]), Some(version));
    }

    pub(super) fn on_driver_report(&mut self, origin: &Origin, report: Option<Report>) {
        let driver = self.setup.driver();
        if let Some(report) = &report {
            self.learn(driver, &report.document);
        }
        if origin.op.number != self.driver.number || !self.driver.waiting.remove(&origin.acceptor) {
            return;
        }
        match (self.driver.part, report) {
            (Part::Joining, None) => {
                // Its number is dead: the step waits until it is made possible.
                self.driver.waiting.insert(origin.acceptor);
            }
            (Part::Telling, Some(report)) => {
                self.driver.told.insert(AcceptorId(origin.acceptor));
                self.driver.promise_floor =
                    self.driver.promise_floor.max(report.state.promise_floor);
                self.driver.keys.extend(report.keys);
            }
            (
                Part::Off
                | Part::Pausing
                | Part::Asking
                | Part::Loading
                | Part::Joining
                | Part::Changing
                | Part::Telling
                | Part::RaisingFloors
                | Part::Rescanning
                | Part::Settling
                | Part::Done,
                _,
            ) => {}
        }
        self.driver_heard();
    }

    pub(super) fn on_driver_lost(&mut self, origin: &Origin) {
        if origin.op.number != self.driver.number {
            return;
        }
        // A newcomer that did not hear of it, or one that is too young, is asked again.
        if self.driver.part != Part::Joining && self.driver.part != Part::RaisingFloors {
            self.driver.waiting.remove(&origin.acceptor);
            self.driver_heard();
        }
    }

    /// Goes on when everyone has answered.
    pub(super) fn driver_heard(&mut self) {
        if !self.driver.waiting.is_empty() {
            return;
        }
        match self.driver.part {
            Part::Asking => self.begin_part(Part::Loading),
            Part::Joining => self.begin_part(Part::Changing),
            Part::Telling if self.is_sealed() => self.begin_part(Part::RaisingFloors),
            Part::Off
            | Part::Pausing
            | Part::Loading
            | Part::Changing
            | Part::Telling
            | Part::RaisingFloors
            | Part::Rescanning
            | Part::Settling
            | Part::Done => {}
        }
    }

    /// A change that the driver asked for has ended; none when nobody knows how.
    pub(super) fn on_driver_settled(&mut self, op: OpId, told: Option<Told>) {
        if op.number != self.driver.number {
            return;
        }
        let told = told.filter(|told| told.outcome == Outcome::Ok);
        match (self.driver.part, told) {
            (Part::Rescanning, Some(_)) => {
                self.driver.left.pop_front();
                self.record.met(Situation::RescannedByIdentity);
                self.rescan_next();
            }
            (Part::Rescanning, None) => self.rescan_next(),
            (Part::Loading, Some(told)) => self.loaded(&told.value, told.version),
            (Part::Changing | Part::Settling, Some(told)) => {
                self.loaded(&told.value[1], told.version);
            }
            (
                Part::Off
                | Part::Pausing
                | Part::Asking
                | Part::Loading
                | Part::Joining
                | Part::Changing
                | Part::Telling
                | Part::RaisingFloors
                | Part::Settling
                | Part::Done,
                _,
            ) => self.begin_part(Part::Asking),
        }
    }

    /// Goes on from what the store holds.
    fn loaded(&mut self, value: &Value, version: u64) {
        let driver = self.setup.driver();
        let document = Document::read(value).map_or_else(|| self.first.clone(), Rc::new);
        self.learn(driver, &document);
        self.driver.document = Some((document.clone(), version));
        let resumed = std::mem::take(&mut self.driver.crashed);
        if !document.settled {
            if resumed {
                self.record.met(Situation::DriverResumed);
            }
            self.driver.told.clear();
            self.driver.keys.clear();
            self.driver.promise_floor = 0;
            return self.begin_part(Part::Telling);
        }
        if self.driver.part == Part::Settling {
            self.record.met(Situation::StepSettled);
            self.see_off(&document);
            return self.begin_part(Part::Pausing);
        }
        let steps = self.setup.membership.as_ref().map_or(0, |membership| membership.steps.len());
        if usize::try_from(document.epoch).is_ok_and(|epoch| epoch < steps) {
            self.begin_part(Part::Joining);
        } else {
            self.driver.part = Part::Done;
            self.begin_number();
        }
    }

    /// Those who have left vote no more, and are switched off if that is drawn.
    fn see_off(&mut self, document: &Document) {
        if self.setup.membership.as_ref().is_some_and(|membership| membership.leavers_gone) {
            let before = document.before.as_ref().map(Voters::members);
            let members = document.voters.members();
            let whom = before.unwrap_or_default().difference(&members).copied().collect();
            self.begin_number();
            self.control(whom, &Control::Leave);
        }
    }

    /// Takes up every key that anyone holds.
    pub(super) fn begin_rescan(&mut self) {
        let first = |keys: &BTreeSet<Key>| {
            keys.iter().find(|key| !key.starts_with('\0')).cloned().into_iter().collect()
        };
        let even = self
            .driver
            .document
            .as_ref()
            .is_some_and(|(document, _)| document.voters.members().len() % 2 == 0);
        self.driver.left = if self.has(Flaw::NoRescan) || (even && self.has(Flaw::EvenUnscanned)) {
            VecDeque::new()
        } else if self.has(Flaw::RescansOneKey) {
            first(&self.driver.keys)
        } else {
            self.driver.keys.iter().cloned().collect()
        };
        self.begin_part(Part::Rescanning);
    }
}
