//! The Lua scripts that make an acceptor of a Redis, and the native server's commands of the same
//! meaning and with the same arguments.

use redis::Script;
use std::sync::LazyLock;

/// What an acceptor can be asked to do in one atomic step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Execute requests about registers.
    Step,
    /// Take a place in a cluster.
    Admit,
    /// Hear of an epoch.
    Tell,
    /// Give the place back.
    Retire,
    /// Erase registers.
    Wipe,
}

impl Verb {
    /// The native server's command.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Step => "STEP",
            Self::Admit => "ADMIT",
            Self::Tell => "TELL",
            Self::Retire => "RETIRE",
            Self::Wipe => "WIPE",
        }
    }

    /// The script for Redis.
    pub(crate) fn script(self) -> &'static Script {
        static STEP: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!("scripts/step.lua")));
        static ADMIT: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!("scripts/admit.lua")));
        static TELL: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!("scripts/tell.lua")));
        static RETIRE: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!("scripts/retire.lua")));
        static WIPE: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!("scripts/wipe.lua")));
        match self {
            Self::Step => &STEP,
            Self::Admit => &ADMIT,
            Self::Tell => &TELL,
            Self::Retire => &RETIRE,
            Self::Wipe => &WIPE,
        }
    }
}
