//! Everything that makes up a world, beside its seed.

use crate::document::{Voters, Votes};
use crate::fault::{Fault, Trouble};
use crate::mutants::Mutant;
use caspaxos::{AcceptorId, Configuration, ConfigurationError, Quorum};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use workloads::Link;

/// A world. All times are virtual nanoseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Setup {
    /// How many acceptors, from 1.
    pub acceptors: u32,
    /// How many proposers, from 1.
    pub proposers: u32,
    /// How many clients, from 1.
    pub clients: u32,
    /// How many acceptors must promise.
    pub prepare_quorum: usize,
    /// How many acceptors must accept.
    pub accept_quorum: usize,
    /// Whether the two quorums may miss each other; the protocol is not safe then.
    #[serde(default)]
    pub unsafe_quorums: bool,
    /// How many keys a proposer remembers to save them a round trip; 0 for none.
    pub cache: usize,
    /// Whether the transport may repeat requests, and the proposers know that it may.
    #[serde(default)]
    pub repeats: bool,
    /// After this long a proposer gives a change up, by its own clock.
    pub deadline: u64,
    /// How fast each proposer's clock runs, in thousandths; 1000 where absent.
    #[serde(default)]
    pub clocks: Vec<u64>,
    /// What clients do.
    pub load: Load,
    /// What befalls messages by itself.
    pub network: Network,
    /// A cut that comes and goes with the clients' writes.
    #[serde(default)]
    pub toggle: Option<Toggle>,
    /// How acceptors come and go, if they do.
    #[serde(default)]
    pub membership: Option<Membership>,
    /// The longest wait between two collections of tombstones, drawn evenly from 0; 0 for none.
    #[serde(default)]
    pub collections: u64,
    /// The fault put into the protocol, if any.
    #[serde(default)]
    pub mutant: Option<Mutant>,
    /// What befalls links and processes, and when.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

/// What clients do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Load {
    /// Which calls.
    pub calls: Calls,
    /// How many objects are in use at a time.
    pub keys: u32,
    /// How many calls each client makes; of `versioned-loop`, how many writes succeed.
    pub each: u32,
    /// The longest wait between two calls of a client; drawn evenly from 0.
    pub think: u64,
    /// Whether a client asks a proposer drawn for each call, or always the same one.
    pub roams: bool,
    /// Whether every object is read once more at the end.
    pub closing_reads: bool,
    /// How likely a read asks for what is held before it takes a round.
    #[serde(default)]
    pub quorum_reads: f64,
    /// How likely a write of `cas-register`, or a read of `increment`, is a delete instead.
    #[serde(default)]
    pub deletes: f64,
    /// Whether a compare-and-set compares the version that its client was told with the value.
    #[serde(default)]
    pub by_version: bool,
}

/// How acceptors come and go. Those of [`Setup::acceptors`] are numbered from 1, each later one has
/// a number of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Membership {
    /// When the driver is first started.
    pub at: u64,
    /// The acceptors that the cluster is given, one goal after the other.
    pub goals: Vec<BTreeSet<u32>>,
    /// The longest wait between two steps; drawn evenly from 0.
    pub pause: u64,
    /// How often the driver crashes, in the middle of anything: about so often in a step.
    #[serde(default)]
    pub crashes: f64,
    /// When processes are started again with `--init` and the first list of acceptors, and which.
    #[serde(default)]
    pub founders: Vec<(u64, u32)>,
    /// The longest wait between two times that a proposer is told of the configuration by another;
    /// drawn evenly from 0.
    pub gossip: u64,
    /// Whether an acceptor that has left is switched off.
    #[serde(default)]
    pub leavers_gone: bool,
    /// Acceptors that live where another one lived before, whose memory was lost: the new number and
    /// the old one.
    #[serde(default)]
    pub rejoined: Vec<(u32, u32)>,
}

/// Which calls clients make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calls {
    /// [`workloads::Workload::CasRegister`].
    CasRegister,
    /// [`workloads::Workload::Append`].
    Append,
    /// [`workloads::Workload::Increment`].
    Increment,
    /// The published simulation's loop: read, then set if the version is still the one read.
    VersionedLoop,
}

impl Calls {
    /// The name of the model that judges the history.
    #[must_use]
    pub const fn model(self) -> &'static str {
        match self {
            Self::CasRegister | Self::Increment => "cas-register",
            Self::Append => "append",
            Self::VersionedLoop => "versioned-cas",
        }
    }
}

/// What befalls messages by itself. Probabilities are of one message, from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Network {
    /// The shortest and the longest time that a message takes, drawn evenly.
    pub delay: (u64, u64),
    /// How likely a message takes longer.
    #[serde(default)]
    pub stray: f64,
    /// By how much at most; drawn evenly from 0.
    #[serde(default)]
    pub stray_by: u64,
    /// How likely a message vanishes.
    #[serde(default)]
    pub lost: f64,
    /// How likely a request is refused before it leaves, and the proposer is told.
    #[serde(default)]
    pub refused: f64,
    /// How likely a message breaks with its connection, and the proposer is told.
    #[serde(default)]
    pub broken: f64,
    /// How likely a reply comes twice, and with [`Setup::repeats`] a request.
    #[serde(default)]
    pub repeated: f64,
}

