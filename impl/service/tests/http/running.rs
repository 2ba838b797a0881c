//! Three acceptors, and a service over them.

use crate::client::{Client, Security};
use gryadka::{ConnectOptions, Gryadka, NativeRegisters, NativeServer};
use gryadka_service::{Drained, Server, Settings};
use std::net::SocketAddr;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

type Native = (SocketAddr, NativeRegisters, Option<NativeServer>);

fn new() -> Native {
    let registers = NativeRegisters::default();
    let server = NativeServer::start("127.0.0.1:0".parse().unwrap(), registers.clone()).unwrap();
    (server.address(), registers, Some(server))
}

/// Acceptors that can be stopped and started on what they had kept.
pub(crate) struct Acceptors {
    servers: Vec<Native>,
}

impl Acceptors {
    pub(crate) fn three() -> Self {
        Self { servers: (0..3).map(|_| new()).collect() }
    }

    pub(crate) fn stop(&mut self, index: usize) {
        self.servers[index].2 = None;
    }

    pub(crate) async fn start(&mut self, index: usize) {
        let (address, registers, server) = &mut self.servers[index];
        // The one before is being stopped, and ends when its task runs.
        while server.is_none() {
            *server = NativeServer::start(*address, registers.clone()).ok();
            tokio::task::yield_now().await;
        }
    }

    /// One more, empty and in no cluster. Answers its address.
    pub(crate) fn add(&mut self) -> String {
        self.servers.push(new());
        self.url(self.servers.len() - 1)
    }

    /// Takes away what one had kept.
    pub(crate) async fn wipe(&mut self, index: usize) {
        self.stop(index);
        self.servers[index].1 = NativeRegisters::default();
        self.start(index).await;
    }

    pub(crate) fn url(&self, index: usize) -> String {
        format!("native://{}", self.servers[index].0)
    }

    /// How many registers each holds.
    pub(crate) fn registers(&self) -> Vec<usize> {
        self.servers.iter().map(|(_, registers, _)| registers.len()).collect()
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        (0..self.servers.len()).map(|index| self.url(index)).collect()
    }

    /// Makes a cluster of all, and takes part in it.
    pub(crate) async fn join(&self) -> Gryadka {
        let options = ConnectOptions { initialise: true, ..ConnectOptions::new(self.urls()) };
        Gryadka::connect(options).await.unwrap()
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
        let gryadka = acceptors.join().await;
        let server = Server::bind(settings, gryadka).await.unwrap();
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

    /// Stops the service; the handle answers how it ended. Its acceptors stay.
    pub(crate) fn stop(self) -> (JoinHandle<Drained>, Acceptors) {
        self.stop.send(()).unwrap();
        (self.end, self.acceptors)
    }
}
