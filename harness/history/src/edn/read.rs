//! One form of EDN at a time.

use super::Form;
use crate::number::exact;
use crate::source::{LONGEST_EVENT, Source, SourceError};
use std::io::{self, BufRead};

/// How deeply forms may be nested.
const DEEPEST: usize = 128;

/// Why a form cannot be read.
#[derive(Debug)]
pub(crate) enum EdnError {
    Source(SourceError),
    /// The input ends within the form.
    Ends,
    /// It is no EDN: what is wrong.
    Malformed(String),
}

impl From<SourceError> for EdnError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<io::Error> for EdnError {
    fn from(error: io::Error) -> Self {
        Self::Source(error.into())
    }
}

fn malformed<T>(reason: impl Into<String>) -> Result<T, EdnError> {
    Err(EdnError::Malformed(reason.into()))
}

/// The next form; nothing at the end of the input, or at a bracket that closes what it is in.
///
/// # Errors
/// [`EdnError`].
pub(crate) fn form<R: BufRead>(source: &mut Source<R>) -> Result<Option<Form>, EdnError> {
    Reader::new(source).form()
}

/// Passes over white space and comments, and gives the byte behind them, which stays where it is.
///
/// # Errors
/// [`EdnError::Source`].
pub(crate) fn after_space<R: BufRead>(source: &mut Source<R>) -> Result<Option<u8>, EdnError> {
    Reader::new(source).skip()
}

struct Reader<'a, R> {
    source: &'a mut Source<R>,
    /// The line that the form begins in.
    begins: usize,
    taken: usize,
    depth: usize,
}

impl<'a, R: BufRead> Reader<'a, R> {
    fn new(source: &'a mut Source<R>) -> Self {
        let begins = source.line;
        Self { source, begins, taken: 0, depth: 0 }
    }

    fn next(&mut self) -> Result<Option<u8>, EdnError> {
        self.taken += 1;
        if self.taken > LONGEST_EVENT {
            return Err(SourceError::TooLong { line: self.begins }.into());
        }
        Ok(self.source.next()?)
    }

    /// The next byte, where the form cannot end.
    fn demand(&mut self) -> Result<u8, EdnError> {
        self.next()?.ok_or(EdnError::Ends)
    }

    /// Passes over white space, commas and comments.
    fn skip(&mut self) -> Result<Option<u8>, EdnError> {
        while let Some(byte) = self.source.peek()? {
            if byte == b';' {
                while self.source.peek()?.is_some_and(|byte| byte != b'\n') {
                    self.source.next()?;
                }
            } else if byte.is_ascii_whitespace() || byte == b',' {
                self.source.next()?;
            } else {
                return Ok(Some(byte));
            }
        }
        Ok(None)
    }

    fn form(&mut self) -> Result<Option<Form>, EdnError> {
        loop {
            let first = match self.skip()? {
                None | Some(b')' | b']' | b'}') => return Ok(None),
                Some(first) => first,
            };
            if self.taken == 0 {
                self.begins = self.source.line;
            }
            return Ok(Some(match first {
                b'"' => Form::Text(self.text()?),
                b'\\' => self.character()?,
                b'(' => Form::Sequence(self.closed(b')')?),
                b'[' => Form::Sequence(self.closed(b']')?),
                b'{' => Form::Map(pairs(self.closed(b'}')?)?),
                b'#' => match self.dispatch()? {
                    Some(form) => form,
                    // What was discarded leaves nothing.
                    None => continue,
                },
                _ => {
                    let token = self.token()?;
                    // At the end of the input more of it may be missing.
                    if token == ":" && self.source.peek()?.is_none() {
                        return Err(EdnError::Ends);
                    }
                    atom(&token)?
                }
            }));
        }
    }