impl Network {
    /// A network that only delays messages, by times in these bounds.
    pub(crate) const fn with_delay(delay: (u64, u64)) -> Self {
        Self { delay, stray: 0.0, stray_by: 0, lost: 0.0, refused: 0.0, broken: 0.0, repeated: 0.0 }
    }
}

/// Links that are cut and restored in turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Toggle {
    /// The links.
    pub links: Vec<Link>,
    /// The most writes that succeed between two changes; drawn evenly from 0.
    pub writes: u32,
}

/// Why a world cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// There is none of something, or too many.
    #[error("{what} is {found}; allowed: {allowed}")]
    Number {
        /// What there is none of.
        what: &'static str,
        /// What was written.
        found: u64,
        /// What would be right.
        allowed: &'static str,
    },
    /// The quorums cannot be had or may miss each other.
    #[error("{0}; say unsafe-quorums = true if that is meant")]
    Quorums(ConfigurationError),
}

impl Setup {
    /// Says what is wrong with it.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn check(&self) -> Result<(), SetupError> {
        let number = |what, found: u64, range: std::ops::RangeInclusive<u64>, allowed| {
            let right = range.contains(&found);
            if right { Ok(()) } else { Err(SetupError::Number { what, found, allowed }) }
        };
        number("acceptors", self.acceptors.into(), 1..=99, "1 to 99")?;
        number("proposers", self.proposers.into(), 1..=99, "1 to 99")?;
        number("clients", self.clients.into(), 1..=999, "1 to 999")?;
        number(
            "the longest delay",
            self.network.delay.1,
            self.network.delay.0..=u64::MAX,
            "the shortest or longer",
        )?;
        let (prepare, accept) = self.quorums();
        let sizes = [prepare.clone(), accept.clone()];
        for quorum in sizes {
            let all = Quorum { size: quorum.members.len(), members: quorum.members.clone() };
            Configuration::flexible(quorum, all).map_err(SetupError::Quorums)?;
        }
        if !self.unsafe_quorums {
            Configuration::flexible(prepare, accept).map_err(SetupError::Quorums)?;
        }
        for goal in self.membership.iter().flat_map(|membership| &membership.goals) {
            let members = goal.iter().copied().map(AcceptorId);
            Configuration::majority(members).map_err(SetupError::Quorums)?;
        }
        self.faults.iter().try_for_each(|fault| self.check_fault(&fault.what))
    }

    pub(crate) fn check_fault(&self, trouble: &Trouble) -> Result<(), SetupError> {
        let (what, found, most) = match *trouble {
            Trouble::Links { .. } => return Ok(()),
            Trouble::CrashProposer(proposer) | Trouble::PauseProposer(proposer) => {
                ("the proposer of a fault", proposer, self.driver())
            }
            Trouble::CrashAcceptor { acceptor, .. } | Trouble::PauseAcceptor(acceptor) => {
                ("the acceptor of a fault", acceptor, self.homes())
            }
        };
        if (1..=most).contains(&found) {
            return Ok(());
        }
        Err(SetupError::Number { what, found: found.into(), allowed: "1 to as many as there are" })
    }

    fn quorums(&self) -> (Quorum, Quorum) {
        let members = || (1..=self.acceptors).map(AcceptorId);
        (Quorum::of(self.prepare_quorum, members()), Quorum::of(self.accept_quorum, members()))
    }

    /// Whom the proposers ask at first. [`Setup::check`] has said whether it is safe.
    pub(crate) fn voters(&self) -> Voters {
        let of = || (1..=self.acceptors).collect();
        Voters {
            prepare: Votes { of: of(), size: self.prepare_quorum },
            accept: Votes { of: of(), size: self.accept_quorum },
        }
    }

    /// The process that collects tombstones: a proposer of its own behind those of the clients.
    #[must_use]
    pub const fn collector(&self) -> u32 {
        self.proposers + 1
    }

    /// The process that changes the membership: the last proposer.
    #[must_use]
    pub const fn driver(&self) -> u32 {
        self.proposers + 2
    }

    /// How many acceptors there are over the whole run.
    #[must_use]
    pub fn numbers(&self) -> u32 {
        let numbers = self.membership.iter().flat_map(|it| it.goals.iter().flatten());
        numbers.copied().max().unwrap_or_default().max(self.acceptors)
    }

    /// How many places there are for them; the last ones may be empty.
    #[must_use]
    pub fn homes(&self) -> u32 {
        self.numbers()
    }

    /// Where an acceptor lives.
    pub(crate) fn home(&self, number: u32) -> u32 {
        let rejoined = self.membership.iter().flat_map(|membership| &membership.rejoined);
        let mut places = rejoined.filter(|(new, _)| *new == number);
        places.next().map_or(number, |(_, old)| *old)
    }

    /// How fast this proposer's clock runs, in thousandths.
    pub(crate) fn clock(&self, proposer: u32) -> u64 {
        self.clocks.get(proposer as usize - 1).copied().unwrap_or(1000)
    }
}
