//! A history of any known format, recognised by how it begins.
//!
//! | begins with | format |
//! |---|---|
//! | `{"` | JSON lines, an event a line: ours, and those of Jepsen's relatives |
//! | `[{"` | one JSON array of events |
//! | `{:`, `[{:`, `(`, `#`, `;` | EDN: Jepsen's `history.edn`, a vector, a list or a stream of maps |
//! | a process, such as `0` or `:nemesis` | Jepsen's `history.txt`, an event a line |

use crate::edn::{self, EdnError, Form, Values};
use crate::number::canonical;
use crate::order::{Placed, ordered};
use crate::record::{Fields, HIGHEST_INDEX, Numbered, Record, record};
use crate::source::{LONGEST_EVENT, Source, SourceError};
use crate::{Event, Header, History, HistoryError, Torn};
use serde::de::IgnoredAny;
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

/// How much of a file is looked at to recognise its format.
const PROBE: usize = 1 << 16;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a history is to be read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Fields of events that the user knows to say nothing about what a call did.
    pub ignored: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    JsonLines,
    JsonArray,
    Edn,
    Text,
}

impl Reading {
    /// Reads a history from a file.
    ///
    /// # Errors
    /// As [`Reading::history`].
    pub fn file(&self, path: &Path) -> Result<History, HistoryError> {
        let file = File::open(path);
        let file = file.map_err(|source| HistoryError::Io { path: path.to_owned(), source })?;
        self.history(BufReader::new(file), path)
    }

    /// Reads a history, which may hold no event at all. Events are ordered by their index, where
    /// they have one. A file that ends in the middle of an event is read up to there, and it is
    /// said so. `path` names the input in errors.
    ///
    /// # Errors
    /// All of [`HistoryError`] but [`HistoryError::Empty`] and those of pairing calls.
    pub fn history(&self, mut input: impl BufRead, path: &Path) -> Result<History, HistoryError> {
        let io = |source| HistoryError::Io { path: path.to_owned(), source };
        let mut probe = Vec::new();
        (&mut input).take(BYTE_ORDER_MARK.len() as u64).read_to_end(&mut probe).map_err(io)?;
        if probe == BYTE_ORDER_MARK {
            probe.clear();
        }
        probe_further(&mut input, &mut probe).map_err(io)?;
        let mut reader = Reader {
            source: Source::new(Cursor::new(&probe).chain(input)),
            path: path.to_owned(),
            ignored: &self.ignored,
            values: Values::default(),
            header: None,
            placed: Vec::new(),
            torn: None,
            count: 0,
        };
        match recognised(&probe)? {
            None => {}
            Some(Format::JsonLines) => reader.json_lines()?,
            Some(Format::JsonArray) => reader.json_array()?,
            Some(Format::Edn) => reader.edn()?,
            Some(Format::Text) => reader.text()?,
        }
        let Reader { header, placed, torn, .. } = reader;
        Ok(History { header, events: ordered(placed)?, torn })
    }
}

/// Reads on until there is enough to recognise a format by.
fn probe_further(input: &mut impl BufRead, probe: &mut Vec<u8>) -> io::Result<()> {
    let enough = |probe: &[u8]| probe.iter().filter(|byte| !byte.is_ascii_whitespace()).count() > 2;
    while probe.len() < PROBE && !enough(probe) {
        if (&mut *input).take(1).read_to_end(probe)? == 0 {
            break;
        }
    }
    Ok(())
}

fn recognised(probe: &[u8]) -> Result<Option<Format>, HistoryError> {
    let mut bytes = probe.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
    let mut next = || bytes.next();
    Ok(Some(match next() {
        None => return Ok(None),
        Some(b'{') => match next() {
            None | Some(b'"' | b'}') => Format::JsonLines,
            Some(_) => Format::Edn,
        },
        Some(b'[') => match next() {
            Some(b'{') => match next() {
                None | Some(b'"' | b'}') => Format::JsonArray,
                Some(_) => Format::Edn,
            },
            Some(b'#' | b';' | b'(') => Format::Edn,
            _ => Format::JsonArray,
        },
        Some(b'(' | b'#' | b';') => Format::Edn,
        Some(b':' | b'0'..=b'9' | b'I') => Format::Text,
        Some(first) => return Err(HistoryError::Unrecognised { begins: first }),
    }))
}

