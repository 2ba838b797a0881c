//! One run, from its seed to what it leaves behind.

use crate::case::{Case, Disturbance};
use crate::fault::Fault;
use crate::record::{BallotChange, Counts, Detail, Record};
use crate::scenario::SimScenario;
use crate::setup::Setup;
use crate::situation::Coverage;
use crate::world::World;
use harness_history::{Event, FaultEvent, Header, Value};

/// What a run left behind. With [`Detail::Verdict`] the trace, the ballots, the faults and the case
/// are empty.
#[derive(Debug, Clone)]
pub struct SimRun {
    /// The seed.
    pub seed: u64,
    /// The world that it ran in.
    pub setup: Setup,
    /// The first line of its history.
    pub header: Header,
    /// Its history, on virtual time.
    pub events: Vec<Event>,
    /// What befell links and processes, as `faults.jsonl` has it.
    pub faults: Vec<FaultEvent>,
    /// A line for each call, message, decision and fault.
    pub trace: Vec<String>,
    /// What each acceptor held, change by change.
    pub ballots: Vec<BallotChange>,
    /// The messages that did not simply arrive after [`crate::CALM`], with when they were sent, in
    /// virtual nanoseconds.
    pub disturbed: Vec<(u64, Disturbance)>,
    /// How much happened.
    pub counts: Counts,
    /// The promises beside linearizability that it broke, a sentence for each.
    pub broken: Vec<String>,
    /// Which situations of the protocol it came into.
    pub coverage: Coverage,
    /// The run written out.
    pub case: Option<Case>,
}

/// Runs a scenario from a seed. The same seed gives the same run, to the last byte.
#[must_use]
pub fn run(seed: u64, scenario: &SimScenario, detail: Detail) -> SimRun {
    run_setup(seed, scenario.setup(seed), detail)
}

/// Runs a world from a seed.
#[must_use]
pub fn run_setup(seed: u64, setup: Setup, detail: Detail) -> SimRun {
    let record = World::drawn(&setup, seed, detail).run();
    let case = (detail == Detail::Everything).then(|| written_out(seed, &setup, &record));
    collect(seed, setup, record, case)
}

/// Runs a case.
#[must_use]
pub fn run_case(case: &Case, detail: Detail) -> SimRun {
    let record = World::written(case, detail).run();
    let kept = (detail == Detail::Everything).then(|| case.clone());
    collect(case.seed, case.setup.clone(), record, kept)
}

fn written_out(seed: u64, setup: &Setup, record: &Record) -> Case {
    let mut disturbed = record.disturbed.clone();
    disturbed.sort_by_key(|disturbance| disturbance.message);
    let of_processes = |fault: &&Fault| !fault.what.is_of_links();
    let faults = setup.faults.iter().filter(of_processes).cloned().collect();
    let setup = Setup { faults, toggle: None, ..setup.clone() };
    Case { seed, setup, operations: record.operations.clone(), disturbed }
}

fn collect(seed: u64, setup: Setup, record: Record, case: Option<Case>) -> SimRun {
    let nodes = (1..=setup.proposers).map(|proposer| format!("p{proposer}")).collect();
    let model = setup.load.calls.model();
    SimRun {
        seed,
        header: Header::new(model, Value::Null, nodes, setup.clients.into()),
        setup,
        events: record.events,
        faults: record.fault_events,
        trace: record.trace,
        ballots: record.ballots,
        disturbed: record.sent.into_iter().zip(record.disturbed).collect(),
        counts: record.counts,
        broken: record.promises.broken,
        coverage: record.coverage,
        case,
    }
}
