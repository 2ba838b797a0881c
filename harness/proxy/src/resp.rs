//! Where a message ends in a stream of RESP, the protocol of Redis, versions 2 and 3.
//!
//! Only the lengths are read: lines are skipped to their end and bodies by their size, so that
//! following a stream costs next to nothing and buffers nothing.

/// Follows a stream of RESP values however it is cut into pieces.
///
/// The first byte that cannot belong to RESP ends the following for good: no later boundary could
/// be trusted. The streamed strings and aggregates of RESP3 (`$?`, `*?`) count as such.
#[derive(Debug, Clone)]
pub(crate) struct Frames {
    state: State,
    /// Values still to come before the message is whole.
    owed: u64,
    /// Whether a byte of the message was there already.
    begun: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The next byte says what kind of value comes.
    Start,
    /// Inside a value that ends with its line.
    Line,
    /// Inside the line that tells a size.
    Size { kind: Sized, negative: bool, digits: Option<u64> },
    /// Inside the body of a string: so many bytes are left, its line end included.
    Body { left: u64 },
    /// Not RESP.
    Foreign,
}

/// A value that begins with its size.
#[derive(Debug, Clone, Copy)]
enum Sized {
    /// A string of so many bytes.
    Bulk,
    /// So many values.
    Array,
    /// So many pairs of values.
    Map,
    /// So many pairs of values, which come before the value that they describe.
    Attribute,
}

const LINE_END: u64 = 2;

impl Default for Frames {
    fn default() -> Self {
        Self { state: State::Start, owed: 1, begun: false }
    }
}

impl Frames {
    /// Whether a message begins if this byte comes next.
    pub(crate) fn begins(&self, byte: u8) -> bool {
        !self.begun && !matches!(start(byte), State::Foreign)
    }

    /// Follows `bytes` to the end of the first message that ends in them, and returns how many
    /// bytes that took; `None` when all of them were followed and no message ended.
    pub(crate) fn next_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            let (taken, whole) = self.step(&bytes[at..]);
            at += taken;
            if whole {
                return Some(at);
            }
        }
        None
    }

    /// Follows `bytes` without asking for the messages in them.
    pub(crate) fn follow(&mut self, mut bytes: &[u8]) {
        while let Some(end) = self.next_end(bytes) {
            bytes = &bytes[end..];
        }
    }

    /// Takes at least one byte; says how many, and whether a message ended with the last of them.
    fn step(&mut self, bytes: &[u8]) -> (usize, bool) {
        match self.state {
            State::Start => {
                self.state = start(bytes[0]);
                self.begun = true;
                (1, false)
            }
            State::Line => match bytes.iter().position(|&byte| byte == b'\n') {
                Some(end) => (end + 1, self.value_ends(1, 0)),
                None => (bytes.len(), false),
            },
            State::Size { kind, negative, digits } => {
                (1, self.size_byte(bytes[0], kind, negative, digits))
            }
            State::Body { left } => {
                let taken = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.state = State::Body { left: left - taken as u64 };
                (taken, left == taken as u64 && self.value_ends(1, 0))
            }
            State::Foreign => (bytes.len(), false),
        }
    }

    fn size_byte(&mut self, byte: u8, kind: Sized, negative: bool, digits: Option<u64>) -> bool {
        match (byte, digits) {
            (b'-', None) if !negative => {
                self.state = State::Size { kind, negative: true, digits };
            }
            (b'0'..=b'9', _) => {
                let digit = u64::from(byte - b'0');
                let grown = digits.unwrap_or(0).checked_mul(10).and_then(|d| d.checked_add(digit));
                self.state = match grown {
                    Some(_) => State::Size { kind, negative, digits: grown },
                    None => State::Foreign,
                };
            }
            (b'\r', Some(_)) => {}
            (b'\n', Some(size)) => {
                return self.size_ends(kind, if negative { None } else { Some(size) });
            }
            _ => self.state = State::Foreign,
        }
        false
    }

    /// A size is complete; a missing one is a null, which has no body.
    fn size_ends(&mut self, kind: Sized, size: Option<u64>) -> bool {
        let Some(size) = size else { return self.value_ends(1, 0) };
        match kind {
            Sized::Bulk => {
                self.state = match size.checked_add(LINE_END) {
                    Some(left) => State::Body { left },
                    None => State::Foreign,
                };
                false
            }
            Sized::Array => self.value_ends(1, size),
            Sized::Map => self.value_ends(1, size.saturating_mul(2)),
            Sized::Attribute => self.value_ends(0, size.saturating_mul(2)),
        }
    }

    /// So many values are complete, and so many more are now owed. Whether the message is whole.
    fn value_ends(&mut self, complete: u64, more: u64) -> bool {
        self.state = State::Start;
        match (self.owed - complete).checked_add(more) {
            Some(0) => {
                self.owed = 1;
                self.begun = false;
                return true;
            }
            Some(owed) => self.owed = owed,
            None => self.state = State::Foreign,
        }
        false
    }
}