struct Reader<'a, R> {
    source: Source<R>,
    path: PathBuf,
    ignored: &'a [String],
    values: Values,
    header: Option<Header>,
    placed: Vec<Placed>,
    torn: Option<Torn>,
    /// Events so far, those of the nemesis included.
    count: u64,
}

impl<R: BufRead> Reader<'_, R> {
    fn json_lines(&mut self) -> Result<(), HistoryError> {
        let mut line = Vec::new();
        loop {
            let number = self.source.line;
            if !self.source.take_line(&mut line).map_err(|error| self.source_error(error))? {
                return Ok(());
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            match self.json(&line, number) {
                Err(HistoryError::Malformed { .. }) if !line.ends_with(b"\n") && is_torn(&line) => {
                    self.torn = Some(Torn { line: number, bytes: line.len() });
                }
                result => result?,
            }
        }
    }

    fn json_array(&mut self) -> Result<(), HistoryError> {
        let mut element = Vec::new();
        let mut taken = self.next_of_array()?;
        let mut first = true;
        loop {
            let line = self.source.line;
            match taken {
                None => {
                    self.torn = Some(Torn { line, bytes: 0 });
                    return Ok(());
                }
                Some(b']') => break,
                Some(_) if first => {}
                Some(b',') => {
                    self.next_of_array()?;
                }
                Some(_) => return Err(malformed(line, "`,` or `]` is missing between events")),
            }
            first = false;
            let line = self.source.line;
            let closed = self.source.take_json(&mut element);
            if !closed.map_err(|error| self.source_error(error))? {
                self.torn = Some(Torn { line, bytes: element.len() });
                return Ok(());
            }
            self.json(&element, line)?;
            let next = self.source.after_space();
            taken = next.map_err(|error| self.source_error(error.into()))?;
        }
        match self.next_of_array()? {
            None => Ok(()),
            Some(_) => Err(malformed(self.source.line, "there is text after the end of the array")),
        }
    }

    /// Takes one byte, and gives the next one behind white space, which stays.
    fn next_of_array(&mut self) -> Result<Option<u8>, HistoryError> {
        let taken = self.source.after_space().and_then(|_| self.source.next());
        let next = taken.and_then(|_| self.source.after_space());
        next.map_err(|error| self.source_error(error.into()))
    }

    fn edn(&mut self) -> Result<(), HistoryError> {
        let first = edn::after_space(&mut self.source);
        let first = first.map_err(|error| self.edn_error(error, self.source.line))?;
        let closing = match first {
            Some(b'[') => Some(b']'),
            Some(b'(') => Some(b')'),
            _ => None,
        };
        if closing.is_some() {
            self.source.next().map_err(|error| self.source_error(error.into()))?;
        }
        loop {
            let next = edn::after_space(&mut self.source);
            let (line, taken) = (self.source.line, self.source.taken);
            match next.and_then(|_| edn::form(&mut self.source)) {
                Ok(Some(form)) => self.edn_record(form, line)?,
                Ok(None) => break,
                Err(EdnError::Ends) => {
                    self.torn = Some(Torn { line, bytes: self.source.taken - taken });
                    return Ok(());
                }
                Err(error) => return Err(self.edn_error(error, line)),
            }
        }
        let line = self.source.line;
        let closed = self.source.next().map_err(|error| self.source_error(error.into()))?;
        match (closing, closed) {
            (None, None) => return Ok(()),
            (Some(_), None) => {
                self.torn = Some(Torn { line, bytes: 0 });
                return Ok(());
            }
            (closing, closed) if closing == closed => {}
            (_, _) => return Err(malformed(line, "a closing bracket that closes nothing")),
        }
        match edn::after_space(&mut self.source) {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(malformed(line, "there is text after the end of the events")),
            Err(error) => Err(self.edn_error(error, line)),
        }
    }

    /// In the text format nothing shows whether a last line without its newline is whole.
    fn text(&mut self) -> Result<(), HistoryError> {
        let mut line = Vec::new();
        loop {
            let number = self.source.line;
            if !self.source.take_line(&mut line).map_err(|error| self.source_error(error))? {
                return Ok(());
            }
            if !line.ends_with(b"\n") {
                self.torn = Some(Torn { line: number, bytes: line.len() });
            } else if !line.trim_ascii().is_empty() {
                let form = text_form(&line).map_err(|error| self.edn_error(error, number))?;
                self.edn_record(form, number)?;
            }
        }
    }

    /// A JSON object: an event, or at the beginning the header.
    fn json(&mut self, text: &[u8], line: usize) -> Result<(), HistoryError> {
        let text = canonical(text).map_err(|error| malformed(line, error))?;
        // The first is looked at as free JSON, because a foreign history begins with an event.
        if self.count == 0
            && self.header.is_none()
            && let Ok(value) = serde_json::from_slice::<Value>(&text)
            && value.get("format").is_some()
        {
            let header: Header = serde_json::from_value(value).map_err(|e| malformed(line, e))?;
            self.header = Some(header.checked()?);
            return Ok(());
        }
        // Ours are read at once; whatever is written otherwise is looked at field by field.
        if let Ok(event) = serde_json::from_slice::<Event>(&text)
            && event.index < HIGHEST_INDEX
        {
            self.place(Numbered { event, numbered: true, numeric_key: false }, line);
            return Ok(());
        }
        let fields: Fields =
            serde_json::from_slice(&text).map_err(|error| malformed(line, in_words(&error)))?;
        self.fields(fields, line)
    }

    fn edn_record(&mut self, form: Form, line: usize) -> Result<(), HistoryError> {
        let fields = edn::record(form, &mut self.values).map_err(|error| malformed(line, error))?;
        self.fields(Fields(fields), line)
    }

    fn fields(&mut self, fields: Fields, line: usize) -> Result<(), HistoryError> {
        match record(fields, self.ignored).map_err(|error| malformed(line, error))? {
            Record::Event(read) => self.place(read, line),
            Record::OfNemesis => self.count += 1,
        }
        Ok(())
    }

    fn place(&mut self, read: Numbered, line: usize) {
        self.placed.push(Placed { read, line, number: self.count });
        self.count += 1;
    }

    fn source_error(&self, error: SourceError) -> HistoryError {
        match error {
            SourceError::Io(source) => HistoryError::Io { path: self.path.clone(), source },
            SourceError::TooLong { line } => HistoryError::TooLong { line },
        }
    }

    fn edn_error(&self, error: EdnError, line: usize) -> HistoryError {
        match error {
            EdnError::Source(error) => self.source_error(error),
            EdnError::Ends => malformed(line, "it ends in the middle of a form"),
            EdnError::Malformed(reason) => malformed(line, reason),
        }
    }
}

