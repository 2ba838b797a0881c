//! A cluster at a glance: as JSON for programs, as a table for people.

use gryadka::{AcceptorStatus, ClusterStatus, Votes, redacted};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// The cluster's configuration, and the state of its acceptors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Overview {
    /// The cluster's own number.
    cluster: u64,
    /// The configuration's number.
    epoch: u64,
    /// Whether every key has been committed in this epoch.
    rescan_complete: bool,
    /// The prepare quorums.
    prepare: Votes,
    /// The accept quorums.
    accept: Votes,
    /// The acceptors that the cluster will have after the change in progress.
    target: Option<BTreeSet<u32>>,
    /// Every acceptor of this epoch, of the one before, and of the target.
    acceptors: Vec<Acceptor>,
}

/// One acceptor as this process sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Acceptor {
    /// Its number, never used again for another.
    id: u32,
    /// Its address.
    address: String,
    /// Whether it takes part in this epoch.
    member: bool,
    /// Whether it answered just now.
    reachable: bool,
    /// Whether it has the identity that the cluster gave it. One that lost its data has none.
    votes: bool,
    /// The latest epoch that it was notified of.
    epoch: Option<u64>,
    /// On registers that it does not hold, it refuses ballots up to this counter.
    promise_floor: Option<u64>,
    /// How many registers it holds, if its server reports that.
    registers: Option<u64>,
    /// The name and version of its server.
    server: Option<String>,
    /// Why it did not answer.
    error: Option<String>,
}

impl Overview {
    pub(crate) fn of(status: &ClusterStatus) -> Self {
        let config = &status.config;
        let members = config.members();
        let acceptor = |acceptor| Acceptor::of(acceptor, &members);
        Self {
            cluster: config.cluster,
            epoch: config.epoch,
            rescan_complete: config.is_rescan_complete(),
            prepare: config.prepare.clone(),
            accept: config.accept.clone(),
            target: config.target.clone(),
            acceptors: status.acceptors.iter().map(acceptor).collect(),
        }
    }
}

impl Acceptor {
    fn of(acceptor: &AcceptorStatus, members: &BTreeSet<u32>) -> Self {
        let status = acceptor.status.as_ref().ok();
        let state = status.and_then(|status| status.state);
        let fact = |name: &str| status.and_then(|status| status.server.get(name)).cloned();
        let error = acceptor.status.as_ref().err();
        Self {
            id: acceptor.id,
            address: acceptor.address.clone(),
            member: members.contains(&acceptor.id),
            reachable: status.is_some(),
            votes: acceptor.votes,
            epoch: state.map(|state| state.epoch),
            promise_floor: state.map(|state| state.promise_floor),
            registers: fact("registers").and_then(|count| count.parse().ok()),
            server: server_name(&fact),
            error: error.map(|error| redacted(error)),
        }
    }

    const fn state(&self) -> &'static str {
        match (self.reachable, self.member, self.votes) {
            (false, _, _) => "DOWN",
            (true, true, true) => "votes",
            (true, true, false) => "NO VOTE",
            (true, false, true) => "admitted",
            (true, false, false) => "no member",
        }
    }
}

/// The name and version of a server: `redis 7.0.15`, `valkey 8.0.1`.
pub(crate) fn server_name(fact: &impl Fn(&str) -> Option<String>) -> Option<String> {
    if let Some(version) = fact("valkey_version") {
        return Some(format!("valkey {version}"));
    }
    let redis = fact("redis_version").map(|version| format!("redis {version}"));
    redis.or_else(|| fact("server"))
}

impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rescan = if self.rescan_complete { "rescan complete" } else { "rescan in progress" };
        writeln!(f, "cluster {}, epoch {}, {rescan}", self.cluster, self.epoch)?;
        writeln!(f, "prepare: {}; accept: {}", votes(&self.prepare), votes(&self.accept))?;
        if let Some(target) = &self.target {
            writeln!(f, "changing to acceptors {}: `cluster resume` continues", list(target))?;
        } else if !self.rescan_complete {
            writeln!(f, "a change is not finished: `cluster resume` continues")?;
        }
        let headings = ["ID", "STATE", "EPOCH", "FLOOR", "ADDRESS", "SERVER"].map(String::from);
        let mut rows = vec![headings];
        rows.extend(self.acceptors.iter().map(Acceptor::row));
        let widths: [usize; 6] = std::array::from_fn(|column| {
            rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
        });
        for [id, state, epoch, promise_floor, address, server] in rows {
            let [w_id, w_state, w_epoch, w_floor, w_address, _] = widths;
            writeln!(
                f,
                "{id:>w_id$}  {state:<w_state$}  {epoch:>w_epoch$}  {promise_floor:>w_floor$}  {address:<w_address$}  {server}"
            )?;
        }
        Ok(())
    }
}

impl Acceptor {
    fn row(&self) -> [String; 6] {
        let number = |number: Option<u64>| number.map_or_else(dash, |number| number.to_string());
        let says = self.error.as_ref().or(self.server.as_ref()).cloned();
        [
            self.id.to_string(),
            self.state().to_owned(),
            number(self.epoch),
            number(self.promise_floor),
            self.address.clone(),
            says.unwrap_or_else(dash),
        ]
    }
}

fn dash() -> String {
    String::from("-")
}

fn votes(votes: &Votes) -> String {
    format!("{} of {}", votes.size, list(&votes.members))
}

/// Numbers with commas between.
pub(crate) fn list(numbers: &BTreeSet<u32>) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gryadka::{AcceptorState, ClusterConfig, Status};
    use std::collections::BTreeMap;

    const CONFIG: &[u8] = br#"{"cluster":7,"epoch":3,"next":5,
        "acceptors":{"1":"redis://10.0.0.1:6379","2":"redis://10.0.0.2:6379",
            "3":"redis://10.0.0.3:6379","4":"rediss://10.0.0.4:6379","5":"native://10.0.0.5:7001"},
        "prepare":{"members":[1,2,3,4],"size":3},"accept":{"members":[1,2,3,4],"size":2},
        "before":[{"members":[1,2,3],"size":2},{"members":[1,2,3],"size":2}],
        "target":[1,2,3,4,5]}"#;

    fn status() -> ClusterStatus {
        let config = ClusterConfig::parse(CONFIG).unwrap();
        let says = |id: u32, epoch: Option<u64>, server: &[(&str, &str)]| Status {
            state: epoch.map(|epoch| AcceptorState {
                identity: config.identity(id),
                epoch,
                promise_floor: 12,
            }),
            config: gryadka::Bytes::new(),
            server: server.iter().map(|&(name, fact)| (name.into(), fact.into())).collect(),
        };
        let redis = ("redis_version", "7.0.15");
        let down = Err(String::from("no connection: redis://:secret@10.0.0.1:6379 is not there"));
        let acceptors = config.acceptors.iter().zip([
            (down, false),
            (Ok(says(2, Some(3), &[redis])), true),
            (Ok(says(3, None, &[redis])), false),
            (Ok(says(4, Some(2), &[("valkey_version", "8.0.1"), redis])), true),
            (Ok(says(5, None, &[("server", "gryadka-native"), ("registers", "0")])), false),
        ]);
        let acceptors = acceptors.map(|((&id, address), (status, votes))| AcceptorStatus {
            id,
            address: address.clone(),
            status,
            votes,
        });
        ClusterStatus { acceptors: acceptors.collect(), config: config.clone() }
    }

    #[test]
    fn a_status_fits_a_terminal_and_shows_no_password() {
        insta::assert_snapshot!(Overview::of(&status()));
    }

    #[test]
    fn programs_get_the_same() {
        let json = serde_json::to_string_pretty(&Overview::of(&status())).unwrap();
        assert!(!json.contains("secret"));
        insta::assert_snapshot!(json);
    }

    #[test]
    fn a_server_is_shown_by_its_own_name() {
        let name = |facts: &[(&str, &str)]| {
            let facts: BTreeMap<&str, &str> = facts.iter().copied().collect();
            server_name(&|name: &str| facts.get(name).map(ToString::to_string))
        };
        assert_eq!(name(&[("redis_version", "7.0.15")]).unwrap(), "redis 7.0.15");
        assert_eq!(name(&[]), None);
    }
}
