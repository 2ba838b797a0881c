//! What is wrong with the acceptors of a cluster, or with servers that are to become acceptors.
//!
//! | question | file |
//! |---|---|
//! | does the server keep its data, and can it run the scripts? | `diagnosis/server.rs` |
//! | is it the acceptor that the cluster's configuration names? | `diagnosis/membership.rs` |
//! | how is it shown? | `diagnosis/report.rs` |

mod membership;
mod report;
mod server;

pub(crate) use report::Report;

use gryadka::{ClusterConfig, RequestError, Status, redacted, wants_credentials};
use serde::Serialize;

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// It may cause a failure later.
    Warning,
    /// It does not work, or values may be lost.
    Danger,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    level: Level,
    /// What was looked at, in a word.
    check: &'static str,
    /// How it is, and what to do about it.
    text: String,
}

impl Finding {
    fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Ok, check, text: text.into() }
    }

    fn warning(check: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Warning, check, text: text.into() }
    }

    fn danger(check: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Danger, check, text: text.into() }
    }
}

/// What was seen of one server.
#[derive(Debug)]
pub(crate) struct Observed {
    /// Its address.
    pub(crate) address: String,
    /// What it reports about itself.
    pub(crate) status: Result<Status, RequestError>,
    /// The result of a script that changes nothing: it names an identity that no acceptor has, so
    /// a server that runs it answers [`RequestError::NotMember`].
    pub(crate) script: Result<(), RequestError>,
}

/// Judges everything that was seen. The config is the latest that any of them carries.
pub(crate) fn diagnose(observed: &[Observed], config: Option<&ClusterConfig>) -> Report {
    let acceptors = observed.iter().map(|one| report::Examined {
        acceptor: config.and_then(|config| membership::number(config, &one.address)),
        address: one.address.clone(),
        findings: examine(one, config),
    });
    Report {
        cluster: config.map_or_else(Vec::new, |config| membership::cluster(config, observed)),
        acceptors: acceptors.collect(),
    }
}

