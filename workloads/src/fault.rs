//! The faults by name.

use crate::names::named;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// Links refuse new connections and reset the ones there are.
    Cut,
    /// Links stall both ways and lose nothing: what was held back flows on when they heal.
    Blackhole,
    /// Links stall one way only: requests, or replies.
    OneWay,
    /// Links deliver later, by a fixed time and some jitter.
    Latency,
    /// Links lose a request or a reply now and then, and the connection with it.
    Loss,
    /// An acceptor is stopped in good order and started again on what it had kept.
    Restart,
    /// An acceptor is killed (SIGKILL) and started again on what it had kept.
    Kill,
    /// An acceptor is stopped in its tracks (SIGSTOP) and let go on.
    Pause,
    /// Acceptors join, leave and are replaced, while drivers of the change are killed and resumed.
    Membership,
}

named!(FaultKind, "fault", {
    Cut => "cut",
    Blackhole => "blackhole",
    OneWay => "one-way",
    Latency => "latency",
    Loss => "loss",
    Restart => "restart",
    Kill => "kill",
    Pause => "pause",
    Membership => "membership",
});

impl FaultKind {
    /// One line about it, for people.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Cut => "links refuse new connections and reset the ones there are",
            Self::Blackhole => "links stall both ways; what was held back flows on when they heal",
            Self::OneWay => "links stall one way only: requests, or replies",
            Self::Latency => "links deliver later, by a fixed time and some jitter",
            Self::Loss => "links lose a request or a reply now and then, and its connection",
            Self::Restart => "an acceptor is stopped and started again on what it had kept",
            Self::Kill => "an acceptor is killed (SIGKILL) and started again on what it had kept",
            Self::Pause => "an acceptor is stopped in its tracks (SIGSTOP) and let go on",
            Self::Membership => "acceptors join, leave and are replaced; who drives that is killed",
        }
    }

    /// Whether it befalls links.
    #[must_use]
    pub const fn is_of_links(self) -> bool {
        match self {
            Self::Cut | Self::Blackhole | Self::OneWay | Self::Latency | Self::Loss => true,
            Self::Restart | Self::Kill | Self::Pause | Self::Membership => false,
        }
    }

    /// Whether it befalls the server of one acceptor.
    #[must_use]
    pub const fn is_of_acceptor(self) -> bool {
        !self.is_of_links() && !matches!(self, Self::Membership)
    }
}

/// Which way a one-way fault stalls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OneWay {
    /// From proposer to acceptor: nothing is asked.
    Requests,
    /// From acceptor to proposer: things happen, and nobody is told.
    Replies,
}

named!(OneWay, "direction", { Requests => "requests", Replies => "replies" });
