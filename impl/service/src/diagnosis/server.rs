//! Whether a server keeps its data and can run the scripts: by its own `INFO` and `CONFIG GET`.

use super::Finding;
use crate::overview::server_name;
use gryadka::RequestError;
use std::collections::BTreeMap;

/// The oldest version that has all that is used.
const OLDEST: u32 = 6;
/// What the tests run against: the beginning of its name and version.
const TESTED: &str = "redis 7.0.";
/// The share of the memory from which on it is scarce, in percent.
const SCARCE_PERCENT: u64 = 80;
/// What a native server reports in place of a version.
const NATIVE: &str = "gryadka-native";

const SERVER: &str = "server";
const PERSISTENCE: &str = "persistence";
const MEMORY: &str = "memory";
const EVICTION: &str = "eviction";

/// The facts that a server gives about itself.
struct Facts<'a>(&'a BTreeMap<String, String>);

impl<'a> Facts<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }
}

/// The findings from the server's own facts.
pub(super) fn examine(facts: &BTreeMap<String, String>) -> Vec<Finding> {
    let facts = Facts(facts);
    if facts.get("server") == Some(NATIVE) {
        let text = "everything is in memory: a restart loses it, and the restart of a majority loses everything";
        return vec![Finding::ok(SERVER, NATIVE), Finding::danger(PERSISTENCE, text)];
    }
    let mut findings = vec![version(&facts)];
    if facts.get("redis_mode") == Some("cluster") {
        let text = "cluster mode: scripts reach one slot only; use a standalone server";
        findings.push(Finding::danger("mode", text));
    }
    findings.extend(role(&facts));
    if facts.get("loading").is_some_and(|loading| loading != "0") {
        let text = "it is still loading its data, and votes after that";
        findings.push(Finding::warning("loading", text));
    }
    findings.extend(persistence(&facts));
    findings.extend(memory(&facts));
    findings
}

fn version(facts: &Facts<'_>) -> Finding {
    let name = |name: &str| facts.get(name).map(str::to_owned);
    let Some(own) = server_name(&name) else {
        let text = "its user may not ask for its version: allow +info and +config|get";
        return Finding::warning(SERVER, text);
    };
    let major =
        facts.get("redis_version").and_then(|version| version.split('.').next()?.parse().ok());
    if major.is_some_and(|major: u32| major < OLDEST) {
        return Finding::danger(SERVER, format!("{own}: too old; version {OLDEST} is needed"));
    }
    let tested = own.starts_with(TESTED);
    Finding::ok(SERVER, if tested { own } else { format!("{own}; tested with {TESTED}x") })
}

fn role(facts: &Facts<'_>) -> Option<Finding> {
    const ROLE: &str = "role";
    let promoted = "a promoted replica may lack the last promises";
    match (facts.get("role")?, facts.number("connected_slaves")) {
        ("master", None | Some(0)) => Some(Finding::ok(ROLE, "master, without replicas")),
        ("master", Some(replicas)) => Some(Finding::warning(
            ROLE,
            format!("it has {replicas} replicas: never promote one, {promoted}"),
        )),
        (_, _) => Some(Finding::danger(
            ROLE,
            format!("a replica, which cannot be an acceptor, and {promoted}: use a master instead"),
        )),
    }
}

fn persistence(facts: &Facts<'_>) -> Option<Finding> {
    let set = "set appendonly yes and appendfsync always";
    let aof = facts.get("aof_enabled")? == "1";
    if !aof {
        let text = match facts.get("save") {
            Some("") => format!(
                "none: after a restart it does not vote until it is replaced, and the restart of a \
                 majority loses everything; {set}"
            ),
            Some(_) | None => format!(
                "no append-only file: after a restart it has an old state without its last promises, and \
                 still votes, so acknowledged writes may be lost; {set}"
            ),
        };
        return Some(Finding::danger(PERSISTENCE, text));
    }
    if facts.get("aof_last_write_status").is_some_and(|status| status != "ok") {
        let text = "the last write to the append-only file failed: is the disk full?";
        return Some(Finding::danger(PERSISTENCE, text));
    }
    let rewriting = facts.get("no-appendfsync-on-rewrite") == Some("yes");
    Some(match facts.get("appendfsync") {
        Some("always") if rewriting => Finding::warning(
            PERSISTENCE,
            "appendfsync always, but not while the file is rewritten: set no-appendfsync-on-rewrite no",
        ),
        Some("always") => {
            Finding::ok(PERSISTENCE, "appendfsync always: on disk before it is acknowledged")
        }
        Some("everysec") => Finding::warning(
            PERSISTENCE,
            "appendfsync everysec: a crash of the machine loses the last second or two, and it still \
             votes; set appendfsync always, or replace it after such a crash",
        ),
        Some(_) => Finding::danger(
            PERSISTENCE,
            "appendfsync no: a crash of the machine loses half a minute or more, and it still votes, so \
             acknowledged writes may be lost; set appendfsync always",
        ),
        None => Finding::warning(
            PERSISTENCE,
            "an append-only file, but its user may not ask how it is synced: allow +config|get",
        ),
    })
}

fn memory(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let limit = facts.number("maxmemory").filter(|limit| *limit > 0);
    match (limit, facts.get("maxmemory_policy")) {
        (None, _) => findings.push(Finding::ok(EVICTION, "no memory limit, so nothing is evicted")),
        (Some(_), None) => {}
        (Some(_), Some("noeviction")) => findings.push(Finding::ok(EVICTION, "noeviction")),
        (Some(_), Some(policy)) if policy.starts_with("volatile-") => {
            let text = format!(
                "{policy}: the store's keys do not expire, so none is evicted; set noeviction to be sure"
            );
            findings.push(Finding::warning(EVICTION, text));
        }
        (Some(_), Some(policy)) => {
            let text = format!(
                "{policy}: it evicts registers, and promises with them; set maxmemory-policy noeviction"
            );
            findings.push(Finding::danger(EVICTION, text));
        }
    }
    let room = limit.or_else(|| facts.number("total_system_memory")).filter(|room| *room > 0);
    if let Some((used, room)) = facts.number("used_memory").zip(room) {
        let text = format!("{} of {} MiB used", used >> 20, room >> 20);
        findings.push(if used.saturating_mul(100) >= room.saturating_mul(SCARCE_PERCENT) {
            Finding::warning(MEMORY, format!("{text}: when memory is full, writes are refused"))
        } else {
            Finding::ok(MEMORY, text)
        });
    }
    findings
}

/// Whether scripts may be run. One that ran was answered as [`script`](super::Observed::script) says.
pub(super) fn scripts(ran: &Result<(), RequestError>) -> Finding {
    const SCRIPTS: &str = "scripts";
    match ran {
        Ok(()) | Err(RequestError::NotMember | RequestError::Fenced { .. }) => {
            Finding::ok(SCRIPTS, "allowed")
        }
        Err(RequestError::Refused(reason)) => Finding::danger(
            SCRIPTS,
            format!(
                "refused ({reason}): allow its user +evalsha, +script|load and the commands that scripts call"
            ),
        ),
        Err(error @ (RequestError::NotConnected(_) | RequestError::NoAnswer(_))) => {
            Finding::danger(SCRIPTS, error.to_string())
        }
    }
}
