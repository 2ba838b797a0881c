//! What a turn costs: processor time of all processes, and the servers' own account of scripts.

use crate::BenchError;
use crate::servers::Servers;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use std::time::Duration;

/// What was used up between two readings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Costs {
    /// Processor time of this process: the store, and the loops that call it.
    pub(crate) own: Duration,
    /// Processor time of all servers.
    pub(crate) servers: Duration,
    /// Calls of scripts at all servers, and the time that they ran.
    pub(crate) scripts: u64,
    pub(crate) in_scripts: Duration,
}

impl Costs {
    pub(crate) fn add(&mut self, other: Self) {
        self.own += other.own;
        self.servers += other.servers;
        self.scripts += other.scripts;
        self.in_scripts += other.in_scripts;
    }
}

/// Everything since the processes began.
pub(crate) struct Measurement(Costs);

impl Measurement {
    pub(crate) fn take(servers: &mut Servers) -> Result<Self, BenchError> {
        let usage = getrusage(UsageWho::RUSAGE_SELF).map_err(|error| BenchError::System {
            what: "read the processor time of this process",
            source: error.into(),
        })?;
        let mut sum = servers.costs()?;
        sum.own = span(usage.user_time()) + span(usage.system_time());
        Ok(Self(sum))
    }

    /// What was used up since an earlier reading.
    pub(crate) fn since(&self, earlier: &Self) -> Costs {
        let (now, then) = (self.0, earlier.0);
        Costs {
            own: now.own.saturating_sub(then.own),
            servers: now.servers.saturating_sub(then.servers),
            scripts: now.scripts.saturating_sub(then.scripts),
            in_scripts: now.in_scripts.saturating_sub(then.in_scripts),
        }
    }
}

fn span(time: TimeVal) -> Duration {
    let micros = |value: i64| u64::try_from(value).unwrap_or_default();
    Duration::from_secs(micros(time.tv_sec())) + Duration::from_micros(micros(time.tv_usec()))
}