fn malformed(line: usize, reason: impl ToString) -> HistoryError {
    HistoryError::Malformed { line, reason: reason.to_string() }
}

/// What is wrong with a line. The position inside it is noise beside the number of the line itself.
fn in_words(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return String::from("it is not whole; each event has to be in one line");
    }
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// Whether a last line is the beginning of JSON and not whole. A disk that lost its power may
/// have filled it up with NULs.
pub(crate) fn is_torn(line: &[u8]) -> bool {
    let nuls = line.iter().rev().take_while(|&&byte| byte == 0).count();
    let written = &line[..line.len() - nuls];
    match serde_json::from_slice::<IgnoredAny>(written) {
        Ok(_) => false,
        Err(error) => error.is_eof(),
    }
}

/// A line of `history.txt`: process, type, function, value, and perhaps what went wrong. The
/// logs of Jepsen's time before 2015 have a prefix.
fn text_form(line: &[u8]) -> Result<Form, EdnError> {
    let prefix = b" - ";
    let begins = line.windows(prefix.len()).position(|window| window == prefix);
    let begins = begins.filter(|_| line.starts_with(b"INFO")).map_or(0, |at| at + prefix.len());
    let mut source = Source::new(&line[begins..]);
    let mut pairs = Vec::new();
    for name in ["process", "type", "f", "value"] {
        match edn::form(&mut source)? {
            Some(form) => pairs.push((Form::Keyword(name.to_owned()), form)),
            None if name == "value" => {}
            None => return Err(EdnError::Malformed(format!("the line ends before its {name}"))),
        }
    }
    let mut rest = Vec::new();
    source.take_line(&mut rest)?;
    let rest = String::from_utf8_lossy(&rest).trim().to_owned();
    if !rest.is_empty() {
        pairs.push((Form::Keyword(String::from("error")), Form::Text(rest)));
    }
    Ok(Form::Map(pairs))
}

/// Said of the limit in errors.
pub(crate) const LONGEST_MIB: usize = LONGEST_EVENT >> 20;
