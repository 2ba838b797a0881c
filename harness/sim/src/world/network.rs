//! How messages travel.

use super::machines::Answer;
use super::{Event, Key, World, home_of};
use crate::change::Content;
use crate::fates::RETRY;
use crate::message::{Fate, MessageId, OpId, Phase, Way};
use crate::mutants::Flaw;
use crate::record::Record;
use bytes::Bytes;
use caspaxos::{AcceptorIdentity, AcceptorState, Ballot, RejectReason, Reply, Request};
use gryadka_cluster::{Cursor, Page, RequestError, Status};
use std::fmt;

/// Who at a proposer waits for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// The round of a key.
    Round,
    /// A read without a round.
    Read,
    /// The collector.
    Collection,
    /// A procedure.
    Procedure,
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
    /// Something about itself.
    Control(Control),
}

/// What is asked of an acceptor about itself: see [`gryadka_cluster::Acceptor`].
#[derive(Debug, Clone)]
pub(super) enum Control {
    Status,
    Admit {
        state: AcceptorState,
        config: Bytes,
        token: u64,
    },
    SetEpoch {
        identity: AcceptorIdentity,
        epoch: u64,
        config: Bytes,
    },
    Retire {
        identity: AcceptorIdentity,
        epoch: u64,
    },
    Erase(Vec<String>),
    FinishWipe(u64),
    List {
        cursor: Cursor,
        /// A cursor of an earlier life is taken for one of this: for a mutant.
        stale: bool,
    },
}

/// What comes of it.
#[derive(Debug, Clone)]
pub(super) enum Served {
    Status(Status),
    Done(u64),
    Page(Page),
}

/// What an acceptor answers.
#[derive(Debug, Clone)]
pub(super) enum Return {
    /// To a request about a register.
    Register(Result<Reply<Content>, RejectReason>),
    /// To a request about itself.
    Control(Result<Served, RequestError>),
}

/// Where a request goes, by what its sender knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Destination {
    /// The place of the acceptor.
    pub(super) home: u32,
    /// The cluster that it is to be an acceptor of.
    pub(super) cluster: u64,
}

impl Origin {
    const fn message(&self, way: Way) -> MessageId {
        let Self { op, attempt, phase, acceptor, copy, .. } = *self;
        MessageId { op, attempt, phase, acceptor, way, copy }
    }
}

