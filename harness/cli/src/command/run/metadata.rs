//! What is known of a run when it begins.

use super::SYSTEM;
use crate::environment::Environment;
use jiff::Timestamp;
use reports::Metadata;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::num::NonZero;
use std::thread;
use workloads::Scenario;

/// What is known when the run begins: it counts as interrupted until it has ended.
pub(super) fn metadata(
    scenario: &Scenario,
    environment: &Environment,
    began: Timestamp,
) -> Metadata {
    let mut versions =
        BTreeMap::from([(String::from("harness"), String::from(env!("CARGO_PKG_VERSION")))]);
    versions.extend(environment.versions());
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let name = nix::sys::utsname::uname().map_or_else(
        |_| String::from("unknown"),
        |host| {
            let word = |text: &OsStr| text.to_string_lossy().into_owned();
            format!("{} {} {}", word(host.sysname()), word(host.release()), word(host.machine()))
        },
    );
    Metadata {
        system: String::from(SYSTEM),
        mutant: scenario.mutant.map(|mutant| mutant.to_string()),
        workload: scenario.workload.to_string(),
        model: scenario.workload.model().to_owned(),
        environment: scenario.environment.to_string(),
        seed: scenario.seed,
        started: began.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        seconds: 0.0,
        interrupted: true,
        findings: Vec::new(),
        versions,
        host: format!("{name}, {cores} cores"),
    }
}
