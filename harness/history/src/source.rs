//! Bytes of a history, a line or a form at a time, never more of them than a limit.

use std::io::{self, BufRead, Read};

/// The longest line, and the longest event of any format, that is read: 16 MiB.
pub const LONGEST_EVENT: usize = 16 << 20;

/// Why no more can be read.
#[derive(Debug)]
pub(crate) enum SourceError {
    Io(io::Error),
    /// The event that begins at this line is longer than [`LONGEST_EVENT`].
    TooLong {
        line: usize,
    },
}

impl From<io::Error> for SourceError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A reader that counts lines.
pub(crate) struct Source<R> {
    input: R,
    /// Number of the line that the next byte stands in, from 1.
    pub(crate) line: usize,
    /// How many bytes have been taken.
    pub(crate) taken: usize,
}

impl<R: BufRead> Source<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, line: 1, taken: 0 }
    }

    /// The next byte, which stays where it is.
    pub(crate) fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.input.fill_buf() {
                Ok(bytes) => return Ok(bytes.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes the next byte.
    pub(crate) fn next(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.input.consume(1);
            self.taken += 1;
            self.line += usize::from(byte == b'\n');
        }
        Ok(byte)
    }

    /// Passes over white space, and gives the byte behind it, which stays where it is.
    pub(crate) fn after_space(&mut self) -> io::Result<Option<u8>> {
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.next()?;
        }
        Ok(None)
    }

    /// Takes a line with its newline; at the end of the file nothing, or a line without one.
    pub(crate) fn take_line(&mut self, into: &mut Vec<u8>) -> Result<bool, SourceError> {
        into.clear();
        let limit = LONGEST_EVENT as u64 + 1;
        (&mut self.input).take(limit).read_until(b'\n', into)?;
        if into.len() > LONGEST_EVENT {
            return Err(SourceError::TooLong { line: self.line });
        }
        self.line += usize::from(into.ends_with(b"\n"));
        self.taken += into.len();
        Ok(!into.is_empty())
    }

    /// Takes one JSON value: up to the bracket that closes it, or for others up to what cannot
    /// belong to it. True if it is closed.
    pub(crate) fn take_json(&mut self, into: &mut Vec<u8>) -> Result<bool, SourceError> {
        into.clear();
        let begins = self.line;
        let (mut depth, mut in_string) = (0_usize, false);
        while let Some(byte) = self.peek()? {
            if !in_string && depth == 0 && b",]}".contains(&byte) {
                return Ok(true);
            }
            self.next()?;
            into.push(byte);
            if into.len() > LONGEST_EVENT {
                return Err(SourceError::TooLong { line: begins });
            }
            match byte {
                b'\\' if in_string => {
                    into.extend(self.next()?);
                }
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => depth -= 1,
                _ => {}
            }
            if depth == 0 && !in_string && b"}]\"".contains(&byte) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