    /// A form that has to be there.
    fn inner(&mut self) -> Result<Form, EdnError> {
        self.deeper(|reader| match reader.form()? {
            Some(form) => Ok(form),
            None if reader.source.peek()?.is_none() => Err(EdnError::Ends),
            None => malformed("a form is missing before a closing bracket"),
        })
    }

    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, EdnError>,
    ) -> Result<T, EdnError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return malformed(format!("forms are nested more than {DEEPEST} deep"));
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// The forms up to a closing bracket; the opening one comes next.
    fn closed(&mut self, close: u8) -> Result<Vec<Form>, EdnError> {
        self.demand()?;
        self.deeper(|reader| {
            let mut forms = Vec::new();
            while let Some(form) = reader.form()? {
                forms.push(form);
            }
            let end = reader.demand()?;
            if end == close {
                return Ok(forms);
            }
            malformed(format!("`{}` where `{}` has to be", char::from(end), char::from(close)))
        })
    }

    /// What begins with `#`.
    fn dispatch(&mut self) -> Result<Option<Form>, EdnError> {
        self.demand()?;
        match self.source.peek()?.ok_or(EdnError::Ends)? {
            b'{' => Ok(Some(Form::Set(self.closed(b'}')?))),
            b'_' => {
                self.demand()?;
                self.inner()?;
                Ok(None)
            }
            b'#' => {
                self.demand()?;
                Ok(Some(Form::Unreadable(format!("##{}", self.token()?))))
            }
            // A tag, or the namespace of a map's keys.
            byte if byte.is_ascii_alphabetic() || byte == b':' => {
                let tag = self.token()?;
                Ok(Some(Form::Tagged(tag, Box::new(self.inner()?))))
            }
            byte => malformed(format!("`#{}` is no EDN", char::from(byte).escape_default())),
        }
    }

    fn text(&mut self) -> Result<String, EdnError> {
        self.demand()?;
        let mut bytes = Vec::new();
        loop {
            match self.demand()? {
                b'"' => break,
                b'\\' => {
                    let escaped = self.escaped()?;
                    bytes.extend_from_slice(escaped.encode_utf8(&mut [0; 4]).as_bytes());
                }
                byte => bytes.push(byte),
            }
        }
        String::from_utf8(bytes).or_else(|_| malformed("a string is not UTF-8"))
    }

    fn escaped(&mut self) -> Result<char, EdnError> {
        Ok(match self.demand()? {
            b't' => '\t',
            b'r' => '\r',
            b'n' => '\n',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => return self.unicode(),
            byte @ (b'"' | b'\\') => char::from(byte),
            byte => {
                return malformed(format!(
                    "`\\{}` is no escape of EDN",
                    char::from(byte).escape_default()
                ));
            }
        })
    }

    /// Four hexadecimal digits, or two times four that are a pair of UTF-16.
    fn unicode(&mut self) -> Result<char, EdnError> {
        let mut units = vec![self.unit()?];
        if (0xd800..0xdc00).contains(&units[0]) {
            if (self.demand()?, self.demand()?) != (b'\\', b'u') {
                return malformed("half a pair of UTF-16");
            }
            units.push(self.unit()?);
        }
        match char::decode_utf16(units).next() {
            Some(Ok(character)) => Ok(character),
            _ => malformed("half a pair of UTF-16"),
        }
    }

    fn unit(&mut self) -> Result<u16, EdnError> {
        let digits = [self.demand()?, self.demand()?, self.demand()?, self.demand()?];
        let text = str::from_utf8(&digits).unwrap_or_default();
        let plain = digits.iter().all(u8::is_ascii_hexdigit);
        match u16::from_str_radix(text, 16) {
            Ok(unit) if plain => Ok(unit),
            _ => malformed("`\\u` without four hexadecimal digits"),
        }
    }

    fn character(&mut self) -> Result<Form, EdnError> {
        self.demand()?;
        // The first may be a bracket or a quote, which ends a token elsewhere.
        let mut bytes = vec![self.demand()?];
        while self.source.peek()?.is_some_and(in_token) {
            bytes.push(self.demand()?);
        }
        match String::from_utf8(bytes) {
            Ok(name) => Ok(Form::Char(name)),
            Err(_) => malformed("a character is not UTF-8"),
        }
    }

    fn token(&mut self) -> Result<String, EdnError> {
        let mut bytes = Vec::new();
        while self.source.peek()?.is_some_and(in_token) {
            bytes.push(self.demand()?);
        }
        if bytes.is_empty() {
            let byte = self.demand()?;
            return malformed(format!("`{}` is no EDN", char::from(byte).escape_default()));
        }
        String::from_utf8(bytes).or_else(|_| malformed("a symbol is not UTF-8"))
    }
}

fn in_token(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !byte.is_ascii_control() && !b",;\"()[]{}\\".contains(&byte)
}

