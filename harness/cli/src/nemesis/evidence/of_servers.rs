//! What a fault of an acceptor's server, or of a proposer's, looks like to its clients.

use super::{Look, ask_old, ends_all};
use crate::probe::{self, Line, Seen, Written};
use std::net::SocketAddr;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use workloads::FaultKind;

/// How long a server whose disk is full may go on before it notices: it need not write at once.
const NOTICED_WITHIN: Duration = Duration::from_secs(3);

/// The status that Redis ends with when it cannot write its log and must not answer before it has.
const LOG_NOT_WRITTEN: i32 = 1;

/// So many questions in a row, each answered within that time, are not answered by a server that stalls.
const STEADY: u32 = 4;
const AT_ONCE: Duration = Duration::from_millis(150);

/// Whether it is writes that show the fault.
pub(super) const fn is_of_writes(fault: FaultKind) -> bool {
    matches!(fault, FaultKind::MemoryFull | FaultKind::DiskFull)
}

/// Looks at an acceptor while a fault should hold.
pub(super) async fn during(fault: FaultKind, address: SocketAddr, line: &mut Option<Line>) -> Look {
    if fault == FaultKind::Disconnect {
        return ends_all(address, line, probe::PATIENCE).await;
    }
    if is_of_writes(fault) {
        return refuses_writes(fault, address).await;
    }
    let patience = probe::PATIENCE;
    let (old, (_, new)) = tokio::join!(ask_old(line, patience), Line::open(address, patience));
    let effect = match fault {
        FaultKind::Restart | FaultKind::Kill | FaultKind::TailLost => {
            old == Seen::Torn && !new.is_answer()
        }
        // It serves again, and has forgotten: that is looked at in the cluster.
        FaultKind::Wipe => old == Seen::Torn && new.is_answer(),
        FaultKind::Pause | FaultKind::Stall => old == Seen::Silent && new == Seen::Silent,
        FaultKind::Disconnect
        | FaultKind::MemoryFull
        | FaultKind::DiskFull
        | FaultKind::Cut
        | FaultKind::Blackhole
        | FaultKind::OneWay
        | FaultKind::Latency
        | FaultKind::Bandwidth
        | FaultKind::Slicing
        | FaultKind::Loss
        | FaultKind::Drop
        | FaultKind::Reset
        | FaultKind::Limit
        | FaultKind::ProposerRestart
        | FaultKind::ProposerKill
        | FaultKind::ProposerPause
        | FaultKind::Membership => false,
    };
    (effect, format!("the old connection {old}, a new one {new}"))
}

/// A server without memory says so and serves on; one without room on its disk says so, or ends.
async fn refuses_writes(fault: FaultKind, address: SocketAddr) -> Look {
    let until = Instant::now() + NOTICED_WITHIN;
    loop {
        let written = probe::write(address, probe::PATIENCE).await;
        let shows = match (&written, fault) {
            (Written::Refused(words), FaultKind::MemoryFull) => words.starts_with("OOM"),
            (Written::Refused(words), FaultKind::DiskFull) => names_the_log(words),
            // It may have ended: how is looked at beside this.
            (Written::Not(Seen::Torn | Seen::Refused), _) => fault == FaultKind::DiskFull,
            (Written::Taken | Written::Refused(_) | Written::Not(_), _) => false,
        };
        if shows || Instant::now() >= until {
            return (shows, format!("a write was {written}"));
        }
        sleep(super::AGAIN).await;
    }
}

/// Whether it is the disk that a server complains of: one that lives on refuses writes for its log, and one
/// that syncs every write ends by itself, with the status that Redis has for that.
pub(super) async fn is_of_disk(
    mut ended: impl FnMut() -> Option<ExitStatus>,
    address: SocketAddr,
) -> Look {
    let until = Instant::now() + NOTICED_WITHIN;
    loop {
        let written = probe::write(address, probe::PATIENCE).await;
        if let Some(status) = ended() {
            let own = status.code() == Some(LOG_NOT_WRITTEN);
            let words = if own { ", as Redis does where it cannot write its log" } else { "" };
            return (own, format!("it ended by itself ({status}){words}"));
        }
        let own = matches!(&written, Written::Refused(words) if names_the_log(words));
        // One that is about to end has closed its connections before.
        if own || matches!(written, Written::Taken) || Instant::now() >= until {
            return (own, format!("another write was {written}"));
        }
        sleep(super::AGAIN).await;
    }
}

/// `MISCONF Errors writing to the AOF file: …`
fn names_the_log(words: &str) -> bool {
    words.contains("AOF")
}

/// Looks at an acceptor after a fault.
pub(super) async fn after(fault: FaultKind, address: SocketAddr) -> Look {
    if is_of_writes(fault) {
        return takes_writes(address).await;
    }
    let (line, seen) = Line::open(address, probe::PATIENCE).await;
    let (mut good, mut words) = (seen.is_answer(), format!("a new connection {seen}"));
    match (fault, line) {
        (FaultKind::Disconnect, Some(mut line)) => {
            let ended = line.ends_within(probe::PATIENCE).await;
            good &= ended.is_none();
            words += if ended.is_none() { " and lives on" } else { " and was torn" };
        }
        (FaultKind::Stall, Some(mut line)) => {
            // A server that stalls may let something slip through now and then.
            for _ in 0..STEADY {
                sleep(super::AGAIN).await;
                good &= line.ask(AT_ONCE).await.is_answer();
            }
            words += if good { " and steadily" } else { " but not steadily" };
        }
        (_, _) => {}
    }
    (good, words)
}

/// Whether a Redis server takes a write.
pub(super) async fn takes_writes(address: SocketAddr) -> Look {
    let written = probe::write(address, probe::PATIENCE).await;
    (written == Written::Taken, format!("a write was {written}"))
}

/// Whether a service says that it lives.
pub(super) async fn lives(url: &str) -> Look {
    let seen = probe::is_alive(url, probe::PATIENCE).await;
    (seen.is_answer(), format!("GET /healthz {seen}"))
}

/// Looks at a proposer while a fault should hold.
pub(super) async fn proposer_during(fault: FaultKind, url: &str) -> Look {
    let seen = probe::is_alive(url, probe::PATIENCE).await;
    let stands_still = fault == FaultKind::ProposerPause;
    let effect = if stands_still { seen == Seen::Silent } else { !seen.is_answer() };
    (effect, format!("GET /healthz {seen}"))
}
