//! Versions as entity tags, and the preconditions that name them (RFC 9110, sections 8.8.3 and 13).

use super::problem::Problem;
use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue};

/// A version as a strong entity tag.
pub(crate) fn etag(version: u64) -> HeaderValue {
    // Digits in quotes are always a header's value.
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// The conditions under which a request is to be done. The default has none.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Preconditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

/// Which condition is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmet {
    /// The value is not one of those asked for.
    Match,
    /// The value is one of those that the client has, or did not want to be there.
    NoneMatch,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    Any,
    Listed(Vec<Tag>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Tag {
    weak: bool,
    opaque: Vec<u8>,
}

impl Preconditions {
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        Ok(Self {
            if_match: tags(headers, &IF_MATCH, "If-Match")?,
            if_none_match: tags(headers, &IF_NONE_MATCH, "If-None-Match")?,
        })
    }

    /// Checks them in the order of RFC 9110, section 13.2.2, against the present version.
    pub(crate) fn check(&self, version: Option<u64>) -> Result<(), Unmet> {
        if self.if_match.as_ref().is_some_and(|tags| !tags.name(version, Comparison::Strong)) {
            return Err(Unmet::Match);
        }
        if self.if_none_match.as_ref().is_some_and(|tags| tags.name(version, Comparison::Weak)) {
            return Err(Unmet::NoneMatch);
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// A weak tag equals nothing.
    Strong,
    /// Weak tags equal strong ones.
    Weak,
}

impl Tags {
    fn name(&self, version: Option<u64>, comparison: Comparison) -> bool {
        let Some(version) = version else { return false };
        match self {
            Self::Any => true,
            Self::Listed(tags) => {
                let own = version.to_string();
                tags.iter().any(|tag| {
                    tag.opaque == own.as_bytes() && (comparison == Comparison::Weak || !tag.weak)
                })
            }
        }
    }
}

/// All lines of one header, which count as one list.
fn tags(
    headers: &HeaderMap,
    name: &HeaderName,
    spelled: &'static str,
) -> Result<Option<Tags>, Problem> {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let wrong = Problem::BadHeader { name: spelled, want: "* or entity tags such as \"17\"" };
    parse(&lines.join(&b',')).ok_or(wrong).map(Some)
}

fn parse(list: &[u8]) -> Option<Tags> {
    if list.trim_ascii() == b"*" {
        return Some(Tags::Any);
    }
    let mut tags = Vec::new();
    let mut rest = list.trim_ascii_start();
    loop {
        // Empty elements are allowed, and mean nothing.
        while let Some(after) = rest.strip_prefix(b",") {
            rest = after.trim_ascii_start();
        }
        if rest.is_empty() {
            return Some(Tags::Listed(tags));
        }
        let (tag, after) = parse_tag(rest)?;
        tags.push(tag);
        rest = after.trim_ascii_start();
        if !rest.is_empty() && !rest.starts_with(b",") {
            return None;
        }
    }
}

/// The first entity tag, and what follows it. A tag may contain commas.
fn parse_tag(text: &[u8]) -> Option<(Tag, &[u8])> {
    let (weak, text) = text.strip_prefix(b"W/").map_or((false, text), |rest| (true, rest));
    let text = text.strip_prefix(b"\"")?;
    let end = text.iter().position(|&byte| byte == b'"')?;
    let (opaque, after) = (text.get(..end)?, text.get(end + 1..)?);
    let allowed = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..=0xff);
    opaque.iter().all(allowed).then(|| (Tag { weak, opaque: opaque.to_vec() }, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn preconditions(lines: &[(&'static str, &str)]) -> Result<Preconditions, Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        Preconditions::of(&headers)
    }

    /// Header, value, what it says when there is no value, and when there is version 17.
    const MET: Result<(), Unmet> = Ok(());
    const NO_MATCH: Result<(), Unmet> = Err(Unmet::Match);
    const NONE_MATCH: Result<(), Unmet> = Err(Unmet::NoneMatch);

    #[test]
    fn each_condition_says_what_the_rfc_says() {
        for (name, value, absent, seventeen) in [
            ("if-match", "\"17\"", NO_MATCH, MET),
            ("if-match", "\"16\"", NO_MATCH, NO_MATCH),
            ("if-match", "\"16\", \"17\"", NO_MATCH, MET),
            ("if-match", "\"16\",,\t\"17\" ,", NO_MATCH, MET),
            ("if-match", "W/\"17\"", NO_MATCH, NO_MATCH),
            ("if-match", "\"017\"", NO_MATCH, NO_MATCH),
            ("if-match", "\"1,7\", \"17\"", NO_MATCH, MET),
            ("if-match", "*", NO_MATCH, MET),
            ("if-match", "", NO_MATCH, NO_MATCH),
            ("if-none-match", "*", MET, NONE_MATCH),
            ("if-none-match", "\"17\"", MET, NONE_MATCH),
            ("if-none-match", "W/\"17\"", MET, NONE_MATCH),
            ("if-none-match", "\"16\"", MET, MET),
            ("if-none-match", "", MET, MET),
        ] {
            let conditions = preconditions(&[(name, value)]).unwrap();
            assert_eq!(conditions.check(None), absent, "{name}: {value} of nothing");
            assert_eq!(conditions.check(Some(17)), seventeen, "{name}: {value} of 17");
        }
    }

    #[test]
    fn if_match_goes_first_and_lines_make_one_list() {
        let both = preconditions(&[("if-none-match", "*"), ("if-match", "\"3\"")]).unwrap();
        assert_eq!(both.check(Some(17)), NO_MATCH);
        assert_eq!(both.check(Some(3)), NONE_MATCH);
        let lines = preconditions(&[("if-match", "\"3\""), ("if-match", "\"17\"")]).unwrap();
        assert_eq!(lines.check(Some(17)), MET);
        assert_eq!(preconditions(&[]).unwrap().check(None), MET);
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        for value in ["17", "\"17", "17\"", "w/\"17\"", "\"1 7\"", "*, \"17\"", "\"1\" \"2\"", "**"]
        {
            assert!(preconditions(&[("if-match", value)]).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_version_matches_its_own_tag_and_no_other(one: u64, other: u64) {
            let tag = etag(one);
            let conditions = preconditions(&[("if-match", tag.to_str().unwrap())]).unwrap();
            prop_assert_eq!(conditions.check(Some(one)), MET);
            prop_assert_eq!(conditions.check(Some(other)).is_ok(), one == other);
        }
    }
}