fn pairs(forms: Vec<Form>) -> Result<Vec<(Form, Form)>, EdnError> {
    if !forms.len().is_multiple_of(2) {
        return malformed("a map has a key without a value");
    }
    let mut pairs = Vec::with_capacity(forms.len() / 2);
    let mut forms = forms.into_iter();
    while let (Some(key), Some(value)) = (forms.next(), forms.next()) {
        pairs.push((key, value));
    }
    Ok(pairs)
}

fn atom(token: &str) -> Result<Form, EdnError> {
    let digits = token.trim_start_matches(['+', '-']);
    if digits.starts_with(|c: char| c.is_ascii_digit()) && token.len() - digits.len() <= 1 {
        return Ok(number(token));
    }
    Ok(match token {
        "nil" => Form::Nil,
        "true" => Form::Bool(true),
        "false" => Form::Bool(false),
        _ => match token.strip_prefix(':') {
            Some("") => return malformed("a `:` alone; a keyword is a `:` and its name"),
            Some(name) => Form::Keyword(name.to_owned()),
            None => Form::Symbol(token.to_owned()),
        },
    })
}

/// `N` and `M` say which class of Clojure's holds a number, and nothing about its size.
fn number(token: &str) -> Form {
    let decimal = token.strip_prefix('+').unwrap_or(token);
    let decimal = decimal.strip_suffix(['N', 'M']).unwrap_or(decimal);
    let digits = decimal.trim_start_matches('-');
    // In Clojure these are octal.
    let octal = digits.len() > 1 && digits.bytes().all(|b| b.is_ascii_digit());
    if octal && digits.starts_with('0') {
        return Form::Unreadable(token.to_owned());
    }
    match exact(decimal) {
        Ok(Some(number)) => Form::Number(number),
        Ok(None) | Err(_) => Form::Unreadable(token.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Form>, String> {
        form(&mut Source::new(text.as_bytes())).map_err(|error| match error {
            EdnError::Source(error) => format!("{error:?}"),
            EdnError::Ends => String::from("ends"),
            EdnError::Malformed(reason) => reason,
        })
    }

    #[test]
    fn every_kind_of_form_is_read() {
        let text = "; a comment\n #_ (left out) [nil true -3 +4 5N 1.50M 1e2 1/2 ##NaN 017 \
            :k :n/k sym \"a\\n\\\"\\u00e9\\ud83d\\ude00é\" \\c \\newline \\( (1,2) #{1} {:a \"b\"} #inst \"x\"]";
        insta::assert_snapshot!(format!("{:?}", read(text).unwrap().unwrap()), @r###"Sequence([Nil, Bool(true), Number(Number(-3)), Number(Number(4)), Number(Number(5)), Number(Number(1.5)), Number(Number(100)), Unreadable("1/2"), Unreadable("##NaN"), Unreadable("017"), Keyword("k"), Keyword("n/k"), Symbol("sym"), Text("a\n\"é😀é"), Char("c"), Char("newline"), Char("("), Sequence([Number(Number(1)), Number(Number(2))]), Set([Number(Number(1))]), Map([(Keyword("a"), Text("b"))]), Tagged("inst", Text("x"))])"###);
    }

    #[test]
    fn what_is_no_edn_is_told() {
        for (text, said) in [
            ("[1 2", "ends"),
            ("{:a \"b", "ends"),
            ("#inst", "ends"),
            ("#_", "ends"),
            ("\"\\u12", "ends"),
            ("[1 }", "`}` where `]` has to be"),
            ("{:a}", "a map has a key without a value"),
            ("[#_]", "a form is missing before a closing bracket"),
            ("\"\\q\"", "`\\q` is no escape of EDN"),
            ("\"\\u00g0\"", "`\\u` without four hexadecimal digits"),
            ("\"\\udc00\"", "half a pair of UTF-16"),
            ("\"\\ud800\\n\"", "half a pair of UTF-16"),
            (": 1", "a `:` alone; a keyword is a `:` and its name"),
            ("\0", "`\\u{0}` is no EDN"),
            ("#!x", "`#!` is no EDN"),
        ] {
            assert_eq!(read(text), Err(said.to_owned()), "{text}");
        }
        let deep = "[".repeat(200);
        assert_eq!(read(&deep), Err(String::from("forms are nested more than 128 deep")));
        assert_eq!(read(" ; nothing\n"), Ok(None));
    }
}
