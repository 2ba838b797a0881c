//! Which requests are allowed, by token and origin; and how many at a time.

use super::Service;
use super::bodies::Received;
use super::problem::Problem;
use crate::settings::{Token, Tokens};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::Response;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::SemaphorePermit;

/// Every resource of a key or the cluster demands the token, if the service has one.
pub(crate) async fn client(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    may_use(&service.tokens, bearer(request.headers()))?;
    if service.tokens.client.is_none() {
        refuse_pages(service.is_local, request.headers())?;
    }
    Ok(next.run(request).await)
}

/// Without a token, any page on the web could use the service through the browser of a reader who can
/// reach it. Browsers name the origin of a page in what it sends to another one. On a loopback address,
/// where the service is meant for the programs of this machine alone, the host must be an IP address or
/// `localhost` as well: a page can have the name that it comes from resolved to this machine after it
/// was loaded, and is of the same origin then (DNS rebinding). A service that listens on another address
/// has names of its own, which it does not know.
fn refuse_pages(is_local: bool, headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(ORIGIN) {
        return Err(Problem::Forbidden(
            "a service without a token does not answer pages in browsers (Origin header): give it --token-file",
        ));
    }
    if is_local && is_named(headers) {
        return Err(Problem::Forbidden(
            "a service without a token that listens on a loopback address is asked as localhost or by IP address: other hosts in a request may be those of a page in a browser (DNS rebinding); give it --token-file",
        ));
    }
    Ok(())
}

/// Whether the request was sent to a name that can be resolved to any machine.
fn is_named(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    host.is_some_and(|host| {
        let address = host.host().trim_matches(['[', ']']).parse::<IpAddr>();
        address.is_err() && !host.host().eq_ignore_ascii_case("localhost")
    })
}

/// Every change of the cluster demands the administrator's token, and is refused if the service has none.
pub(crate) async fn admin(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    may_administer(&service.tokens, bearer(request.headers()))?;
    Ok(next.run(request).await)
}

impl Service {
    /// A permit to execute a request, until it is dropped.
    pub(crate) fn admit(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.admission.try_acquire().map_err(|_| Problem::Overloaded)
    }

    /// The whole body of a request, and then a permit to execute it: a client that sends slowly takes no
    /// permit from another request. If no more may be executed now, the body is not read.
    pub(crate) async fn admit_with_body(
        &self,
        body: Body,
    ) -> Result<(Received<'_>, SemaphorePermit<'_>), Problem> {
        drop(self.admit()?);
        let received = self.bodies.receive(body).await?;
        Ok((received, self.admit()?))
    }
}

fn may_use(tokens: &Tokens, given: Option<&[u8]>) -> Result<(), Problem> {
    let known = is(tokens.client.as_ref(), given) || is(tokens.admin.as_ref(), given);
    if tokens.client.is_none() || known { Ok(()) } else { Err(Problem::Unauthorized) }
}

fn may_administer(tokens: &Tokens, given: Option<&[u8]>) -> Result<(), Problem> {
    if tokens.admin.is_none() {
        return Err(Problem::Forbidden("the service was started without --admin-token-file"));
    }
    if is(tokens.admin.as_ref(), given) {
        return Ok(());
    }
    if is(tokens.client.as_ref(), given) {
        return Err(Problem::Forbidden("this needs the administrator's token"));
    }
    Err(Problem::Unauthorized)
}

fn is(token: Option<&Token>, given: Option<&[u8]>) -> bool {
    token.zip(given).is_some_and(|(token, given)| token.is(given))
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(BEARER.len())?;
    scheme.eq_ignore_ascii_case(BEARER).then(|| token.trim_ascii())
}

const BEARER: &[u8] = b"Bearer ";

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(client: Option<&str>, admin: Option<&str>) -> Tokens {
        let token = |text: Option<&str>| text.map(|text| Token::new(text).unwrap());
        Tokens { client: token(client), admin: token(admin) }
    }

    const CLIENT: &str = "a client's token";
    const ADMIN: &str = "an administrator's token";

    #[test]
    fn each_token_opens_what_it_should() {
        let refused = |admin: bool| {
            let reason = if admin {
                "this needs the administrator's token"
            } else {
                "the service was started without --admin-token-file"
            };
            Err(Problem::Forbidden(reason))
        };
        let unknown = Err(Problem::Unauthorized);
        for (client, admin, given, using, administering) in [
            (None, None, None, Ok(()), refused(false)),
            (None, None, Some(CLIENT), Ok(()), refused(false)),
            (Some(CLIENT), None, None, unknown.clone(), refused(false)),
            (Some(CLIENT), None, Some("a wrong token..."), unknown.clone(), refused(false)),
            (Some(CLIENT), None, Some(CLIENT), Ok(()), refused(false)),
            (Some(CLIENT), Some(ADMIN), Some(CLIENT), Ok(()), refused(true)),
            (Some(CLIENT), Some(ADMIN), Some(ADMIN), Ok(()), Ok(())),
            (Some(CLIENT), Some(ADMIN), None, unknown.clone(), unknown.clone()),
            (None, Some(ADMIN), None, Ok(()), unknown.clone()),
            (None, Some(ADMIN), Some(ADMIN), Ok(()), Ok(())),
        ] {
            let tokens = tokens(client, admin);
            let given = given.map(str::as_bytes);
            let case = format!("{client:?} {admin:?} {given:?}");
            assert_eq!(may_use(&tokens, given), using, "{case}");
            assert_eq!(may_administer(&tokens, given), administering, "{case}");
        }
    }

    #[test]
    fn pages_are_refused_by_origin_and_on_loopback_by_host() {
        for (is_local, host, origin, allowed) in [
            (true, "localhost:7480", None, true),
            (true, "LOCALHOST", None, true),
            (true, "127.0.0.1:7480", None, true),
            (true, "[::1]:7480", None, true),
            (true, "p1.example:7480", None, false),
            (true, "localhost.example", None, false),
            (true, "localhost", Some("https://example.org"), false),
            (false, "p1.example:7480", None, true),
            (false, "p1.example:7480", Some("http://p1.example:7480"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            headers.extend(origin.map(|origin| (ORIGIN, origin.parse().unwrap())));
            let refused = refuse_pages(is_local, &headers);
            assert_eq!(refused.is_ok(), allowed, "{is_local} {host} {origin:?}: {refused:?}");
        }
    }

    #[test]
    fn a_token_is_given_as_a_bearer() {
        for (value, expected) in [
            ("Bearer abc", Some(&b"abc"[..])),
            ("bearer  abc ", Some(b"abc")),
            ("Basic abc", None),
            ("Bearer", None),
            ("abc", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            assert_eq!(bearer(&headers), expected, "{value}");
        }
    }
}
