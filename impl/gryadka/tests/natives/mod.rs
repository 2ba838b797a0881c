//! Clusters of native acceptors for tests.
#![allow(dead_code, clippy::allow_attributes, reason = "not every test needs all of it")]

use gryadka::{Bytes, ConnectOptions, Decision, Gryadka, NativeRegisters, NativeServer, Present};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;

/// Acceptors that may be stopped, started again, and lose their memory.
pub(crate) struct Natives {
    pub(crate) members: Vec<Native>,
}

pub(crate) struct Native {
    pub(crate) address: SocketAddr,
    pub(crate) memory: NativeRegisters,
    server: Option<NativeServer>,
}

impl Native {
    pub(crate) fn start() -> Self {
        let memory = NativeRegisters::default();
        let any = "127.0.0.1:0".parse().unwrap();
        let server = NativeServer::start(any, memory.clone()).unwrap();
        Self { address: server.address(), memory, server: Some(server) }
    }

    pub(crate) fn url(&self) -> String {
        format!("native://{}", self.address)
    }

    pub(crate) async fn start_again(&mut self) {
        for _ in 0..1000 {
            if let Ok(server) = NativeServer::start(self.address, self.memory.clone()) {
                self.server = Some(server);
                return;
            }
            // The one before is being stopped, and ends when its task runs.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{} is not free", self.address);
    }

    pub(crate) fn stop(&mut self) {
        self.server = None;
    }
}

impl Natives {
    pub(crate) fn start(size: usize) -> Self {
        Self { members: (0..size).map(|_| Native::start()).collect() }
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.members.iter().map(Native::url).collect()
    }

    /// Makes a cluster of them, if there is none yet, and takes part as a proposer.
    pub(crate) async fn join(&self) -> Gryadka {
        let options = ConnectOptions { initialise: true, ..ConnectOptions::new(self.urls()) };
        Gryadka::connect(options).await.unwrap()
    }

    /// The same, but one acceptor takes connections and never answers.
    pub(crate) async fn join_past_a_silent_one(&self, silent: usize) -> Gryadka {
        drop(self.join().await);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (mute, url) = (listener.local_addr().unwrap(), self.urls()[silent].clone());
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                kept.push(stream);
            }
        });
        let route = move |to: &str| if to == url { format!("native://{mute}") } else { to.into() };
        let options =
            ConnectOptions { route: Some(Arc::new(route)), ..ConnectOptions::new(self.urls()) };
        Gryadka::connect(options).await.unwrap()
    }

    pub(crate) fn stop(&mut self, index: usize) {
        self.members[index].stop();
    }

    pub(crate) async fn start_again(&mut self, index: usize) {
        self.members[index].start_again().await;
    }

    /// Restarts one without its memory.
    pub(crate) async fn wipe(&mut self, index: usize) {
        self.members[index].stop();
        self.members[index].memory = NativeRegisters::default();
        self.members[index].start_again().await;
    }

    /// How many registers each holds.
    pub(crate) fn registers(&self) -> Vec<usize> {
        self.members.iter().map(|native| native.memory.len()).collect()
    }
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

pub(crate) fn number(value: Option<&Bytes>) -> u64 {
    value.map_or(0, |bytes| u64::from_be_bytes(bytes.as_ref().try_into().unwrap()))
}

pub(crate) fn increment(present: Present<'_>) -> Decision<Bytes, u64> {
    let next = number(present.value) + 1;
    Decision::Put(Some(Bytes::copy_from_slice(&next.to_be_bytes())), next)
}
