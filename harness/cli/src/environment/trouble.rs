//! Trouble that a Redis server makes when it is told to, over a connection of its own: it ends its
//! clients' connections, executes nothing, or has no memory left.
//!
//! Nothing here needs to know how the server was started; it must be Redis 6.2 or newer. Whatever becomes of the harness, a server
//! that stalls, or that disconnects, goes on by itself within a moment.

use super::console::{Console, ConsoleError};
use crate::probe;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use workloads::FaultKind;

/// The troubles that there are.
pub(super) const KINDS: [FaultKind; 3] =
    [FaultKind::Disconnect, FaultKind::Stall, FaultKind::MemoryFull];

/// From one end of all connections to the next.
const DISCONNECT_EVERY: Duration = Duration::from_millis(25);
/// A stall is made of pauses of 100 ms, so that it ends soon after the last one.
const PAUSE: [&[u8]; 4] = [b"CLIENT", b"PAUSE", b"100", b"ALL"];
/// So many pauses wait for their turn, so that the stall goes on although the harness itself is slow.
const PAUSES_AHEAD: u32 = 10;
/// A server that did not answer is tried again after this long.
const AGAIN: Duration = Duration::from_millis(20);
/// How long it may take until a server that is let go serves again.
const SERVES_WITHIN: Duration = Duration::from_secs(5);
/// Less memory than any server uses.
const HARDLY_ANY: &[u8] = b"1";
const LIMIT: &str = "maxmemory";
const POLICY: &str = "maxmemory-policy";

/// Why a server could not be given trouble, or not be freed of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TroubleError {
    /// It did not do what it was told.
    #[error(transparent)]
    Console(#[from] ConsoleError),
    /// It was let go, and does not serve.
    #[error("{address} does not answer {} s after its {fault} was undone", SERVES_WITHIN.as_secs())]
    Lasts {
        /// The server's address.
        address: SocketAddr,
        /// What it was given.
        fault: FaultKind,
    },
    /// The fault is not a trouble of this kind.
    #[error("{0} cannot be done by telling a server so")]
    Unable(FaultKind),
}

/// Trouble that a server has, until it is undone. Dropped, it does no more; only the limit of memory
/// would stay.
pub(super) struct Trouble {
    fault: FaultKind,
    address: SocketAddr,
    /// What goes on meanwhile. It ends when this is dropped.
    task: JoinSet<()>,
    /// The settings to be restored.
    former: Vec<(&'static str, Vec<u8>)>,
}

/// Gives a server trouble. It has begun when this returns.
pub(super) async fn inject(fault: FaultKind, address: SocketAddr) -> Result<Trouble, TroubleError> {
    if !KINDS.contains(&fault) {
        return Err(TroubleError::Unable(fault));
    }
    let mut console = Console::open(address).await?;
    let mut trouble = Trouble { fault, address, task: JoinSet::new(), former: Vec::new() };
    if fault == FaultKind::MemoryFull {
        for name in [POLICY, LIMIT] {
            trouble.former.push((name, console.setting(name).await?));
        }
        console.set(POLICY, b"noeviction").await?;
        console.set(LIMIT, HARDLY_ANY).await?;
    } else if fault == FaultKind::Stall {
        begin_stall(&mut console).await?;
        trouble.task.spawn(keep_stalled(address, console));
    } else {
        disconnect(&mut console).await?;
        trouble.task.spawn(keep_disconnecting(address, console));
    }
    Ok(trouble)
}

impl Trouble {
    /// Frees the server, puts its settings back as they were, and waits until it serves again.
    pub(super) async fn undo(mut self) -> Result<(), TroubleError> {
        self.task.shutdown().await;
        let until = Instant::now() + SERVES_WITHIN;
        while let Err(error) = self.restore().await {
            if Instant::now() >= until {
                return Err(error.into());
            }
            sleep(AGAIN).await;
        }
        while !probe::answers(self.address).await {
            if Instant::now() >= until {
                return Err(TroubleError::Lasts { address: self.address, fault: self.fault });
            }
            sleep(AGAIN).await;
        }
        Ok(())
    }

    async fn restore(&self) -> Result<(), ConsoleError> {
        if self.former.is_empty() {
            return Ok(());
        }
        let mut console = Console::open(self.address).await?;
        // The limit first: it was set last.
        for (name, value) in self.former.iter().rev() {
            console.set(name, value).await?;
        }
        Ok(())
    }
}

/// Sends pauses: one that holds, and more that wait for its end.
///
/// A paused server cannot be told to go on, because it executes nothing. But what it was told first
/// in a pause it executes first after it: so nobody gets a word in between two pauses of one
/// connection, and when that connection is closed, those that wait are forgotten.
async fn begin_stall(console: &mut Console) -> Result<(), ConsoleError> {
    for _ in 0..PAUSES_AHEAD + 2 {
        console.send(&PAUSE).await?;
    }
    // Whoever was heard between the first and the second is let in when the first ends; from then on
    // nobody is.
    for _ in 0..2 {
        console.hear().await?;
    }
    Ok(())
}

async fn keep_stalled(address: SocketAddr, mut console: Console) {
    loop {
        // One that waited holds now, so another one has to wait.
        let renewed = match console.hear().await {
            Ok(_) => console.send(&PAUSE).await,
            Err(error) => Err(error),
        };
        if renewed.is_err() {
            console = again(address).await;
            drop(begin_stall(&mut console).await);
        }
    }
}

/// Ends the connections of all clients but this one.
async fn disconnect(console: &mut Console) -> Result<(), ConsoleError> {
    console.tell(&[b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"yes"]).await.map(drop)
}

async fn keep_disconnecting(address: SocketAddr, mut console: Console) {
    loop {
        sleep(DISCONNECT_EVERY).await;
        if disconnect(&mut console).await.is_err() {
            console = again(address).await;
        }
    }
}

/// A connection, as soon as there can be one.
async fn again(address: SocketAddr) -> Console {
    loop {
        sleep(AGAIN).await;
        if let Ok(console) = Console::open(address).await {
            return console;
        }
    }
}
