//! Who may do what: tokens, and how many requests at a time.

use super::Service;
use super::problem::Problem;
use crate::settings::{Token, Tokens};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::Response;
use std::net::IpAddr;
use std::sync::Arc;

/// Where there is a token, every resource of a key or the cluster asks for it.
pub(crate) async fn client(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    may_use(&service.tokens, bearer(request.headers()))?;
    // Browsers say where a page comes from. Without a token, any page on the web could change what
    // this machine's service holds.
    let headers = request.headers();
    if service.tokens.client.is_none() && (headers.contains_key(ORIGIN) || is_named(headers)) {
        return Err(Problem::Forbidden("without a token, pages in browsers are not served"));
    }
    Ok(next.run(request).await)
}

/// Whether the request was sent to a name of the web, which may have been bent to this machine after
/// the page that sends it was loaded (DNS rebinding).
fn is_named(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    host.is_some_and(|host| {
        let address = host.host().trim_matches(['[', ']']).parse::<IpAddr>();
        address.is_err() && !host.host().eq_ignore_ascii_case("localhost")
    })
}

/// What changes the cluster asks for the administrator's token, and is closed without one.
pub(crate) async fn admin(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    may_administer(&service.tokens, bearer(request.headers()))?;
    Ok(next.run(request).await)
}

/// Turns away what is more than the service may have under way.
pub(crate) async fn admission(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let _permit = service.admission.try_acquire().map_err(|_| Problem::Overloaded)?;
    Ok(next.run(request).await)
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
