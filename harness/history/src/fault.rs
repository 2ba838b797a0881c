//! What the nemesis did, and the evidence that it held and that it is gone.
//!
//! ```text
//! before ─ injected ─┬─ held ─┬─ held ───┬─ undone ─┬─ gone
//!                    │        └─ lapsed ─┤          └─ not-undone
//!                    └─ did-not-hold ────┘
//! ```

use crate::HistoryError;
use crate::read::is_torn;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// How far a fault has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultStage {
    /// Probed healthy before the fault.
    Before,
    /// The environment was told to inject it and did not object.
    Injected,
    /// A probe saw the fault's effect: soon after it was injected, and again just before it is undone.
    Held,
    /// A probe had seen the fault's effect, and just before it was to be undone it was there no longer.
    Lapsed,
    /// A probe saw things going on as if nothing were wrong.
    DidNotHold,
    /// The environment was told to undo it and did not object.
    Undone,
    /// A probe saw things healthy again.
    Gone,
    /// A probe still saw the fault's effect.
    NotUndone,
}

/// One line of `faults.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultEvent {
    /// Number of the fault within the run, from 0.
    pub fault: u32,
    /// Nanoseconds since the run began.
    pub time: u64,
    /// Kind of fault, as `--faults` names it.
    pub name: String,
    /// What it does to whom, in words: `cuts n1 off from a2 and a3`.
    pub what: String,
    /// How far it has come.
    pub stage: FaultStage,
    /// What the probes saw, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

/// Whether a fault is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// Its effect was seen while it lasted, and seen to be gone after it.
    Held,
    /// It was injected, but nothing showed its effect.
    DidNotHold,
    /// Its effect was seen, and was there no longer just before it was undone.
    Lapsed,
    /// Its effect was seen, and still seen after it was undone.
    NotUndone,
    /// The run ended before this could be told.
    Unfinished,
}

/// One fault from its injection to its undoing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultPeriod {
    /// Number of the fault within the run, from 0.
    pub fault: u32,
    /// Kind of fault, as `--faults` names it.
    pub name: String,
    /// What it does to whom, in words.
    pub what: String,
    /// Nanoseconds from the start of the run to its injection.
    pub began: u64,
    /// Nanoseconds from the start of the run to its undoing, if it was undone.
    pub ended: Option<u64>,
    /// Whether its effect was seen, and is gone.
    pub proof: Proof,
    /// What the probes saw, in order.
    pub evidence: Vec<String>,
}

/// Folds the events of a run's faults into periods, in order of fault number.
#[must_use]
pub fn periods(events: &[FaultEvent]) -> Vec<FaultPeriod> {
    let mut faults: BTreeMap<u32, Vec<&FaultEvent>> = BTreeMap::new();
    for event in events {
        faults.entry(event.fault).or_default().push(event);
    }
    faults.into_values().map(|events| period(&events)).collect()
}

fn period(events: &[&FaultEvent]) -> FaultPeriod {
    let time_of = |stage| events.iter().find(|event| event.stage == stage).map(|event| event.time);
    let first = events[0];
    FaultPeriod {
        fault: first.fault,
        name: first.name.clone(),
        what: first.what.clone(),
        began: time_of(FaultStage::Injected).unwrap_or(first.time),
        ended: time_of(FaultStage::Undone),
        proof: proof(events),
        evidence: events.iter().flat_map(|event| event.evidence.iter().cloned()).collect(),
    }
}

fn proof(events: &[&FaultEvent]) -> Proof {
    let seen = |stage| events.iter().any(|event| event.stage == stage);
    if seen(FaultStage::DidNotHold) {
        Proof::DidNotHold
    } else if seen(FaultStage::Lapsed) {
        Proof::Lapsed
    } else if seen(FaultStage::NotUndone) {
        Proof::NotUndone
    } else if seen(FaultStage::Held) && seen(FaultStage::Gone) {
        Proof::Held
    } else {
        Proof::Unfinished
    }
}

/// Reads `faults.jsonl`. A missing file is a run without faults, and a torn last line is left out.
///
/// # Errors
/// [`HistoryError::Io`], and [`HistoryError::Malformed`] for a bad line that is not the torn end.
pub fn read_faults(path: &Path) -> Result<Vec<FaultEvent>, HistoryError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(HistoryError::Io { path: path.to_owned(), source }),
    };
    let mut events = Vec::new();
    for (number, line) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
        match serde_json::from_slice(line) {
            Ok(event) => events.push(event),
            Err(_) if !line.ends_with(b"\n") && is_torn(line) => {}
            Err(error) => {
                let reason = format!("not a fault event: {error}");
                return Err(HistoryError::Malformed { line: number + 1, reason });
            }
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof_of(stages: &[FaultStage]) -> Proof {
        let event = |(time, &stage)| FaultEvent {
            fault: 0,
            time,
            name: "cut".into(),
            what: "cuts n1 off".into(),
            stage,
            evidence: Vec::new(),
        };
        let events: Vec<_> = (0..).zip(stages).map(event).collect();
        periods(&events)[0].proof
    }

    #[test]
    fn a_last_line_is_torn_only_if_it_is_not_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("faults.jsonl");
        let event = r#"{"fault":0,"time":5,"name":"cut","what":"cuts n1 off","stage":"before"}"#;
        let read = |last: &str| {
            std::fs::write(&path, format!("{event}\n{last}")).unwrap();
            read_faults(&path).map(|events| events.len()).map_err(|error| error.to_string())
        };
        for torn in [&event[..1], &event[..30], &event[..event.len() - 1], "{\"fault\":0\0\0", ""] {
            assert_eq!(read(torn), Ok(1), "{torn}");
        }
        assert_eq!(read(event), Ok(2));
        for bad in ["{}", "7", &event.replace("before", "after"), &event.replace("cut\"", "cut\"}")]
        {
            let error = read(bad).unwrap_err();
            assert!(error.starts_with("line 2: not a fault event"), "{bad}: {error}");
        }
    }

    #[test]
    fn only_a_fault_seen_to_bite_and_to_be_gone_is_proved() {
        use FaultStage::{Before, DidNotHold, Gone, Held, Injected, Lapsed, NotUndone, Undone};
        assert_eq!(proof_of(&[Before, Injected, Held, Undone, Gone]), Proof::Held);
        assert_eq!(proof_of(&[Before, Injected, DidNotHold, Undone, Gone]), Proof::DidNotHold);
        assert_eq!(proof_of(&[Before, Injected, Held, Held, Undone, Gone]), Proof::Held);
        assert_eq!(proof_of(&[Before, Injected, Held, Lapsed, Undone, Gone]), Proof::Lapsed);
        assert_eq!(proof_of(&[Before, Injected, Held, Lapsed, Undone, NotUndone]), Proof::Lapsed);
        assert_eq!(proof_of(&[Before, Injected, Held, Undone, NotUndone]), Proof::NotUndone);
        assert_eq!(proof_of(&[Before, Injected, Held]), Proof::Unfinished);
        assert_eq!(proof_of(&[Before, Injected, Undone, Gone]), Proof::Unfinished);
    }
}
