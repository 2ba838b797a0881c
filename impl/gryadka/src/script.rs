//! The Lua scripts that make an acceptor of a Redis, and the native server's commands of the same
//! meaning and with the same arguments.

use std::sync::LazyLock;

/// What an acceptor can be asked to do in one atomic step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// Execute requests about registers.
    Execute,
    /// Become an acceptor of a cluster.
    Admit,
    /// Know of an epoch and its configuration.
    SetEpoch,
    /// Stop being an acceptor of the cluster.
    Retire,
    /// Erase registers.
    Wipe,
}

impl Script {
    /// The native server's command.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Execute => "EXECUTE",
            Self::Admit => "ADMIT",
            Self::SetEpoch => "SET_EPOCH",
            Self::Retire => "RETIRE",
            Self::Wipe => "WIPE",
        }
    }

    /// The script for Redis.
    pub(crate) fn lua(self) -> &'static redis::Script {
        /// Each is hashed once, when it is first needed.
        type Loaded = LazyLock<redis::Script>;
        static EXECUTE: Loaded =
            Loaded::new(|| redis::Script::new(include_str!("scripts/execute.lua")));
        static ADMIT: Loaded =
            Loaded::new(|| redis::Script::new(include_str!("scripts/admit.lua")));
        static SET_EPOCH: Loaded =
            Loaded::new(|| redis::Script::new(include_str!("scripts/set_epoch.lua")));
        static RETIRE: Loaded =
            Loaded::new(|| redis::Script::new(include_str!("scripts/retire.lua")));
        static WIPE: Loaded = Loaded::new(|| redis::Script::new(include_str!("scripts/wipe.lua")));
        match self {
            Self::Execute => &EXECUTE,
            Self::Admit => &ADMIT,
            Self::SetEpoch => &SET_EPOCH,
            Self::Retire => &RETIRE,
            Self::Wipe => &WIPE,
        }
    }
}
