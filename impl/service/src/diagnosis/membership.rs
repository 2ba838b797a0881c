//! Whether servers are the acceptors that their cluster's configuration names.

use super::{Finding, Observed};
use crate::overview::list;
use gryadka::{AcceptorState, ClusterConfig, Status, redacted};

const MEMBERSHIP: &str = "membership";
const QUORUM: &str = "quorum";

/// The number of the acceptor at this address.
pub(super) fn number(config: &ClusterConfig, address: &str) -> Option<u32> {
    let mut acceptors = config.acceptors.iter();
    acceptors.find_map(|(&id, own)| (own == address).then_some(id))
}

/// The state of the cluster as a whole: whether enough acceptors vote, and whether a change of them is
/// unfinished.
pub(super) fn cluster(config: &ClusterConfig, observed: &[Observed]) -> Vec<Finding> {
    let members = config.members();
    let votes = |id: &u32| {
        let address = config.acceptors.get(id);
        let one = observed.iter().find(|one| Some(&one.address) == address);
        let state = one.and_then(|one| one.status.as_ref().ok()?.state);
        state.is_some_and(|state| state.identity == config.identity(*id))
    };
    let voting: std::collections::BTreeSet<u32> = members.iter().copied().filter(votes).collect();
    // How many more may fail before no quorum is left.
    let spare = [&config.prepare, &config.accept]
        .map(|wanted| wanted.members.intersection(&voting).count().checked_sub(wanted.size))
        .into_iter()
        .min()
        .flatten();
    let mut findings = vec![match spare {
        None => Finding::danger(
            QUORUM,
            format!("of {}, only [{}] vote: no quorum", list(&members), list(&voting)),
        ),
        Some(0) if voting != members => Finding::warning(
            QUORUM,
            format!("of {}, {} vote: no more may fail", list(&members), list(&voting)),
        ),
        Some(spare) => {
            Finding::ok(QUORUM, format!("{} vote: {spare} more may fail", list(&voting)))
        }
    }];
    if let Some(target) = &config.target {
        let text = format!("changing to {}: `gryadka cluster resume` continues", list(target));
        findings.push(Finding::warning(MEMBERSHIP, text));
    } else if !config.is_rescan_complete() {
        let text = "a change of the acceptors is not finished: `gryadka cluster resume` continues";
        findings.push(Finding::warning(MEMBERSHIP, text));
    }
    findings
}

/// Whether one server is the acceptor that the cluster's configuration names.
pub(super) fn examine(address: &str, status: &Status, config: Option<&ClusterConfig>) -> Finding {
    let Some(config) = config else { return without_cluster(status) };
    match (number(config, address), status.state) {
        (Some(id), None) if config.members().contains(&id) => Finding::danger(
            MEMBERSHIP,
            format!(
                "it has lost its data and does not vote: `gryadka cluster replace {id} {address}`"
            ),
        ),
        (Some(_), None) => Finding::ok(MEMBERSHIP, "it is joining the cluster, or has left it"),
        (None, None) => Finding::warning(
            MEMBERSHIP,
            "it is not an acceptor of the cluster: `gryadka cluster grow` adds it",
        ),
        (number, Some(state)) => with_state(number, state, config),
    }
}

fn without_cluster(status: &Status) -> Finding {
    match status.state {
        None if status.config.is_empty() => Finding::ok(
            MEMBERSHIP,
            "it belongs to no cluster yet: `gryadka cluster init` makes one, `gryadka cluster grow` adds it to one",
        ),
        None => Finding::ok(
            MEMBERSHIP,
            "it has left its cluster: `gryadka cluster release` frees it for another one",
        ),
        Some(_) => Finding::warning(
            MEMBERSHIP,
            "making its cluster was interrupted: `gryadka cluster init` again, with the same acceptors",
        ),
    }
}

fn with_state(number: Option<u32>, state: AcceptorState, config: &ClusterConfig) -> Finding {
    let AcceptorState { identity, epoch, promise_floor } = state;
    let (own, cluster) = (identity.acceptor.0, identity.cluster);
    if cluster != config.cluster {
        let text = format!("it belongs to cluster {cluster}, and cannot serve another one");
        return Finding::danger(MEMBERSHIP, text);
    }
    if number != Some(own) {
        return match config.acceptors.get(&own) {
            Some(known) => Finding::warning(
                MEMBERSHIP,
                format!(
                    "it is acceptor {own}, whose address in the cluster is {known}: use that one"
                ),
            ),
            None => Finding::warning(
                MEMBERSHIP,
                format!(
                    "it was acceptor {own}, which the cluster has removed: `gryadka cluster release` frees it"
                ),
            ),
        };
    }
    if epoch < config.epoch {
        let text = format!(
            "it is in epoch {epoch}, the cluster in {}: it catches up with the next request",
            config.epoch
        );
        return Finding::warning(MEMBERSHIP, text);
    }
    let text = format!(
        "acceptor {own} of cluster {cluster}, epoch {epoch}, promise floor {promise_floor}"
    );
    Finding::ok(MEMBERSHIP, text)
}

/// Whether a server's copy of the configuration record has passwords in it.
pub(super) fn passwords(status: &Status) -> Option<Finding> {
    let copy = ClusterConfig::parse(&status.config).ok()?;
    let has_login = |address: &String| redacted(address) != *address;
    copy.acceptors.values().any(has_login).then(|| {
        Finding::warning(
            "passwords",
            "its copy of the configuration record has passwords in it, which an earlier version wrote: \
             give every process its own (--acceptor-password-file), then any change of the acceptors \
             removes them",
        )
    })
}
