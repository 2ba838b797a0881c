//! By what a run's links and faults are known on a Toxiproxy that others use too: all of them carry the
//! run's id. A run never takes away what carries another one's.

use harness_proxy::{Direction, Effect, Toxic, Toxiproxy, ToxiproxyError};
use std::time::Duration;
use workloads::Link;

/// The name of a link that a run makes.
pub(crate) fn link(run: &str, link: Link) -> String {
    format!("harness-{run}-p{}-a{}", link.proposer, link.acceptor)
}

/// Whether the run has made the link of this name.
pub(crate) fn is_link_of(run: &str, link: &str) -> bool {
    link.strip_prefix("harness-").and_then(|rest| rest.strip_prefix(run)).is_some_and(|rest| {
        let number = |text: Option<&str>| text.is_some_and(|text| text.parse::<u32>().is_ok());
        let parts = rest.strip_prefix("-p").and_then(|rest| rest.split_once("-a"));
        parts.is_some_and(|(proposer, acceptor)| number(Some(proposer)) && number(Some(acceptor)))
    })
}

/// The name that one of a fault's toxics has there.
pub(super) fn toxic(run: &str, name: &str) -> String {
    format!("{name}-{run}")
}

/// Whether the run has added the toxic of this name.
pub(crate) fn is_toxic_of(run: &str, toxic: &str) -> bool {
    parts(toxic).is_some_and(|(_, of)| of == run)
}

/// What tells that a fault has cut a link. That a proxy is disabled does not tell who wants it so: this
/// toxic, which does nothing, is added before, and removed before the proxy is enabled.
pub(super) fn cut(fault: u32, run: &str) -> Toxic {
    Toxic {
        name: toxic(run, &format!("f{fault}-cut")),
        direction: Direction::Replies,
        toxicity: 1.0,
        effect: Effect::Latency { latency: Duration::ZERO, jitter: Duration::ZERO },
    }
}

/// Whether the toxic of this name tells that a fault, of whatever run, has cut the link.
pub(crate) fn is_cut(toxic: &str) -> bool {
    parts(toxic).is_some_and(|(what, _)| what == "cut")
}

/// Undoes cuts of a link whose marks are `mine`. Those of other runs on the same Toxiproxy go on. A link
/// without a mark of mine is left as it is.
pub(crate) async fn end_cuts(
    client: &Toxiproxy,
    link: &str,
    mine: impl Fn(&str) -> bool,
) -> Result<(), ToxiproxyError> {
    let marks = async || -> Result<Vec<String>, ToxiproxyError> {
        let toxics = client.toxics(link).await?.into_iter().map(|toxic| toxic.name);
        Ok(toxics.filter(|toxic| is_cut(toxic)).collect())
    };
    let (mine, others): (Vec<_>, Vec<_>) = marks().await?.into_iter().partition(|mark| mine(mark));
    if mine.is_empty() {
        return Ok(());
    }
    // The marks go last: a harness that is killed in between leaves what `heal` goes by.
    if others.is_empty() {
        client.enable(link).await?;
    }
    for mark in &mine {
        client.remove_toxic(link, mark).await?;
    }
    // The others may have ended meanwhile, and have seen these marks.
    if !others.is_empty() && marks().await?.is_empty() {
        client.enable(link).await?;
    }
    Ok(())
}

/// What a toxic of a fault is about, and the run that it belongs to: `f3-requests-0badcafe`.
fn parts(toxic: &str) -> Option<(&str, &str)> {
    let (number, rest) = toxic.strip_prefix('f')?.split_once('-')?;
    number.parse::<u32>().ok()?;
    rest.rsplit_once('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_known_by_the_run_that_made_it() {
        let made = link("0badcafe", Link { proposer: 1, acceptor: 12 });
        assert!(is_link_of("0badcafe", &made), "{made}");
        for other in [
            "p1-a2",
            "redis",
            "harness-0badcafd-p1-a2",
            "harness-0badcafe",
            "harness-0badcafe-p1",
            "harness-0badcafe-p1-b2",
            "harness-0badcafe-px-a2",
            "harness-0badcafe0-p1-a2",
            "0badcafe-p1-a2",
            "",
        ] {
            assert!(!is_link_of("0badcafe", other), "{other}");
        }
    }

    #[test]
    fn a_toxic_is_known_by_the_run_that_added_it() {
        let (one, cut) = (toxic("0badcafe", "f3-requests"), cut(3, "0badcafe").name);
        assert!(is_toxic_of("0badcafe", &one) && !is_cut(&one), "{one}");
        assert!(is_toxic_of("0badcafe", &cut) && is_cut(&cut), "{cut}");
        for other in [
            "f3-requests-0badcafd",
            "f3-requests",
            "f3-0badcafe",
            "fast-0badcafe",
            "fx-requests-0badcafe",
            "latency_downstream",
            "0badcafe",
            "f3-requests-0badcafe-",
            "",
        ] {
            assert!(!is_toxic_of("0badcafe", other), "{other}");
        }
        assert!(is_cut("f0-cut-12345678") && !is_cut("f0-cut") && !is_cut("haircut"));
    }
}
