//! Whether servers have the places that their cluster gives them.

use super::{Finding, Observed};
use crate::overview::list;
use crate::redaction::without_logins;
use gryadka::{AcceptorState, ClusterConfig, Status};

const PLACE: &str = "place";
const QUORUM: &str = "quorum";

/// The number of the acceptor at this address.
pub(super) fn number(config: &ClusterConfig, address: &str) -> Option<u32> {
    let mut acceptors = config.acceptors.iter();
    acceptors.find_map(|(&id, own)| (own == address).then_some(id))
}

/// How the cluster is as a whole: whether enough of it votes, and whether a change is half done.
pub(super) fn cluster(config: &ClusterConfig, observed: &[Observed]) -> Vec<Finding> {
    let members = config.members();
    let votes = |id: &u32| {
        let address = config.acceptors.get(id);
        let one = observed.iter().find(|one| Some(&one.address) == address);
        let state = one.and_then(|one| one.status.as_ref().ok()?.state);
        state.is_some_and(|state| state.identity == config.identity(*id))
    };
    let voting: std::collections::BTreeSet<u32> = members.iter().copied().filter(votes).collect();
    // How many more may fail before nothing can be decided any more.
    let spare = [&config.prepare, &config.accept]
        .map(|wanted| wanted.members.intersection(&voting).count().checked_sub(wanted.size))
        .into_iter()
        .min()
        .flatten();
    let mut findings = vec![match spare {
        None => Finding::danger(
            QUORUM,
            format!("of {}, only [{}] vote: nothing can be decided", list(&members), list(&voting)),
        ),
        Some(0) if voting != members => Finding::warning(
            QUORUM,
            format!("of {}, {} vote: no other may fail", list(&members), list(&voting)),
        ),
        Some(spare) => {
            Finding::ok(QUORUM, format!("{} vote: {spare} more may fail", list(&voting)))
        }
    }];
    if let Some(target) = &config.target {
        let text = format!("on the way to {}: `gryadka cluster resume` goes on", list(target));
        findings.push(Finding::warning("membership", text));
    } else if !config.is_rescan_complete() {
        let text = "a change is half done: `gryadka cluster resume` ends it";
        findings.push(Finding::warning("membership", text));
    }
    findings
}

/// Whether one server has the place that it should have.
pub(super) fn examine(address: &str, status: &Status, config: Option<&ClusterConfig>) -> Finding {
    let Some(config) = config else {
        return match status.state {
            None => Finding::ok(
                PLACE,
                "it belongs to no cluster yet: `gryadka cluster init` makes one, `grow` adds it to one",
            ),
            Some(_) => Finding::warning(
                PLACE,
                "its cluster was never finished: `gryadka cluster init` again, with the same acceptors",
            ),
        };
    };
    match (number(config, address), status.state) {
        (Some(id), None) if config.members().contains(&id) => Finding::danger(
            PLACE,
            format!(
                "it has lost its memory, and votes for nothing: `gryadka cluster replace {id} {}`",
                without_logins(address)
            ),
        ),
        (Some(_), None) => Finding::ok(PLACE, "it is about to join, or has left"),
        (None, None) => {
            Finding::warning(PLACE, "the cluster does not know it: `gryadka cluster grow` adds it")
        }
        (number, Some(state)) => standing_of(number, state, config),
    }
}

fn standing_of(number: Option<u32>, state: AcceptorState, config: &ClusterConfig) -> Finding {
    let AcceptorState { identity, epoch, promise_floor } = state;
    let own = identity.acceptor.0;
    if identity.cluster != config.cluster {
        let text =
            format!("it belongs to another cluster, {}, and serves no two", identity.cluster);
        return Finding::danger(PLACE, text);
    }
    if number != Some(own) {
        let known = config.acceptors.get(&own).map(|address| without_logins(address));
        return match known {
            Some(known) => Finding::warning(
                PLACE,
                format!("it is acceptor {own}, which the cluster knows as {known}: name it so"),
            ),
            None => Finding::warning(
                PLACE,
                format!("it was acceptor {own}, which the cluster does not have any more"),
            ),
        };
    }
    if epoch < config.epoch {
        let text = format!(
            "it is in epoch {epoch}, the cluster in {}: it catches up with the next call",
            config.epoch
        );
        return Finding::warning(PLACE, text);
    }
    let text = format!(
        "acceptor {own} of cluster {}, epoch {epoch}, promise_floor {promise_floor}",
        identity.cluster
    );
    Finding::ok(PLACE, text)
}
