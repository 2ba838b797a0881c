//! Which proposers go with which environment.

use workloads::{EnvironmentKind, Proposers};

/// Proposers where the environment cannot have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("proposers: the environment {environment} has none in a {proposers} of their own; {right}")]
pub(crate) struct Misplaced {
    environment: EnvironmentKind,
    proposers: Proposers,
    right: &'static str,
}

/// Refuses proposers where the environment cannot have them: they need what its acceptors need.
/// External services are where they are.
pub(crate) fn check(environment: EnvironmentKind, proposers: Proposers) -> Result<(), Misplaced> {
    let misplaced = |right| Err(Misplaced { environment, proposers, right });
    match (proposers, environment) {
        (Proposers::Inside, _)
        | (Proposers::Process, EnvironmentKind::Process)
        | (Proposers::Container, EnvironmentKind::Docker) => Ok(()),
        (Proposers::Process, EnvironmentKind::Docker) => misplaced("use --proposers container"),
        (Proposers::Container, EnvironmentKind::Process) => misplaced("use --proposers process"),
        (
            Proposers::Process | Proposers::Container,
            EnvironmentKind::Auto | EnvironmentKind::Embedded | EnvironmentKind::External,
        ) => misplaced("use --proposers inside, or the environment process or docker"),
    }
}
