//! A history on disk: JSON lines, a header first, one event a line, flushed as it goes.

use crate::read::LONGEST_MIB;
use crate::{Event, Reading};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The version of the format that this build writes, and the highest it reads.
pub const VERSION: u32 = 1;

const FORMAT: &str = "harness-history";

/// The first line of a history that the harness wrote: what is needed to read the rest by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Always `harness-history`.
    pub format: String,
    /// Version of the format; see [`VERSION`].
    pub version: u32,
    /// Name of the model that the operations follow.
    pub model: String,
    /// What every object holds before the first operation.
    #[serde(default)]
    pub initial: Value,
    /// Names of the nodes that clients talk to, in order.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// Number of client threads. Process `p` runs on thread `p % concurrency`.
    #[serde(default)]
    pub concurrency: u64,
}

impl Header {
    /// A header of the present version.
    #[must_use]
    pub fn new(
        model: impl Into<String>,
        initial: Value,
        nodes: Vec<String>,
        concurrency: u64,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            model: model.into(),
            initial,
            nodes,
            concurrency,
        }
    }

    /// The node that a process talks to: threads go round the nodes in order.
    #[must_use]
    pub fn node_of(&self, process: u64) -> Option<&str> {
        let nodes = u64::try_from(self.nodes.len()).ok()?;
        let node = process.checked_rem(self.concurrency)?.checked_rem(nodes)?;
        self.nodes.get(usize::try_from(node).ok()?).map(String::as_str)
    }
}

/// What was left out of a file whose last line is not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Number of the torn line, from 1.
    pub line: usize,
    /// How many bytes of it there are.
    pub bytes: usize,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} is torn and was left out ({} bytes)", self.line, self.bytes)
    }
}

/// A history as read from disk.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The first line, when the file has one. Foreign histories may begin with an event.
    pub header: Option<Header>,
    /// The whole events, in file order.
    pub events: Vec<Event>,
    /// Said when the file ends in the middle of a line.
    pub torn: Option<Torn>,
}

/// Why a history cannot be read, written or paired.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file itself could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("the history is empty: no header and no event")]
    Empty,
    /// It begins like no format that is known.
    #[error(
        "this is no history: it begins with {:?}, not with an event; known are JSON lines, a JSON array, EDN \
         (history.edn) and Jepsen's history.txt, all uncompressed and in UTF-8",
        char::from(*begins)
    )]
    Unrecognised {
        /// The first byte that is no white space.
        begins: u8,
    },
    /// An event is longer than the limit.
    #[error("line {line}: an event of more than {LONGEST_MIB} MiB, which is the limit")]
    TooLong {
        /// Number of the line that it begins in, from 1.
        line: usize,
    },
    /// It cannot be told in which order the events happened.
    #[error(
        "line {line}: {reason}; events are ordered by their index, or as they stand in the file if none has one"
    )]
    Unordered {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with its index.
        reason: String,
    },
    /// Two different keys would be taken for one.
    #[error("event {event}: the key {key} is a number in some events and a string in others")]
    KeyOfTwoKinds {
        /// Index of an event that has it.
        event: u64,
        /// The key.
        key: String,
    },
    /// A line in the middle is not an event.
    #[error(
        "line {line}: {reason}; an event has index, process, type (invoke, ok, fail, info), f, key, value"
    )]
    Malformed {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is of another kind, or newer than this build.
    #[error(
        "line 1: format {format:?} version {version} is not known here; this build reads {FORMAT:?} up to version {VERSION}"
    )]
    Version {
        /// What the file calls itself.
        format: String,
        /// The version it states.
        version: u32,
    },
    /// Values were said to be `[key, value]`, and one is not.
    #[error("event {event}: the value {value}: {reason}")]
    NoTuple {
        /// Index of the event.
        event: u64,
        /// The value, as JSON.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A process called again before its call had ended.
    #[error("event {event}: process {process} calls while its earlier call is still open")]
    StillOpen {
        /// Position of the event, from 0.
        event: usize,
        /// The process.
        process: u64,
    },
    /// A call ended that never began.
    #[error("event {event}: process {process} ends a call that it never began")]
    NotOpen {
        /// Position of the event, from 0.
        event: usize,
        /// The process.
        process: u64,
    },
    /// A call ended as another than it began.
    #[error(
        "event {event}: process {process} ends its call with another f or key than it began with"
    )]
    OtherCall {
        /// Position of the event, from 0.
        event: usize,
        /// The process.
        process: u64,
    },
}

impl History {
    /// Reads a history from a file.
    ///
    /// # Errors
    /// As [`History::parse`], and [`HistoryError::Io`].
    pub fn read(path: &Path) -> Result<Self, HistoryError> {
        Reading::default().file(path)?.filled()
    }

    /// Reads a history from memory. A last line that is not whole is left out and said so.
    ///
    /// # Errors
    /// As [`Reading::history`], and [`HistoryError::Empty`].
    pub fn parse(bytes: &[u8]) -> Result<Self, HistoryError> {
        Reading::default().history(bytes, Path::new("memory"))?.filled()
    }

