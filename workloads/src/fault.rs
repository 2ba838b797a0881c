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
    /// Links carry only so many bytes a second.
    Bandwidth,
    /// Links deliver in small pieces with pauses between.
    Slicing,
    /// Links lose a request or a reply now and then, and the connection with it.
    Loss,
    /// Links lose a whole request or a whole reply now and then, and whatever follows it on its
    /// connection, which stays open.
    Drop,
    /// Links reset every connection after a short life.
    Reset,
    /// Links close every connection after so many bytes.
    Limit,
    /// An acceptor is stopped in good order and started again on what it had kept.
    Restart,
    /// An acceptor is killed (SIGKILL) and started again on what it had kept.
    Kill,
    /// An acceptor is stopped in its tracks (SIGSTOP) and let go on.
    Pause,
    /// An acceptor is killed and started again without anything that it knew.
    Wipe,
    /// An acceptor is killed and started again without the end of its log that was not synced.
    TailLost,
    /// An acceptor ends the connections of its clients, again and again.
    Disconnect,
    /// An acceptor takes connections and executes nothing.
    Stall,
    /// An acceptor has reached its limit of memory and refuses writes.
    MemoryFull,
    /// An acceptor can no longer write its log.
    DiskFull,
    /// A proposer is stopped in good order and started again.
    ProposerRestart,
    /// A proposer is killed (SIGKILL) and started again.
    ProposerKill,
    /// A proposer is stopped in its tracks (SIGSTOP) and let go on.
    ProposerPause,
    /// Acceptors join, leave and are replaced, while drivers of the change are killed and resumed.
    Membership,
}

named!(FaultKind, "fault", {
    Cut => "cut",
    Blackhole => "blackhole",
    OneWay => "one-way",
    Latency => "latency",
    Bandwidth => "bandwidth",
    Slicing => "slicing",
    Loss => "loss",
    Drop => "drop",
    Reset => "reset",
    Limit => "limit",
    Restart => "restart",
    Kill => "kill",
    Pause => "pause",
    Wipe => "wipe",
    TailLost => "tail-lost",
    Disconnect => "disconnect",
    Stall => "stall",
    MemoryFull => "memory-full",
    DiskFull => "disk-full",
    ProposerRestart => "proposer-restart",
    ProposerKill => "proposer-kill",
    ProposerPause => "proposer-pause",
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
            Self::Bandwidth => "links carry only so many bytes a second",
            Self::Slicing => "links deliver in small pieces with pauses between",
            Self::Loss => "links lose a request or a reply now and then, and its connection",
            Self::Drop => "links lose a request or a reply and what follows; its connection stays",
            Self::Reset => "links reset every connection after a short life",
            Self::Limit => "links close every connection after so many bytes",
            Self::Restart => "an acceptor is stopped and started again on what it had kept",
            Self::Kill => "an acceptor is killed (SIGKILL) and started again on what it had kept",
            Self::Pause => "an acceptor is stopped in its tracks (SIGSTOP) and let go on",
            Self::Wipe => "an acceptor is killed and started again without what it knew",
            Self::TailLost => "an acceptor is killed; the unsynced end of its log is lost",
            Self::Disconnect => "an acceptor ends its clients' connections, again and again",
            Self::Stall => "an acceptor takes connections and executes nothing",
            Self::MemoryFull => "an acceptor has reached maxmemory and refuses writes",
            Self::DiskFull => "an acceptor can no longer write its log",
            Self::ProposerRestart => "a proposer is stopped in good order and started again",
            Self::ProposerKill => "a proposer is killed (SIGKILL) and started again",
            Self::ProposerPause => "a proposer is stopped in its tracks (SIGSTOP) and let go on",
            Self::Membership => "acceptors join, leave and are replaced; who drives that is killed",
        }
    }

    /// Whom it befalls.
    #[must_use]
    pub const fn befalls(self) -> Befalls {
        match self {
            Self::Cut
            | Self::Blackhole
            | Self::OneWay
            | Self::Latency
            | Self::Bandwidth
            | Self::Slicing
            | Self::Loss
            | Self::Drop
            | Self::Reset
            | Self::Limit => Befalls::Links,
            Self::Restart
            | Self::Kill
            | Self::Pause
            | Self::Wipe
            | Self::TailLost
            | Self::Disconnect
            | Self::Stall
            | Self::MemoryFull
            | Self::DiskFull => Befalls::Acceptor,
            Self::ProposerRestart | Self::ProposerKill | Self::ProposerPause => Befalls::Proposer,
            Self::Membership => Befalls::Cluster,
        }
    }

    /// Whether it befalls links.
    #[must_use]
    pub const fn is_of_links(self) -> bool {
        matches!(self.befalls(), Befalls::Links)
    }

    /// Whether it befalls the server of one acceptor.
    #[must_use]
    pub const fn is_of_acceptor(self) -> bool {
        matches!(self.befalls(), Befalls::Acceptor)
    }
}

/// What a fault is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Befalls {
    /// Links from proposers to acceptors.
    Links,
    /// The server of an acceptor.
    Acceptor,
    /// A proposer that is a process of its own.
    Proposer,
    /// The cluster as a whole.
    Cluster,
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
