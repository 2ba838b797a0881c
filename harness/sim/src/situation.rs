//! The situations of the protocol that a run can come into: what "covered" means.

use std::collections::BTreeMap;
use std::fmt;

/// A situation worth having been in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Situation {
    /// A prepare met a higher ballot.
    PrepareConflict,
    /// An accept was refused by some after another acceptor had accepted it.
    ConflictAfterPartialAccept,
    /// Every acceptor refused an accept, which proved it not applied.
    RefusedByAll,
    /// A change went straight to its accept, from the cache, and committed.
    OneRoundTrip,
    /// An accept from the cache met what another proposer had written since.
    CachedAcceptAfterForeignWrite,
    /// An accept arrived before its own prepare.
    AcceptOvertakesPrepare,
    /// A request came twice.
    RepeatedRequest,
    /// A reply came twice, or after its round was over.
    LateReply,
    /// An accept reached an acceptor after its client had been answered.
    LateAccept,
    /// A client could not be told how its call ended.
    Unknown,
    /// After that, the object was read.
    UnknownThenRead,
    /// A change was tried again after it was proved not applied.
    TriedAgain,
    /// A compare-and-set was refused, and the refusal confirmed by a quorum.
    RefusalConfirmed,
    /// A deadline passed in the middle of an accept.
    DeadlineInAccept,
    /// After a conflict, the replies outstanding were waited for no longer.
    GivenUpAfterConflict,
    /// A proposer crashed with a change under way.
    CrashInRound,
    /// An acceptor came back with its memory and was asked again.
    AcceptorCameBack,
    /// An acceptor that had lost its memory was asked, and did not vote.
    MemoryLossNoticed,
    /// A client gave up before its proposer did.
    ClientGaveUpFirst,
    /// Changes of several calls shared a round.
    CombinedRound,
    /// A change in doubt was found among the ancestors of the present value.
    DoubtFound,
    /// A change in doubt was not found, and applied again.
    DoubtAppliedAgain,
    /// A read needed no round.
    ReadSettled,
    /// A read without a round did not settle.
    ReadUnsettled,
    /// A request of an earlier epoch was refused.
    Fenced,
    /// A proposer learnt of a later configuration.
    ConfigurationLearnt,
    /// A driver that crashed in the middle of a step went on with it.
    DriverResumed,
    /// A step of the membership was settled.
    StepSettled,
    /// A listing was broken off because the acceptor had restarted, or was out of reach.
    ListingInterrupted,
    /// A process that started with an old list of acceptors was led to the cluster that has moved on.
    LedToSuccessor,
    /// A key was committed again by a change.
    RescannedByIdentity,
    /// A tombstone was collected.
    Collected,
    /// A collection found a value.
    CollectionFoundAlive,
    /// A collection could not reach everyone.
    CollectionUnfinished,
    /// A key was written for the first time after it was collected.
    WrittenAfterCollection,
    /// An acceptor that held nothing refused an accept, by its promise_floor.
    AgeRefused,
}

impl Situation {
    /// All of them.
    pub const ALL: [Self; 36] = [
        Self::PrepareConflict,
        Self::ConflictAfterPartialAccept,
        Self::RefusedByAll,
        Self::OneRoundTrip,
        Self::CachedAcceptAfterForeignWrite,
        Self::AcceptOvertakesPrepare,
        Self::RepeatedRequest,
        Self::LateReply,
        Self::LateAccept,
        Self::Unknown,
        Self::UnknownThenRead,
        Self::TriedAgain,
        Self::RefusalConfirmed,
        Self::DeadlineInAccept,
        Self::GivenUpAfterConflict,
        Self::CrashInRound,
        Self::AcceptorCameBack,
        Self::MemoryLossNoticed,
        Self::ClientGaveUpFirst,
        Self::CombinedRound,
        Self::DoubtFound,
        Self::DoubtAppliedAgain,
        Self::ReadSettled,
        Self::ReadUnsettled,
        Self::Fenced,
        Self::ConfigurationLearnt,
        Self::DriverResumed,
        Self::StepSettled,
        Self::ListingInterrupted,
        Self::LedToSuccessor,
        Self::RescannedByIdentity,
        Self::Collected,
        Self::CollectionFoundAlive,
        Self::CollectionUnfinished,
        Self::WrittenAfterCollection,
        Self::AgeRefused,
    ];

    /// The situation in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PrepareConflict => "conflict in prepare",
            Self::ConflictAfterPartialAccept => "conflict after partial accept",
            Self::RefusedByAll => "accept refused by all",
            Self::OneRoundTrip => "one round trip from the cache",
            Self::CachedAcceptAfterForeignWrite => "cached accept after a foreign write",
            Self::AcceptOvertakesPrepare => "accept overtakes its prepare",
            Self::RepeatedRequest => "repeated request",
            Self::LateReply => "late or repeated reply",
            Self::LateAccept => "accept after its client was answered",
            Self::Unknown => "unknown outcome",
            Self::UnknownThenRead => "read after an unknown outcome",
            Self::TriedAgain => "tried again after not applied",
            Self::RefusalConfirmed => "refused compare-and-set confirmed",
            Self::DeadlineInAccept => "deadline in the middle of an accept",
            Self::GivenUpAfterConflict => "given up waiting after a conflict",
            Self::CrashInRound => "proposer crash in the middle of a round",
            Self::AcceptorCameBack => "acceptor back with its memory",
            Self::MemoryLossNoticed => "acceptor without memory does not vote",
            Self::ClientGaveUpFirst => "client gave up before its proposer",
            Self::CombinedRound => "combined round",
            Self::DoubtFound => "doubtful change found in the lineage",
            Self::DoubtAppliedAgain => "doubtful change applied again",
            Self::ReadSettled => "read settled without a round",
            Self::ReadUnsettled => "read not settled without a round",
            Self::Fenced => "request of an earlier epoch fenced",
            Self::ConfigurationLearnt => "configuration learnt",
            Self::DriverResumed => "driver crashed and resumed",
            Self::StepSettled => "step of the membership settled",
            Self::ListingInterrupted => "listing begun anew",
            Self::LedToSuccessor => "old list of acceptors led to the cluster",
            Self::RescannedByIdentity => "key rescanned by change",
            Self::Collected => "tombstone collected",
            Self::CollectionFoundAlive => "collection found a value",
            Self::CollectionUnfinished => "collection not finished",
            Self::WrittenAfterCollection => "first write after a collection",
            Self::AgeRefused => "accept refused by promise_floor",
        }
    }
}

impl fmt::Display for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How often a run came into each situation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage(BTreeMap<Situation, u64>);

impl Coverage {
    pub(crate) fn met(&mut self, situation: Situation) {
        *self.0.entry(situation).or_default() += 1;
    }

    /// How often it was met.
    #[must_use]
    pub fn of(&self, situation: Situation) -> u64 {
        self.0.get(&situation).copied().unwrap_or_default()
    }

    /// Adds what another run met.
    pub fn add(&mut self, other: &Self) {
        for (situation, times) in &other.0 {
            *self.0.entry(*situation).or_default() += times;
        }
    }

    /// The situations never met.
    pub fn missing(&self) -> impl Iterator<Item = Situation> {
        Situation::ALL.into_iter().filter(|&situation| self.of(situation) == 0)
    }
}
