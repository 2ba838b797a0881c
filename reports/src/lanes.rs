//! A small failing run, told as lanes: what the clients called, and what each acceptor held.
//!
//! All times are nanoseconds of the run's own clock, which a simulation makes up. Ballots, values
//! and calls are texts already, so that nothing here depends on what was simulated. Lists need not
//! be in order of time; of what one acceptor did at the same time, the later entry came later.

use harness_history::Outcome;
use serde::{Deserialize, Serialize};

/// What happened to one object, from the first call to the answer that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lanes {
    /// The object it is about.
    pub key: String,
    /// What the clients called.
    pub operations: Vec<LaneOperation>,
    /// What each acceptor promised and accepted.
    pub acceptors: Vec<AcceptorLane>,
    /// Messages that were lost, delayed or repeated. All others are left out.
    pub disturbed: Vec<LaneMessage>,
    /// Faults other than those of messages: `p1` crashes, `a2` is wiped.
    pub notes: Vec<LaneNote>,
}

/// One call of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneOperation {
    /// Who called and, behind ` at `, through which proposer: `client 1 at p1`.
    pub client: String,
    /// The call in words: `append 5`.
    pub call: String,
    /// The answer in words: `ok`, `[1, 5]`, `no answer`.
    pub answer: String,
    /// How it counts.
    pub outcome: Outcome,
    /// When the client called.
    pub began: u64,
    /// When the client was answered or gave up; absent when it waits to the end.
    pub ended: Option<u64>,
    /// Whether this is the call whose answer no order allows.
    pub failing: bool,
}

/// One acceptor through the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptorLane {
    /// Its name: `a1`.
    pub name: String,
    /// The states that it came to be in.
    pub steps: Vec<BallotStep>,
}

/// What an acceptor holds from a moment on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BallotStep {
    /// Since when.
    pub time: u64,
    /// The ballot below which it refuses: `3.p1`; empty when it has promised none.
    pub promised: String,
    /// The ballot under which it accepted its value; empty when it has accepted none.
    pub accepted: String,
    /// The value it accepted: `[1]`.
    pub value: String,
    /// What caused the change: the call, `append 5`, or the fault; empty when nobody knows.
    pub by: String,
}

/// A message that did not arrive once and at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneMessage {
    /// When it was sent.
    pub sent: u64,
    /// When it arrived; absent when it was lost.
    pub arrived: Option<u64>,
    /// Who sent it, a proposer or an acceptor: `p1`.
    pub from: String,
    /// Whom it was for: `a2`.
    pub to: String,
    /// What it said: `accept 3.p1 [1]`.
    pub what: String,
    /// What became of it: `lost`, `delayed by 40 ms`, `arrived twice`.
    pub fate: String,
}

/// A fault that is not one of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneNote {
    /// When.
    pub time: u64,
    /// Whom it befell: `p1`.
    pub who: String,
    /// What it was: `crashes`.
    pub what: String,
}