fn start(kind: u8) -> State {
    let kind = match kind {
        b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => return State::Line,
        b'$' | b'=' | b'!' => Sized::Bulk,
        b'*' | b'~' | b'>' => Sized::Array,
        b'%' => Sized::Map,
        b'|' => Sized::Attribute,
        _ => return State::Foreign,
    };
    State::Size { kind, negative: false, digits: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Offsets of the message ends when the stream arrives in the given pieces.
    fn ends<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<usize> {
        let (mut frames, mut ends, mut before) = (Frames::default(), Vec::new(), 0);
        for mut piece in pieces {
            while let Some(end) = frames.next_end(piece) {
                ends.push(before + end);
                before += end;
                piece = &piece[end..];
            }
            before += piece.len();
        }
        ends
    }

    #[test]
    fn requests_end_with_their_last_argument() {
        let get = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
        assert_eq!(ends([[&get[..], &get[..]].concat().as_slice()]), [get.len(), 2 * get.len()]);
    }

    #[test]
    fn a_message_begins_with_its_own_first_byte_and_not_with_that_of_a_value_in_it() {
        let mut frames = Frames::default();
        assert!(frames.begins(b'*'));
        assert!(!frames.begins(b'G'), "no value of RESP begins so");
        frames.follow(b"*1\r\n");
        assert!(!frames.begins(b'$'));
        frames.follow(b"$1\r\nx\r\n");
        assert!(frames.begins(b'$'));
        frames.follow(b"GET / HTTP/1.1\r\n");
        assert!(!frames.begins(b'$'));
    }

    #[test]
    fn nulls_and_empty_values_are_whole() {
        for value in ["$-1\r\n", "*-1\r\n", "$0\r\n\r\n", "*0\r\n", "%0\r\n", "_\r\n", "+\r\n"] {
            assert_eq!(ends([value.as_bytes()]), [value.len()], "{value:?}");
        }
    }

    #[test]
    fn an_attribute_belongs_to_the_value_after_it() {
        let reply = "|1\r\n+ttl\r\n:3600\r\n%1\r\n+a\r\n*2\r\n#t\r\n,1.5\r\n";
        assert_eq!(ends([reply.as_bytes()]), [reply.len()]);
    }

    #[test]
    fn line_ends_inside_a_string_do_not_end_it() {
        let value = "$6\r\n\r\n+\r\n\n\r\n";
        assert_eq!(ends([value.as_bytes()]), [value.len()]);
    }

    #[test]
    fn what_is_not_resp_has_no_ends() {
        for foreign in ["GET / HTTP/1.1\r\n\r\n", "*x\r\n+a\r\n", "$?\r\n", "$\r\n\r\n", "*--1\r\n"]
        {
            assert_eq!(ends([foreign.as_bytes(), b"+OK\r\n"]), [0; 0], "{foreign:?}");
        }
        let absurd = "*1\r\n*18446744073709551615\r\n*18446744073709551615\r\n+OK\r\n";
        assert_eq!(ends([absurd.as_bytes()]), [0; 0]);
    }

    fn value() -> impl Strategy<Value = Vec<u8>> {
        let bulk = |sign: char| {
            vec(any::<u8>(), 0..40).prop_map(move |body| {
                let head = format!("{sign}{}\r\n", body.len());
                [head.as_bytes(), &body, b"\r\n"].concat()
            })
        };
        let line = "[-+:,(][ -~]{0,12}\r\n".prop_map(String::into_bytes);
        let null = prop_oneof![Just("_\r\n"), Just("$-1\r\n"), Just("*-1\r\n"), Just("#f\r\n")]
            .prop_map(|null| null.as_bytes().to_vec());
        let leaf = prop_oneof![bulk('$'), bulk('='), bulk('!'), line, null];
        leaf.prop_recursive(3, 24, 6, |inner| {
            let aggregate = |sign: char, per: usize| {
                vec(vec(inner.clone(), per), 0..4).prop_map(move |members| {
                    let head = format!("{sign}{}\r\n", members.len()).into_bytes();
                    [head, members.concat().concat()].concat()
                })
            };
            let plain = prop_oneof![
                aggregate('*', 1),
                aggregate('~', 1),
                aggregate('>', 1),
                aggregate('%', 2)
            ];
            let described = (aggregate('|', 2), inner.clone())
                .prop_map(|(attribute, value)| [attribute, value].concat());
            prop_oneof![4 => plain, 1 => described]
        })
    }

    proptest! {
        #[test]
        fn any_split_of_the_stream_yields_the_same_messages(
            values in vec(value(), 1..6),
            cuts in vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let stream = values.concat();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
            let expected: Vec<_> = values
                .iter()
                .scan(0, |end, value| { *end += value.len(); Some(*end) })
                .collect();
            prop_assert_eq!(ends(pieces), expected);
        }

        #[test]
        fn any_bytes_at_all_are_followed_to_their_end(bytes in vec(any::<u8>(), 0..200)) {
            let ends = ends([bytes.as_slice()]);
            prop_assert!(ends.iter().all(|&end| end <= bytes.len()));
            prop_assert!(ends.is_sorted());
        }
    }
}
