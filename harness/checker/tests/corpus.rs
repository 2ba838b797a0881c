//! Every history with a known verdict gets it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use harness_checker::{Answer, Budget, FailedCas, ModelKind, NilRead, Settings, check};
use harness_history::{History, Operation, operations};
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Deserialize)]
struct Known {
    file: String,
    model: ModelKind,
    initial: serde_json::Value,
    nil_read: NilRead,
    failed_cas: FailedCas,
    linearizable: bool,
    operations: usize,
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn manifest() -> Vec<Known> {
    serde_json::from_slice(&std::fs::read(corpus().join("manifest.json")).unwrap()).unwrap()
}

impl Known {
    fn operations(&self) -> Vec<Operation> {
        let bytes = std::fs::read(corpus().join(&self.file)).unwrap();
        // A file may hold no operation at all.
        let history = if bytes.is_empty() { None } else { Some(History::parse(&bytes).unwrap()) };
        operations(&history.map_or_else(Vec::new, |history| history.events)).unwrap()
    }

    fn settings(&self) -> Settings {
        Settings {
            nil_read: self.nil_read,
            failed_cas: self.failed_cas,
            ..Settings::new(self.model, self.initial.clone())
        }
    }
}

#[test]
fn every_history_gets_its_known_verdict() {
    let manifest = manifest();
    assert_eq!(manifest.len(), 95);
    for known in manifest {
        let operations = known.operations();
        let check = check(&operations, &known.settings(), &Budget::unlimited()).unwrap();
        let valid = match &check.answer {
            Answer::Valid => true,
            Answer::Violation(_) => false,
            Answer::Unknown(why) => panic!("{}: {why}", known.file),
        };
        assert_eq!(valid, known.linearizable, "{}", known.file);
        assert_eq!(check.operations, known.operations, "{}", known.file);
    }
}
