//! How messages travel.

use super::{Event, Key, World};
use crate::change::Content;
use crate::document::Document;
use crate::fates::RETRY;
use crate::message::{Fate, MessageId, OpId, Phase, Way};
use crate::mutants::Flaw;
use crate::record::Record;
use caspaxos::{AcceptorState, Ballot, RejectReason, Reply, Request};
use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;

/// Who at a proposer waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// The round of a key.
    Round,
    /// A read without a round.
    Read,
    /// The collector.
    Collection,
    /// The driver of the membership.
    Driver,
    /// A proposer that asks for the configuration.
    Learning,
}

/// Which request a message is, or answers.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) task: Task,
    pub(super) op: OpId,
    pub(super) attempt: u32,
    pub(super) phase: Phase,
    pub(super) proposer: u32,
    /// Which life of the proposer's process: a later one does not hear its replies.
    pub(super) life: u32,
    /// The number of the acceptor that is meant.
    pub(super) acceptor: u32,
    pub(super) copy: u32,
    pub(super) key: Key,
    pub(super) ballot: Ballot,
}

/// What is asked of an acceptor.
#[derive(Debug, Clone)]
pub(super) enum Letter {
    /// Something about a register, under an epoch.
    Register(u64, Request<Content>),
    /// Something about its place in the cluster.
    Control(Control),
}

/// What is asked about an acceptor's place in the cluster.
#[derive(Debug, Clone)]
pub(super) enum Control {
    /// Say what you know.
    Report,
    /// Join under this document's epoch, empty, and of this promise_floor.
    Join(Rc<Document>, u64),
    /// Know of this document.
    Tell(Rc<Document>),
    /// Leave: vote no more.
    Leave,
}

/// What an acceptor answers.
#[derive(Debug, Clone)]
pub(super) enum Return {
    /// To a request about a register.
    Register(Result<Reply<Content>, RejectReason>),
    /// To a request about its place, with what it knows afterwards; none when it is not, or no
    /// longer, the one that was meant.
    Report(Option<Report>),
}

/// What an acceptor knows.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub(super) state: AcceptorState,
    pub(super) document: Rc<Document>,
    pub(super) keys: BTreeSet<Key>,
}

impl Origin {
    const fn message(&self, way: Way) -> MessageId {
        let Self { op, attempt, phase, acceptor, copy, .. } = *self;
        MessageId { op, attempt, phase, acceptor, way, copy }
    }
}

impl World<'_> {
    pub(super) fn send_request(&mut self, origin: Origin, letter: Letter) {
        let message = origin.message(Way::Request);
        let fate = self.fate(&origin, message);
        if !matches!(fate, Fate::Arrives { .. }) {
            note(&mut self.record, self.now, &origin, "→", &letter, &fate);
        }
        match fate {
            Fate::Arrives { after } => self.put_after(after, Event::Request { origin, letter }),
            Fate::Twice { after, again } => {
                let copy = Origin { copy: 1, ..origin.clone() };
                self.put_after(after, Event::Request { origin, letter: letter.clone() });
                self.put_after(again, Event::Request { origin: copy, letter });
            }
            Fate::Lost => {}
            Fate::Refused { told } => {
                self.put_after(told, Event::Lost { origin, may_have_executed: false });
            }
            Fate::Broken { told, arrives } => {
                if let Some(after) = arrives {
                    let origin = origin.clone();
                    self.put_after(after, Event::Request { origin, letter: letter.clone() });
                }
                self.broken(origin, message, told, Some(letter));
            }
        }
    }

    /// Sends an acceptor's reply. `letter` is what it answers, for a transport that would retry.
    pub(super) fn send_reply(&mut self, origin: Origin, reply: Return, letter: Option<Letter>) {
        let message = origin.message(Way::Reply);
        let fate = self.fate(&origin, message);
        if !matches!(fate, Fate::Arrives { .. }) {
            note(&mut self.record, self.now, &origin, "←", &reply, &fate);
        }
        match fate {
            Fate::Arrives { after } => self.put_after(after, Event::Reply { origin, reply }),
            Fate::Twice { after, again } => {
                let copy = origin.clone();
                self.put_after(after, Event::Reply { origin, reply: reply.clone() });
                self.put_after(again, Event::Reply { origin: copy, reply });
            }
            Fate::Lost | Fate::Refused { .. } => {}
            Fate::Broken { told, .. } => self.broken(origin, message, told, letter),
        }
    }

    /// The proposer hears that a connection broke, and that the request may have been may_have_executed.
    fn broken(&mut self, origin: Origin, message: MessageId, told: u64, letter: Option<Letter>) {
        if self.has(Flaw::RetriesAccepts)
            && Phase::is_first_accept(message)
            && let Some(letter) = letter
        {
            let origin = Origin { copy: 1, ..origin };
            self.put_after(told + RETRY, Event::Request { origin, letter });
            return;
        }
        let may_have_executed = !self.has(Flaw::ClaimsNotDelivered);
        self.put_after(told, Event::Lost { origin, may_have_executed });
    }

    fn fate(&mut self, origin: &Origin, message: MessageId) -> Fate {
        let home = self.setup.home(origin.acceptor);
        let wrong = self.weather.on(origin.proposer, home, message.way, self.now);
        let fate = self.fates.of(message, &wrong);
        self.record.message(self.now, message, fate);
        fate
    }

    /// A reply is at its proposer: whoever waits for it takes it up.
    pub(super) fn on_reply(&mut self, origin: Origin, reply: Return) {
        note(&mut self.record, self.now, &origin, "←", &reply, &"");
        if self.process(origin.proposer).life != origin.life {
            return;
        }
        if let Return::Register(Err(RejectReason::Fenced(epoch))) = reply {
            self.fenced(origin.proposer, epoch);
        }
        match (origin.task, reply) {
            (Task::Round, Return::Register(reply)) => self.on_round_reply(&origin, reply),
            (Task::Read, Return::Register(reply)) => self.on_read_reply(&origin, reply),
            (Task::Collection, Return::Register(reply)) => {
                self.on_collection_reply(&origin, reply);
            }
            (Task::Driver, Return::Register(reply)) => self.on_floor_raised(&origin, &reply),
            (Task::Driver, Return::Report(report)) => self.on_driver_report(&origin, report),
            (Task::Learning, Return::Report(Some(report))) => {
                self.learn(origin.proposer, &report.document);
            }
            (
                Task::Round | Task::Read | Task::Collection | Task::Learning,
                Return::Register(_) | Return::Report(_),
            ) => {}
        }
    }

    pub(super) fn on_error(&mut self, origin: Origin, may_have_executed: bool) {
        let end = if may_have_executed { "may have arrived" } else { "never left" };
        self.record.line(self.now, || {
            let Origin { op, proposer, acceptor, phase, .. } = &origin;
            format!("p{proposer} ← a{acceptor}  nothing: its {} for {op} {end}", phase.name())
        });
        let sets_back = self.has(Flaw::SetsCounterBack);
        let process = self.process(origin.proposer);
        if process.life != origin.life {
            return;
        }
        if sets_back && let Some(core) = &mut process.proposer {
            core.set_counter(0);
        }
        match origin.task {
            Task::Round => self.on_round_lost(&origin, may_have_executed),
            Task::Read => self.on_read_lost(&origin),
            Task::Collection => self.on_collection_lost(&origin, may_have_executed),
            Task::Driver => self.on_driver_lost(&origin),
            Task::Learning => {}
        }
    }
}

