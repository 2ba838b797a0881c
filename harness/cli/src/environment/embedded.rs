//! Native acceptors inside the harness, over real sockets: nothing needs to be installed.

use super::{EnvironmentError, standing};
use crate::probe;
use gryadka::{NativeRegisters, NativeServer};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::time::Instant;
use workloads::{FaultKind, Mutant};

/// What can be done to these servers, and to the links to them.
pub(super) const ABLE: &[FaultKind] = &[
    FaultKind::Cut,
    FaultKind::Blackhole,
    FaultKind::OneWay,
    FaultKind::Latency,
    FaultKind::Bandwidth,
    FaultKind::Slicing,
    FaultKind::Loss,
    FaultKind::Drop,
    FaultKind::Reset,
    FaultKind::Limit,
    FaultKind::Restart,
    FaultKind::Wipe,
    FaultKind::Membership,
];

/// How long a port that was just given up may take to be free again.
const PORT_FREE: Duration = Duration::from_secs(2);

/// Native acceptors. Their registers are kept while they are stopped, as by a disk that loses
/// nothing.
pub(crate) struct Embedded {
    acceptors: Vec<Native>,
    /// Whether a wiped acceptor loses its place in the cluster, as it should.
    guarded: bool,
}

struct Native {
    number: u32,
    registers: NativeRegisters,
    address: SocketAddr,
    server: Option<NativeServer>,
}

impl Embedded {
    pub(crate) fn new(mutant: Option<Mutant>) -> Self {
        Self { acceptors: Vec::new(), guarded: mutant != Some(Mutant::Unguarded) }
    }

    /// Starts one more, and answers its number.
    pub(crate) fn add(&mut self) -> Result<u32, EnvironmentError> {
        let number = u32::try_from(self.acceptors.len() + 1).unwrap_or(u32::MAX);
        let registers = NativeRegisters::default();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = NativeServer::start(any, registers.clone())
            .map_err(|error| not_up(number, error.to_string()))?;
        let address = server.address();
        self.acceptors.push(Native { number, registers, address, server: Some(server) });
        Ok(number)
    }

    pub(crate) fn address(&self, acceptor: u32) -> SocketAddr {
        self.acceptors[acceptor as usize - 1].address
    }

    pub(crate) async fn inject(
        &mut self,
        fault: FaultKind,
        acceptor: u32,
    ) -> Result<(), EnvironmentError> {
        if fault == FaultKind::Restart {
            self.stop(acceptor).await;
            Ok(())
        } else if fault != FaultKind::Wipe {
            Err(EnvironmentError::Unable(fault))
        } else if self.guarded {
            self.wipe(acceptor).await
        } else {
            let url = format!("native://{}", self.address(acceptor));
            standing::kept(&url, self.wipe(acceptor)).await
        }
    }

    pub(crate) async fn undo(
        &mut self,
        fault: FaultKind,
        acceptor: u32,
    ) -> Result<(), EnvironmentError> {
        match fault {
            FaultKind::Restart => self.acceptors[acceptor as usize - 1].start_again().await,
            // It runs already, without what it knew.
            FaultKind::Wipe => Ok(()),
            FaultKind::Cut
            | FaultKind::Blackhole
            | FaultKind::OneWay
            | FaultKind::Latency
            | FaultKind::Bandwidth
            | FaultKind::Slicing
            | FaultKind::Loss
            | FaultKind::Drop
            | FaultKind::Reset
            | FaultKind::Limit
            | FaultKind::Kill
            | FaultKind::Pause
            | FaultKind::TailLost
            | FaultKind::Disconnect
            | FaultKind::Stall
            | FaultKind::MemoryFull
            | FaultKind::DiskFull
            | FaultKind::ProposerRestart
            | FaultKind::ProposerKill
            | FaultKind::ProposerPause
            | FaultKind::Membership => Err(EnvironmentError::Unable(fault)),
        }
    }

    /// Stops one. It keeps its registers.
    pub(crate) async fn stop(&mut self, acceptor: u32) {
        let acceptor = &mut self.acceptors[acceptor as usize - 1];
        acceptor.server = None;
        // A server that was stopped closes its port when its task is next looked at.
        let until = Instant::now() + PORT_FREE;
        while probe::answers(acceptor.address).await && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Restarts one without its registers.
    pub(crate) async fn wipe(&mut self, acceptor: u32) -> Result<(), EnvironmentError> {
        self.stop(acceptor).await;
        let acceptor = &mut self.acceptors[acceptor as usize - 1];
        acceptor.registers = NativeRegisters::default();
        acceptor.start_again().await
    }
}

impl Native {
    async fn start_again(&mut self) -> Result<(), EnvironmentError> {
        let until = Instant::now() + PORT_FREE;
        loop {
            match NativeServer::start(self.address, self.registers.clone()) {
                Ok(server) => {
                    self.server = Some(server);
                    return Ok(());
                }
                Err(error) if Instant::now() >= until => {
                    return Err(not_up(self.number, error.to_string()));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

const fn not_up(acceptor: u32, reason: String) -> EnvironmentError {
    EnvironmentError::NotUp { acceptor, reason, log: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gryadka::{ConnectOptions, Gryadka};

    /// An acceptor with a value, and the store that has written it.
    async fn with_value(mutant: Option<Mutant>) -> (Embedded, Gryadka, String) {
        let mut embedded = Embedded::new(mutant);
        embedded.add().unwrap();
        let url = format!("native://{}", embedded.address(1));
        let options = ConnectOptions { initialise: true, ..ConnectOptions::new([url.clone()]) };
        let store = Gryadka::connect(options).await.unwrap();
        store.set(b"key", "value".into(), soon()).await.unwrap();
        (embedded, store, url)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[tokio::test]
    async fn the_stopped_refuse_and_come_back_with_what_they_held() {
        let (mut embedded, store, _) = with_value(None).await;
        embedded.inject(FaultKind::Restart, 1).await.unwrap();
        let seen = probe::Line::open(embedded.address(1), probe::PATIENCE).await.1;
        assert_eq!(seen, probe::Seen::Refused);
        embedded.undo(FaultKind::Restart, 1).await.unwrap();
        assert!(store.get(b"key", soon()).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn the_wiped_lose_their_place_unless_nobody_guards() {
        let (mut embedded, store, url) = with_value(None).await;
        embedded.inject(FaultKind::Wipe, 1).await.unwrap();
        embedded.undo(FaultKind::Wipe, 1).await.unwrap();
        assert!(standing::take(&url).await.unwrap().is_none());
        let brief = Instant::now() + Duration::from_millis(300);
        assert!(store.get(b"key", brief).await.is_err(), "one without a place does not vote");

        let (mut embedded, store, url) = with_value(Some(Mutant::Unguarded)).await;
        embedded.inject(FaultKind::Wipe, 1).await.unwrap();
        assert!(standing::take(&url).await.unwrap().is_some());
        assert!(store.get(b"key", soon()).await.unwrap().is_none(), "it has lost what it held");
    }
}