    fn filled(self) -> Result<Self, HistoryError> {
        if self.header.is_none() && self.events.is_empty() {
            return Err(HistoryError::Empty);
        }
        Ok(self)
    }
}

impl Header {
    pub(crate) fn checked(self) -> Result<Self, HistoryError> {
        if self.format == FORMAT && self.version <= VERSION {
            return Ok(self);
        }
        Err(HistoryError::Version { format: self.format, version: self.version })
    }
}

/// Appends events to a history file; every event has reached the operating system when
/// [`HistoryWriter::append`] returns, so a killed harness loses nothing that it had recorded.
#[derive(Debug)]
pub struct HistoryWriter {
    path: PathBuf,
    file: BufWriter<File>,
    next: u64,
}

impl HistoryWriter {
    /// Creates the file and writes the header.
    ///
    /// # Errors
    /// [`HistoryError::Io`].
    pub fn create(path: &Path, header: &Header) -> Result<Self, HistoryError> {
        let io = |source| HistoryError::Io { path: path.to_owned(), source };
        let mut file = BufWriter::new(File::create_new(path).map_err(io)?);
        write_line(&mut file, header).map_err(io)?;
        Ok(Self { path: path.to_owned(), file, next: 0 })
    }

    /// Appends one event under the next index, which replaces the one it came with.
    ///
    /// # Errors
    /// [`HistoryError::Io`].
    pub fn append(&mut self, mut event: Event) -> Result<(), HistoryError> {
        event.index = self.next;
        self.next += 1;
        write_line(&mut self.file, &event)
            .map_err(|source| HistoryError::Io { path: self.path.clone(), source })
    }
}

fn write_line<T: Serialize>(file: &mut BufWriter<File>, line: &T) -> io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")?;
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Function, Kind};
    use proptest::prelude::*;

    fn event(index: u64, kind: Kind, value: Value) -> Event {
        Event {
            index,
            time: index * 1000,
            process: 3,
            kind,
            f: Function::Write,
            key: Some("k \"1\"\n".to_owned()),
            value,
            error: None,
        }
    }

    fn written(events: &[Event]) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.jsonl");
        let header = Header::new("cas-register", Value::Null, vec!["n1".into(), "n2".into()], 4);
        let mut writer = HistoryWriter::create(&path, &header).unwrap();
        for event in events {
            writer.append(event.clone()).unwrap();
        }
        std::fs::read(&path).unwrap()
    }

    #[test]
    fn reads_back_what_it_wrote() {
        let events = [event(0, Kind::Invoke, 5.into()), event(1, Kind::Ok, 5.into())];
        let history = History::parse(&written(&events)).unwrap();
        assert_eq!(history.events, events);
        assert_eq!(history.header.unwrap().model, "cas-register");
        assert_eq!(history.torn, None);
    }

    #[test]
    fn a_bad_line_in_the_middle_is_named() {
        let text = "{\"index\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n{\"index\":1,\"process\":0,\"type\":\"yes\",\"f\":\"read\"}\n{}\n";
        let error = History::parse(text.as_bytes()).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"line 2: `type`: unknown variant `yes`, expected one of `invoke`, `ok`, `fail`, `info`; an event has index, process, type (invoke, ok, fail, info), f, key, value");
    }

    #[test]
    fn a_newer_format_is_refused_by_name() {
        let text = "{\"format\":\"harness-history\",\"version\":9,\"model\":\"m\"}\n";
        let error = History::parse(text.as_bytes()).unwrap_err().to_string();
        insta::assert_snapshot!(error, @r#"line 1: format "harness-history" version 9 is not known here; this build reads "harness-history" up to version 1"#);
    }

    #[test]
    fn nothing_at_all_is_an_error() {
        assert!(matches!(History::parse(b" \n\n"), Err(HistoryError::Empty)));
    }

    #[test]
    fn processes_keep_their_node_over_their_successors() {
        let header = Header::new("m", Value::Null, vec!["n1".into(), "n2".into()], 4);
        let nodes: Vec<_> = [0, 1, 2, 4, 7].map(|p| header.node_of(p).unwrap()).into();
        assert_eq!(nodes, ["n1", "n2", "n1", "n1", "n2"]);
    }

    proptest! {
        #[test]
        fn a_history_cut_anywhere_keeps_its_whole_lines(cut in 0_usize..600) {
            let events: Vec<_> = (0..4).map(|i| event(i, Kind::Invoke, i.into())).collect();
            let whole = written(&events);
            let cut = cut.min(whole.len());
            let lines = whole[..cut].split_inclusive(|&b| b == b'\n');
            // A last line that lacks only its newline is whole all the same.
            let kept = lines.filter(|l| serde_json::from_slice::<Value>(l).is_ok()).count();
            match History::parse(&whole[..cut]) {
                Ok(history) => {
                    prop_assert_eq!(history.events.len() + 1, kept);
                    prop_assert_eq!(&history.events[..], &events[..history.events.len()]);
                }
                Err(error) => {
                    prop_assert!(matches!(error, HistoryError::Empty), "{}", error);
                    prop_assert_eq!(kept, 0);
                }
            }
        }
    }
}