struct Shown<'a>(&'a Option<Content>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("nothing"),
            Some(cell) => match &cell.value {
                Some(value) => write!(f, "{value} (version {})", cell.version),
                None if cell.version == 0 => f.write_str("nothing"),
                None => write!(f, "a tombstone (version {})", cell.version),
            },
        }
    }
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register(epoch, request) => {
                match request {
                    Request::Prepare { ballot } => write!(f, "prepare {ballot}")?,
                    Request::Accept { ballot, value, promise } => {
                        write!(f, "accept {} under {ballot}, promise {promise}", Shown(value))?;
                    }
                    Request::Read => f.write_str("read")?,
                    Request::Collect { tombstone, promise_floor } => {
                        write!(f, "collect {tombstone}, promise_floor {promise_floor}")?;
                    }
                }
                if *epoch > 0 { write!(f, ", epoch {epoch}") } else { Ok(()) }
            }
            Self::Control(Control::Report) => f.write_str("report"),
            Self::Control(Control::Join(document, _)) => write!(f, "join epoch {}", document.epoch),
            Self::Control(Control::Tell(document)) => write!(f, "know epoch {}", document.epoch),
            Self::Control(Control::Leave) => f.write_str("leave"),
        }
    }
}

impl fmt::Display for Return {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register(Ok(reply)) => match reply {
                Reply::Promise { promise_floor, accepted, value } => {
                    let held = Shown(value);
                    write!(f, "promised; holds {held} of {accepted}, floor {promise_floor}")
                }
                Reply::Accepted => f.write_str("accepted"),
                Reply::Conflict(held) | Reply::Refused(held) => {
                    write!(f, "conflict; promised {}, accepted {}", held.promised, held.accepted)
                }
                Reply::Current { accepted, value } => {
                    write!(f, "holds {} of {accepted}", Shown(value))
                }
                Reply::Collected(true) => f.write_str("erased"),
                Reply::Collected(false) => f.write_str("nothing to erase"),
            },
            Self::Register(Err(RejectReason::NotMember)) | Self::Report(None) => {
                f.write_str("is not the one that is meant")
            }
            Self::Register(Err(RejectReason::Fenced(epoch))) => write!(f, "is in epoch {epoch}"),
            Self::Report(Some(report)) => {
                let AcceptorState { epoch, promise_floor, .. } = report.state;
                write!(
                    f,
                    "is in epoch {epoch}, promise_floor {promise_floor}; knows of {}",
                    report.document.epoch
                )
            }
        }
    }
}

/// A line about a message.
pub(super) fn note(
    record: &mut Record,
    now: u64,
    origin: &Origin,
    arrow: &str,
    words: &dyn fmt::Display,
    end: &dyn fmt::Display,
) {
    record.line(now, || {
        let Origin { op, proposer, acceptor, key, copy, .. } = origin;
        let again = if *copy > 0 { " again" } else { "" };
        let key = if key.starts_with('\0') { "configuration" } else { key };
        format!("p{proposer} {arrow} a{acceptor}  {words} [{op}, key {key}{again}] {end}")
    });
}