fn examine(observed: &Observed, config: Option<&ClusterConfig>) -> Vec<Finding> {
    let status = match &observed.status {
        Ok(status) => status,
        Err(error) => {
            let advice = if wants_credentials(error) {
                "give its user and password in its address, or with --acceptor-user and \
                 --acceptor-password-file (or GRYADKA_ACCEPTOR_PASSWORD)"
            } else {
                "start it, or repair the network path to it; if it is lost, `gryadka cluster replace`"
            };
            let text = format!("{}: {advice}", redacted(&error.to_string()));
            return vec![Finding::danger("reachable", text)];
        }
    };
    let mut findings = server::examine(&status.server);
    findings.push(server::scripts(&observed.script));
    findings.push(membership::examine(&observed.address, status, config));
    findings.extend(membership::passwords(status));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use gryadka::{AcceptorState, Bytes};

    const CONFIG: &[u8] = br#"{"cluster":7,"epoch":3,"next":5,
        "acceptors":{"1":"redis://10.0.0.1:6379","2":"redis://10.0.0.2:6379",
            "3":"redis://10.0.0.3:6379"},
        "prepare":{"members":[1,2,3],"size":2},"accept":{"members":[1,2,3],"size":2}}"#;

    const GOOD: &str = "redis_version:7.0.15 redis_mode:standalone role:master loading:0 \
        connected_slaves:0 aof_enabled:1 appendfsync:always no-appendfsync-on-rewrite:no save: \
        aof_last_write_status:ok maxmemory:0 maxmemory_policy:noeviction used_memory:1048576 \
        total_system_memory:8589934592";

    /// A server with these facts instead of the good ones; `name:-` takes one away.
    fn server(number: u32, state: Option<u64>, facts: &str) -> Observed {
        let config = ClusterConfig::parse(CONFIG).unwrap();
        let mut server = std::collections::BTreeMap::new();
        for (name, fact) in [GOOD, facts]
            .iter()
            .flat_map(|facts| facts.split_whitespace())
            .map(|fact| fact.split_once(':').unwrap())
        {
            match fact {
                "-" => server.remove(name),
                fact => server.insert(name.to_owned(), fact.to_owned()),
            };
        }
        let identity = config.identity(number);
        let state = state.map(|epoch| AcceptorState { identity, epoch, promise_floor: 12 });
        let copy = String::from_utf8_lossy(CONFIG);
        let copy = match number {
            1 | 2 => copy.into_owned(),
            // As an earlier version wrote it; and on a server that has left.
            3 | 12 => copy.replace("//", "//:secret@"),
            _ => String::new(),
        };
        let status = Status { state, config: Bytes::from(copy), server };
        let address = config.acceptors.get(&number);
        let other = || format!("redis://10.0.0.{number}:6379");
        Observed {
            address: address.cloned().unwrap_or_else(other),
            status: Ok(status),
            script: Err(RequestError::NotMember),
        }
    }

    fn diagnosis(observed: &[Observed], config: bool) -> String {
        let config = config.then(|| ClusterConfig::parse(CONFIG).unwrap());
        let text = diagnose(observed, config.as_ref()).to_string();
        assert!(!text.contains("secret"));
        text
    }

    #[test]
    fn a_cluster_in_good_health() {
        let all = [1, 2, 3].map(|number| server(number, Some(3), ""));
        insta::assert_snapshot!(diagnosis(&all, true));
    }

    #[test]
    fn a_cluster_in_bad_health() {
        let away =
            RequestError::NotConnected(String::from("redis://:secret@10.0.0.1:6379: refused"));
        insta::assert_snapshot!(diagnosis(
            &[
                Observed { status: Err(away), ..server(1, None, "") },
                server(2, None, "appendfsync:everysec maxmemory:2097152"),
                server(3, Some(2), "role:slave maxmemory:999999999 maxmemory_policy:allkeys-lru"),
                server(4, None, ""),
            ],
            true
        ));
    }

    #[test]
    fn servers_that_are_to_become_acceptors() {
        let refused = RequestError::Refused(String::from("NOPERM this user has no permissions"));
        insta::assert_snapshot!(diagnosis(
            &[
                server(4, None, "aof_enabled:0 save:3600"),
                server(5, None, "aof_enabled:0"),
                server(6, None, "appendfsync:no redis_version:5.0.3 loading:1"),
                server(7, None, "appendfsync:- valkey_version:8.0.1 connected_slaves:2"),
                server(8, None, "no-appendfsync-on-rewrite:yes redis_mode:cluster"),
                server(9, None, "aof_last_write_status:err redis_version:-"),
                Observed {
                    script: Err(refused),
                    ..server(10, None, "maxmemory_policy:volatile-lru maxmemory:999999999")
                },
                server(
                    11,
                    None,
                    "redis_version:- redis_mode:- aof_enabled:- server:gryadka-native"
                ),
                server(12, None, ""),
            ],
            false
        ));
    }

    #[test]
    fn a_server_that_demands_a_password_gets_the_advice_to_give_it() {
        for error in [
            RequestError::Refused(String::from("NOAUTH Authentication required.")),
            RequestError::NotConnected(String::from("Password authentication failed")),
        ] {
            let said = diagnosis(&[Observed { status: Err(error), ..server(1, None, "") }], true);
            assert!(said.contains("--acceptor-password-file"), "{said}");
            assert!(!said.contains("start it"), "{said}");
        }
    }

    #[test]
    fn the_worst_finding_is_what_counts() {
        let worst = |facts: &str| diagnose(&[server(4, None, facts)], None).worst();
        assert_eq!(worst(""), Level::Ok);
        assert_eq!(worst("appendfsync:everysec"), Level::Warning);
        assert_eq!(worst("appendfsync:everysec role:slave"), Level::Danger);
    }
}
