//! Ways to acceptors that are not reached at their own addresses: through a tunnel, a translation of
//! addresses, or a proxy.

use gryadka::{AcceptorAddress, AddressError, Route, redacted};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A route that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRoute {
    /// It is not two addresses with `=` between.
    #[error(
        "{0:?} is not a route: write FROM=TO, the acceptor's own address and the one to connect to instead, such as redis://10.0.0.1:6379=redis://127.0.0.1:7001"
    )]
    Shape(String),
    /// One of the two is not an address.
    #[error("in a route, {0}")]
    Address(#[from] AddressError),
    /// An acceptor has two.
    #[error("two routes are given for {0}; give one")]
    Twice(AcceptorAddress),
}

/// The routes of `--route`, put together; `None` where it is not given. An acceptor that no route names
/// is reached at its own address.
pub(crate) fn route(given: &[String]) -> Result<Option<Route>, BadRoute> {
    let mut ways = BTreeMap::new();
    // A variable that is set to an empty text gives no route.
    for text in given.iter().filter(|text| !text.is_empty()) {
        let (from, to) = split(text).ok_or_else(|| BadRoute::Shape(redacted(text)))?;
        let from: AcceptorAddress = from.parse()?;
        to.parse::<AcceptorAddress>()?;
        if ways.insert(from.to_string(), to.to_owned()).is_some() {
            return Err(BadRoute::Twice(from));
        }
    }
    if ways.is_empty() {
        return Ok(None);
    }
    Ok(Some(Arc::new(move |url| ways.get(url).map_or_else(|| url.to_owned(), Clone::clone))))
}

/// The two addresses. A password may have a `=` in it, so the one that counts is the one before an
/// address.
fn split(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.split_once("://")?;
    let mut signs = rest.match_indices('=').map(|(at, _)| text.len() - rest.len() + at);
    let at = signs.find(|at| {
        let (scheme, _) = text[at + 1..].split_once("://").unwrap_or_default();
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic())
    })?;
    Some((&text[..at], &text[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goes(given: &[&str], url: &str) -> String {
        let given: Vec<String> = given.iter().map(|&text| text.to_owned()).collect();
        route(&given).unwrap().unwrap()(url)
    }

    fn wrong(given: &[&str]) -> String {
        let given: Vec<String> = given.iter().map(|&text| text.to_owned()).collect();
        route(&given).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn an_acceptor_is_reached_where_its_route_leads_and_the_others_where_they_are() {
        let given = ["redis://a1:6379=redis://proxy:1", "redis://u:p=q@a2:1=native://127.0.0.1:2"];
        assert_eq!(goes(&given, "redis://a1:6379"), "redis://proxy:1");
        assert_eq!(goes(&given, "redis://a2:1"), "native://127.0.0.1:2");
        assert_eq!(goes(&["redis://A1=redis://u:p@b:1"], "redis://a1:6379"), "redis://u:p@b:1");
        assert_eq!(goes(&given, "redis://a3:6379"), "redis://a3:6379");
        for nothing in [&[][..], &[String::new()]] {
            assert!(route(nothing).unwrap().is_none());
        }
    }

    #[test]
    fn a_wrong_route_gets_an_error_that_says_what_is_right_and_shows_no_password() {
        insta::assert_snapshot!([
            wrong(&["redis://u:secret@a1:6379"]),
            wrong(&["redis://a1:6379="]),
            wrong(&["redis://a1:6379=http://u:secret@proxy:1"]),
            wrong(&["redis://u:secret@a1:1=redis://b:1", "redis://u:secret@a1:1=redis://c:1"]),
        ].join("\n"), @r#"
        "redis://a1:6379" is not a route: write FROM=TO, the acceptor's own address and the one to connect to instead, such as redis://10.0.0.1:6379=redis://127.0.0.1:7001
        "redis://a1:6379=" is not a route: write FROM=TO, the acceptor's own address and the one to connect to instead, such as redis://10.0.0.1:6379=redis://127.0.0.1:7001
        in a route, "http://proxy:1" is not an acceptor's address: its scheme is none of redis, rediss and native; write redis://[user:password@]host:port
        two routes are given for redis://a1:1; give one
        "#);
    }
}
