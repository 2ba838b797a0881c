//! What a request asks for and does not get, because Toxiproxy passes it over too, and clients that
//! send back what they were told rely on that. It is told in a header of the answer.

use crate::wire::{ProxySettings, ProxyState, WrittenToxic, stream};
use crate::{Direction, Toxic};
use axum::http::header::{HeaderValue, WARNING};
use axum::response::Response;

/// What a change of a proxy leaves as it is, in `state`.
pub(super) fn of_proxy(
    name: Option<String>,
    toxics: Option<Vec<WrittenToxic>>,
    state: &ProxyState,
) -> Vec<String> {
    let mut overlooked = Vec::new();
    if let Some(name) = name.filter(|name| *name != state.name) {
        overlooked.push(format!("the name is still {}, not {name}", state.name));
    }
    if toxics.is_some_and(|toxics| !told(toxics).is_some_and(|toxics| toxics == state.toxics)) {
        let path = format!("/proxies/{}/toxics", state.name);
        overlooked.push(format!("the toxics are as they were: they are changed at {path}"));
    }
    overlooked
}

/// Toxics as a server tells them, if they can be understood.
fn told(toxics: Vec<WrittenToxic>) -> Option<Vec<Toxic>> {
    let toxics = toxics.into_iter().map(|toxic| Toxic::try_from(toxic).ok());
    let mut toxics = toxics.collect::<Option<Vec<_>>>()?;
    toxics.sort_by_key(|toxic| toxic.direction == Direction::Replies);
    Some(toxics)
}

/// What a change of a toxic leaves as it is.
pub(super) fn of_toxic(update: &WrittenToxic, toxic: &Toxic, kind: &str) -> Vec<String> {
    let fields = [
        ("name", &update.name, toxic.name.as_str()),
        ("type", &update.r#type, kind),
        ("stream", &update.stream, stream(toxic.direction)),
    ];
    let other = |(field, given, is): (_, &Option<String>, &str)| {
        let given = given.as_deref().filter(|given| !given.eq_ignore_ascii_case(is))?;
        Some(format!("the {field} is still {is}, not {given}"))
    };
    fields.into_iter().filter_map(other).collect()
}

/// What a populate leaves as it is, in `state`.
pub(super) fn of_settings(settings: &ProxySettings, state: &ProxyState) -> Option<String> {
    let is = if state.enabled { "enabled" } else { "disabled" };
    let given = if settings.enabled { "enabled" } else { "disabled" };
    (is != given).then(|| {
        format!("the proxy {} was there already and is still {is}, not {given}", state.name)
    })
}

/// Tells it with an answer.
pub(super) fn tell(overlooked: &[String], mut answer: Response) -> Response {
    for text in overlooked {
        tracing::warn!("{text}");
        // Escaped, any text is a quoted string of HTTP.
        let warning = format!("299 - \"{}\"", text.escape_default());
        if let Ok(warning) = HeaderValue::try_from(warning) {
            answer.headers_mut().append(WARNING, warning);
        }
    }
    answer
}
