//! Writes down what clients do as it happens, and counts it.

use harness_history::{Event, Header, HistoryError, HistoryWriter, Kind, Outcome, Value};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use workloads::{Answer, Call};

/// The history of a run while it is made. An event is in the file, in the order of what it tells,
/// before the call that it announces is made, or the next call of its client after it.
pub(crate) struct Recorder {
    start: Instant,
    writer: Mutex<Result<HistoryWriter, HistoryError>>,
    counts: [AtomicUsize; 3],
}

/// How many calls ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) ok: usize,
    pub(crate) fail: usize,
    pub(crate) info: usize,
}

impl Recorder {
    pub(crate) fn create(
        path: &Path,
        header: &Header,
        start: Instant,
    ) -> Result<Self, HistoryError> {
        let writer = Mutex::new(Ok(HistoryWriter::create(path, header)?));
        Ok(Self { start, writer, counts: Default::default() })
    }

    /// Writes that a process is about to call. False when the history can no longer be written, so
    /// that nothing more must be done to the store.
    pub(crate) fn invoke(&self, process: u64, call: &Call) -> bool {
        self.append(process, Kind::Invoke, call, call.value.clone(), None)
    }

    /// Writes how its call ended.
    pub(crate) fn complete(&self, process: u64, call: &Call, answer: &Answer) -> bool {
        let (kind, count) = match answer.outcome {
            Outcome::Ok => (Kind::Ok, 0),
            Outcome::Fail => (Kind::Fail, 1),
            Outcome::Info => (Kind::Info, 2),
        };
        self.counts[count].fetch_add(1, Ordering::Relaxed);
        let error = answer.error.clone().map(Value::from);
        self.append(process, kind, call, answer.value.clone(), error)
    }

    fn append(
        &self,
        process: u64,
        kind: Kind,
        call: &Call,
        value: Value,
        error: Option<Value>,
    ) -> bool {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(open) = &mut *writer else { return false };
        let event = Event {
            index: 0,
            time: nanos(self.start.elapsed()),
            process,
            kind,
            f: call.f,
            key: Some(call.key.clone()),
            value,
            error,
        };
        if let Err(error) = open.append(event) {
            *writer = Err(error);
            return false;
        }
        true
    }

    /// How many calls have ended how, so far.
    pub(crate) fn counts(&self) -> Counts {
        let [ok, fail, info] = &self.counts;
        let read = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        Counts { ok: read(ok), fail: read(fail), info: read(info) }
    }

    /// Ends the history; says what went wrong with it, if anything did.
    pub(crate) fn finish(self) -> Result<(), HistoryError> {
        self.writer.into_inner().unwrap_or_else(PoisonError::into_inner).map(drop)
    }
}

/// Nanoseconds, as histories count them.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
