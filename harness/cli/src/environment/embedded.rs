//! Native acceptors inside the harness, over real sockets: nothing needs to be installed.

use super::EnvironmentError;
use crate::probe;
use gryadka::{NativeRegisters, NativeServer};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::time::Instant;
use workloads::FaultKind;

/// How long a port that was just given up may take to be free again.
const PORT_FREE: Duration = Duration::from_secs(2);

/// One native acceptor per node. Its registers are kept while it is stopped, as by a disk that
/// loses nothing.
pub(crate) struct Embedded {
    acceptors: Vec<Native>,
}

struct Native {
    registers: NativeRegisters,
    address: SocketAddr,
    server: Option<NativeServer>,
}

impl Embedded {
    pub(crate) fn start(nodes: u32) -> Result<Self, EnvironmentError> {
        let acceptors = (1..=nodes).map(|node| {
            let registers = NativeRegisters::default();
            let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let server = NativeServer::start(any, registers.clone())
                .map_err(|error| not_up(node, error.to_string()))?;
            Ok(Native { registers, address: server.address(), server: Some(server) })
        });
        Ok(Self { acceptors: acceptors.collect::<Result<_, _>>()? })
    }

    pub(crate) fn address(&self, node: u32) -> SocketAddr {
        self.acceptors[node as usize - 1].address
    }

    pub(crate) async fn strike(
        &mut self,
        fault: FaultKind,
        node: u32,
    ) -> Result<(), EnvironmentError> {
        if fault != FaultKind::Restart {
            return Err(EnvironmentError::Unable(fault));
        }
        let acceptor = &mut self.acceptors[node as usize - 1];
        acceptor.server = None;
        // A server that was stopped closes its port when its task is next looked at.
        let until = Instant::now() + PORT_FREE;
        while probe::answers(acceptor.address).await && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    pub(crate) async fn undo(
        &mut self,
        fault: FaultKind,
        node: u32,
    ) -> Result<(), EnvironmentError> {
        if fault != FaultKind::Restart {
            return Err(EnvironmentError::Unable(fault));
        }
        let acceptor = &mut self.acceptors[node as usize - 1];
        let until = Instant::now() + PORT_FREE;
        loop {
            match NativeServer::start(acceptor.address, acceptor.registers.clone()) {
                Ok(server) => {
                    acceptor.server = Some(server);
                    return Ok(());
                }
                Err(error) if Instant::now() >= until => {
                    return Err(not_up(node, error.to_string()));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

const fn not_up(node: u32, reason: String) -> EnvironmentError {
    EnvironmentError::NotUp { node, reason, log: String::new() }
}
