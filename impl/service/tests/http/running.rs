//! Three acceptors, and a service over them.

use crate::client::{Client, Security};
use gryadka::{ConnectOptions, Gryadka, NativeRegisters, NativeServer};
use gryadka_service::{Drained, Server, Settings};
use std::net::SocketAddr;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Acceptors that can be stopped and started on what they had kept.
pub(crate) struct Acceptors {
    servers: Vec<(SocketAddr, NativeRegisters, Option<NativeServer>)>,
}

impl Acceptors {
    pub(crate) fn three() -> Self {
        let start = |_| {
            let registers = NativeRegisters::default();
            let server =
                NativeServer::start("127.0.0.1:0".parse().unwrap(), registers.clone()).unwrap();
            (server.address(), registers, Some(server))
        };
        Self { servers: (0..3).map(start).collect() }
    }

    pub(crate) fn stop(&mut self, index: usize) {
        self.servers[index].2 = None;
    }

    pub(crate) fn start(&mut self, index: usize) {
        let (address, registers, server) = &mut self.servers[index];
        *server = Some(NativeServer::start(*address, registers.clone()).unwrap());
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.servers.iter().map(|(address, ..)| format!("native://{address}")).collect()
    }
}

/// A service under test.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) acceptors: Acceptors,
    security: Security,
    stop: oneshot::Sender<()>,
    end: JoinHandle<Drained>,
}

impl Running {
    pub(crate) async fn plain() -> Self {
        Self::with(|_| ()).await
    }

    /// A service with other settings than the usual ones.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::over(Acceptors::three(), Security::None, change).await
    }

    pub(crate) async fn over(
        acceptors: Acceptors,
        security: Security,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = Settings::new("127.0.0.1:0".parse().unwrap());
        change(&mut settings);
        let urls = acceptors.urls();
        let gryadka = Gryadka::connect(ConnectOptions::new(urls.clone())).await.unwrap();
        let server = Server::bind(settings, gryadka, &urls).await.unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel();
        let end = tokio::spawn(server.run(async {
            drop(stopped.await);
        }));
        Self { address, acceptors, security, stop, end }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address, &self.security).await
    }

    /// Tells the service to stop; what it comes to is to be awaited. Its acceptors stay.
    pub(crate) fn stop(self) -> (JoinHandle<Drained>, Acceptors) {
        self.stop.send(()).unwrap();
        (self.end, self.acceptors)
    }
}