impl World<'_> {
    pub(super) fn send_request(&mut self, origin: Origin, letter: Letter) {
        let to = self.destination(&origin, &letter);
        let message = origin.message(Way::Request);
        let fate = self.fate(&origin, to.home, message);
        if !matches!(fate, Fate::Arrives { .. }) {
            note(&mut self.record, self.now, &origin, "→", &letter, &fate);
        }
        match fate {
            Fate::Arrives { after } => self.put_after(after, Event::Request { origin, to, letter }),
            Fate::Twice { after, again } => {
                let copy = Origin { copy: 1, ..origin.clone() };
                self.put_after(after, Event::Request { origin, to, letter: letter.clone() });
                self.put_after(again, Event::Request { origin: copy, to, letter });
            }
            Fate::Lost => {}
            Fate::Refused { told } => {
                self.put_after(told, Event::Lost { origin, may_have_executed: false });
            }
            Fate::Broken { told, arrives } => {
                if let Some(after) = arrives {
                    let origin = origin.clone();
                    self.put_after(after, Event::Request { origin, to, letter: letter.clone() });
                }
                self.broken(origin, message, told, Some((to, letter)));
            }
        }
    }

    /// Where a request goes. What a procedure asks an acceptor about itself goes to the place that it names.
    fn destination(&mut self, origin: &Origin, letter: &Letter) -> Destination {
        let config = &self.process(origin.proposer).config;
        let cluster = config.cluster;
        let home = match letter {
            Letter::Control(_) => origin.acceptor,
            Letter::Register(..) => {
                let known = config.acceptors.get(&origin.acceptor).and_then(|at| home_of(at));
                known.unwrap_or_else(|| self.setup.home(origin.acceptor))
            }
        };
        Destination { home, cluster }
    }

    /// Sends an acceptor's reply. `asked` is what it answers, for a transport that would retry.
    pub(super) fn send_reply(
        &mut self,
        origin: Origin,
        reply: Return,
        (to, letter): (Destination, Letter),
    ) {
        let message = origin.message(Way::Reply);
        let fate = self.fate(&origin, to.home, message);
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
            Fate::Broken { told, .. } => self.broken(origin, message, told, Some((to, letter))),
        }
    }

    /// The proposer hears that a connection broke, and that the request may have been executed.
    fn broken(
        &mut self,
        origin: Origin,
        message: MessageId,
        told: u64,
        asked: Option<(Destination, Letter)>,
    ) {
        if self.has(Flaw::RetriesAccepts)
            && Phase::is_first_accept(message)
            && let Some((to, letter)) = asked
        {
            let origin = Origin { copy: 1, ..origin };
            self.put_after(told + RETRY, Event::Request { origin, to, letter });
            return;
        }
        let may_have_executed = !self.has(Flaw::ClaimsNotDelivered);
        self.put_after(told, Event::Lost { origin, may_have_executed });
    }

    fn fate(&mut self, origin: &Origin, home: u32, message: MessageId) -> Fate {
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
            (Task::Round | Task::Read | Task::Collection, Return::Register(reply)) => {
                // Of what was refused nothing has happened, unless an earlier copy of it got through.
                let may_have_executed = self.setup.repeats;
                let refused = |_| Answer::Error { may_have_executed };
                self.hand_in(&origin, reply.map_or_else(refused, Answer::Reply));
            }
            (Task::Procedure, Return::Register(reply)) => self.on_floor_raised(&origin, reply),
            (Task::Procedure, Return::Control(served)) => self.on_procedure_reply(&origin, served),
            (Task::Learning, Return::Control(Ok(Served::Status(status)))) => {
                self.learn_from(origin.proposer, &status);
            }
            (
                Task::Round | Task::Read | Task::Collection | Task::Learning,
                Return::Register(_) | Return::Control(_),
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
            Task::Procedure => self.on_procedure_lost(&origin, may_have_executed),
            Task::Round | Task::Read | Task::Collection | Task::Learning => {
                self.hand_in(&origin, Answer::Error { may_have_executed });
            }
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
                        write!(f, "collect {tombstone}, promise floor {promise_floor}")?;
                    }
                }
                if *epoch > 1 { write!(f, ", epoch {epoch}") } else { Ok(()) }
            }
            Self::Control(control) => match control {
                Control::Status => f.write_str("status"),
                Control::Admit { state, .. } => {
                    write!(f, "admit as {} in epoch {}", state.identity.acceptor.0, state.epoch)
                }
                Control::SetEpoch { epoch, .. } => write!(f, "know epoch {epoch}"),
                Control::Retire { .. } => f.write_str("retire"),
                Control::Erase(keys) => write!(f, "erase {} registers", keys.len()),
                Control::FinishWipe(_) => f.write_str("finish the wipe"),
                Control::List { cursor, .. } if cursor.meaning().is_empty() => f.write_str("list"),
                Control::List { .. } => f.write_str("list on"),
            },
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
                Reply::Erased(true) => f.write_str("erased"),
                Reply::Erased(false) => f.write_str("nothing to erase"),
            },
            Self::Register(Err(RejectReason::NotMember)) => {
                f.write_str("is not the one that is meant")
            }
            Self::Register(Err(RejectReason::Fenced(epoch))) => write!(f, "is in epoch {epoch}"),
            Self::Control(Ok(Served::Status(status))) => match status.state {
                Some(AcceptorState { identity, epoch, promise_floor }) => {
                    let acceptor = identity.acceptor.0;
                    write!(f, "is {acceptor}, in epoch {epoch}, promise floor {promise_floor}")
                }
                None => f.write_str("is no acceptor"),
            },
            Self::Control(Ok(Served::Done(_))) => f.write_str("done"),
            Self::Control(Ok(Served::Page(page))) => {
                let more = if page.next.is_some() { ", and more" } else { "" };
                write!(f, "{} keys{more}", page.keys.len())
            }
            Self::Control(Err(error)) => write!(f, "{error}"),
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
