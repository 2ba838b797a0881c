//! How messages travel.

use super::{Event, Key, World};
use crate::change::Held;
use crate::fates::RETRY;
use crate::message::{Fate, MessageId, OpId, Phase, Way};
use crate::mutants::Flaw;
use crate::record::Record;
use caspaxos::{Ballot, Reply, Request};
use std::fmt;

/// Which request a message is, or answers.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) op: OpId,
    pub(super) attempt: u32,
    pub(super) phase: Phase,
    pub(super) proposer: u32,
    /// Which life of the proposer's process: a later one does not hear its replies.
    pub(super) life: u32,
    pub(super) acceptor: u32,
    pub(super) copy: u32,
    pub(super) key: Key,
    pub(super) ballot: Ballot,
}

impl Origin {
    const fn message(&self, way: Way) -> MessageId {
        let Self { op, attempt, phase, acceptor, copy, .. } = *self;
        MessageId { op, attempt, phase, acceptor, way, copy }
    }
}

impl World<'_> {
    pub(super) fn send_request(&mut self, origin: Origin, request: Request<Held>) {
        let message = origin.message(Way::Request);
        let fate = self.fate(&origin, message);
        if !matches!(fate, Fate::Arrives { .. }) {
            let words = Words::Request(&request);
            note(&mut self.record, self.now, &origin, "→", &words, &fate);
        }
        match fate {
            Fate::Arrives { after } => self.put_after(after, Event::Request { origin, request }),
            Fate::Twice { after, again } => {
                let copy = Origin { copy: 1, ..origin.clone() };
                self.put_after(after, Event::Request { origin, request: request.clone() });
                self.put_after(again, Event::Request { origin: copy, request });
            }
            Fate::Lost => {}
            Fate::Refused { told } => {
                self.put_after(told, Event::Lost { origin, delivered: false });
            }
            Fate::Broken { told, arrives } => {
                if let Some(after) = arrives {
                    let origin = origin.clone();
                    self.put_after(after, Event::Request { origin, request: request.clone() });
                }
                self.broken(origin, message, told, Some(request));
            }
        }
    }

    /// Sends an acceptor's reply. `request` is what it answers, for a transport that would retry.
    pub(super) fn send_reply(
        &mut self,
        origin: Origin,
        reply: Reply<Held>,
        request: Option<Request<Held>>,
    ) {
        let message = origin.message(Way::Reply);
        let fate = self.fate(&origin, message);
        if !matches!(fate, Fate::Arrives { .. }) {
            note(&mut self.record, self.now, &origin, "←", &Words::Reply(&reply), &fate);
        }
        match fate {
            Fate::Arrives { after } => self.put_after(after, Event::Reply { origin, reply }),
            Fate::Twice { after, again } => {
                let copy = origin.clone();
                self.put_after(after, Event::Reply { origin, reply: reply.clone() });
                self.put_after(again, Event::Reply { origin: copy, reply });
            }
            Fate::Lost | Fate::Refused { .. } => {}
            Fate::Broken { told, .. } => self.broken(origin, message, told, request),
        }
    }

    /// The proposer hears that a connection broke, and that the request may have been delivered.
    fn broken(
        &mut self,
        origin: Origin,
        message: MessageId,
        told: u64,
        request: Option<Request<Held>>,
    ) {
        if self.has(Flaw::RetriesAccepts)
            && Phase::is_first_accept(message)
            && let Some(request) = request
        {
            let origin = Origin { copy: 1, ..origin };
            self.put_after(told + RETRY, Event::Request { origin, request });
            return;
        }
        let delivered = !self.has(Flaw::ClaimsNotDelivered);
        self.put_after(told, Event::Lost { origin, delivered });
    }

    fn fate(&mut self, origin: &Origin, message: MessageId) -> Fate {
        let wrong = self.weather.on(origin.proposer, origin.acceptor, message.way, self.now);
        let fate = self.fates.of(message, &wrong);
        self.record.message(self.now, message, fate);
        fate
    }
}

/// What a message says, for the trace.
pub(super) enum Words<'a> {
    Request(&'a Request<Held>),
    Reply(&'a Reply<Held>),
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Option<Held>| {
            value.as_ref().map_or_else(|| "nothing".to_owned(), |value| value.to_string())
        };
        match self {
            Words::Request(Request::Prepare { ballot }) => write!(f, "prepare {ballot}"),
            Words::Request(Request::Accept { ballot, value, promise }) => {
                write!(f, "accept {} under {ballot}, promise {promise}", show(value))
            }
            Words::Reply(Reply::Promise { accepted, value }) => {
                write!(f, "promised; holds {} of {accepted}", show(value))
            }
            Words::Request(Request::Read | Request::Install(_) | Request::Collect { .. }) => {
                f.write_str("something that this world does not do")
            }
            Words::Reply(Reply::Current { .. } | Reply::Installed | Reply::Collected(_)) => {
                f.write_str("something that this world does not do")
            }
            Words::Reply(Reply::Accepted) => f.write_str("accepted"),
            Words::Reply(Reply::Conflict(held) | Reply::Refused(held)) => {
                write!(f, "conflict; promised {}, accepted {}", held.promised, held.accepted)
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
    words: &Words<'_>,
    end: &dyn fmt::Display,
) {
    record.line(now, || {
        let Origin { op, proposer, acceptor, key, copy, .. } = origin;
        let again = if *copy > 0 { " again" } else { "" };
        format!("p{proposer} {arrow} a{acceptor}  {words} [{op}, key {key}{again}] {end}")
    });
}
