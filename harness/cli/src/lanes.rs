//! A simulated case as lanes for the report: the calls above, what each acceptor held below.

use caspaxos::Ballot;
use harness_history::{Counterexample, FaultStage, HistoryError, Operation, Outcome, operations};
use harness_sim::{Fate, MessageId, OpId, SimRun, Way};
use reports::{AcceptorLane, BallotStep, LaneMessage, LaneNote, LaneOperation, Lanes};

/// Draws the object of a counterexample out of a run that kept everything.
pub(crate) fn lanes(run: &SimRun, counterexample: &Counterexample) -> Result<Lanes, HistoryError> {
    let operations = operations(&run.events)?;
    let key = counterexample.key.clone().unwrap_or_default();
    let failing =
        counterexample.operations.get(counterexample.failing).map(|witness| witness.invoked);
    let about = |operation: &&Operation| operation.key.as_deref() == Some(key.as_str());
    let lane = |operation: &Operation| LaneOperation {
        client: client(run, operation),
        call: call(operation),
        answer: answer(operation),
        outcome: operation.outcome,
        began: operation.invoked.time,
        ended: operation.completed.map(|point| point.time),
        failing: failing == Some(operation.invoked.position),
    };
    Ok(Lanes {
        operations: operations.iter().filter(about).map(lane).collect(),
        acceptors: (1..=run.setup.homes())
            .map(|acceptor| acceptor_lane(run, &key, acceptor))
            .collect(),
        disturbed: run
            .disturbed
            .iter()
            .map(|(sent, d)| message(run, *sent, d.message, d.fate))
            .collect(),
        notes: notes(run),
        key,
    })
}

fn client(run: &SimRun, operation: &Operation) -> String {
    let clients = u64::from(run.setup.clients.max(1));
    let client = operation.process % clients + 1;
    let number = run.case.iter().flat_map(|case| &case.operations).find(|planned| {
        u64::from(planned.id.client) + 1 == client
            && planned.value == operation.input
            && planned.f == operation.f
    });
    match number {
        Some(planned) => format!("client {client} at p{}", planned.proposer),
        None => format!("client {client}"),
    }
}

fn call(operation: &Operation) -> String {
    if operation.input.is_null() {
        return operation.f.to_string();
    }
    format!("{} {}", operation.f, operation.input)
}

fn answer(operation: &Operation) -> String {
    match operation.outcome {
        Outcome::Ok if operation.output.is_null() => String::from("ok"),
        Outcome::Ok => format!("ok {}", operation.output),
        Outcome::Fail => String::from("did not happen"),
        Outcome::Info => String::from("nobody knows"),
    }
}

fn acceptor_lane(run: &SimRun, key: &str, acceptor: u32) -> AcceptorLane {
    let of_it =
        run.ballots.iter().filter(|change| change.acceptor == acceptor && change.key == key);
    let steps = of_it.map(|change| BallotStep {
        time: change.time,
        promised: ballot(change.held.promised),
        accepted: ballot(change.held.accepted),
        value: change.value.to_string(),
        by: change.by.map_or_else(|| String::from("memory lost"), |op| operation_of(run, op)),
    });
    AcceptorLane { name: format!("a{acceptor}"), steps: steps.collect() }
}

/// The call behind an operation's name, as people know it.
fn operation_of(run: &SimRun, op: OpId) -> String {
    let mut operations = run.case.iter().flat_map(|case| &case.operations);
    match operations.find(|planned| planned.id == op) {
        Some(planned) if planned.value.is_null() => {
            format!("{} of client {}", planned.f, op.client + 1)
        }
        Some(planned) => format!("{} {}", planned.f, planned.value),
        None => op.to_string(),
    }
}

/// A ballot with the name of its proposer; nothing when there is none.
fn ballot(ballot: Ballot) -> String {
    if ballot == Ballot::ZERO {
        return String::new();
    }
    format!("{}.p{}", ballot.counter, ballot.proposer.0)
}

fn message(run: &SimRun, sent: u64, id: MessageId, fate: Fate) -> LaneMessage {
    let link = run.case.as_ref().and_then(|case| case.link_of(id));
    let proposer = link.map_or_else(|| String::from("p?"), |link| format!("p{}", link.proposer));
    let home = link.map_or(id.acceptor, |link| link.acceptor);
    let acceptor = format!("a{home}");
    let (from, to) = match id.way {
        Way::Request => (proposer, acceptor),
        Way::Reply => (acceptor, proposer),
    };
    let phase = match id.way {
        Way::Request => id.phase.name().to_owned(),
        Way::Reply => format!("answer to the {}", id.phase.name()),
    };
    let arrived = match fate {
        Fate::Arrives { after } | Fate::Twice { after, .. } => Some(sent + after),
        Fate::Broken { arrives, .. } => arrives.map(|after| sent + after),
        Fate::Lost | Fate::Refused { .. } => None,
    };
    let what = format!("{phase} for {}", operation_of(run, id.op));
    LaneMessage { sent, arrived, from, to, what, fate: fate.to_string() }
}

fn notes(run: &SimRun) -> Vec<LaneNote> {
    let told = run.faults.iter().filter_map(|event| {
        let what = match event.stage {
            FaultStage::Injected => event.what.clone(),
            FaultStage::Undone => format!("over: {}", event.what),
            FaultStage::Before
            | FaultStage::Held
            | FaultStage::Lapsed
            | FaultStage::DidNotHold
            | FaultStage::Gone
            | FaultStage::NotUndone => return None,
        };
        Some(LaneNote { time: event.time, who: event.name.clone(), what })
    });
    told.collect()
}
