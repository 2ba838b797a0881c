//! How connections are accepted and served, and ended in good order.

use super::Refusal;
use super::registry::{Populated, Registry};
use super::router::router;
use crate::wire::{ProxySettings, ProxyState};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// The wait after a connection could not be accepted: usually there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a client may take to send the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(15);

/// How long requests that are under way at the end, and the ends of connections, may take.
const GRACE: Duration = Duration::from_secs(2);

/// A proxy server that listens. Its proxies live as long as it does.
#[derive(Debug)]
pub struct ProxyServer {
    listener: TcpListener,
    address: SocketAddr,
    registry: Arc<Registry>,
}

/// A server that cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A proxy of its configuration cannot be.
    #[error("{made} of {wanted} proxies are there, then: {}", refusal.reason())]
    Populate {
        /// How many there are.
        made: usize,
        /// How many there should be.
        wanted: usize,
        /// Why there are not more.
        refusal: Refusal,
    },
}

impl ProxyServer {
    /// Listens for requests about proxies, of which there are none yet. Everything random about
    /// them is drawn from `seed`, their names, and what passes through them.
    ///
    /// # Errors
    /// [`ServerError::Listen`].
    pub async fn bind(listen: SocketAddr, seed: u64) -> Result<Self, ServerError> {
        let wrong = |source| ServerError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        Ok(Self { listener, address, registry: Arc::new(Registry::new(seed)) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes proxies, and tells of them with the ports that they got.
    ///
    /// # Errors
    /// [`ServerError::Populate`].
    pub async fn populate(&self, all: &[ProxySettings]) -> Result<Vec<ProxyState>, ServerError> {
        let Populated { states, refusal, .. } = self.registry.populate(all).await;
        match refusal {
            None => Ok(states),
            Some(refusal) => {
                Err(ServerError::Populate { made: states.len(), wanted: all.len(), refusal })
            }
        }
    }

    /// Serves until `stop`. Requests that are under way then are finished, and connections through
    /// the proxies reset.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        let router = router(Arc::clone(&self.registry));
        tokio::pin!(stop);
        loop {
            tokio::select! {
                stream = next(&self.listener) => {
                    tokio::spawn(serve(stream, router.clone(), graceful.watcher()));
                }
                () = &mut stop => break,
            }
        }
        drop(self.listener);
        if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
            tracing::debug!("clients that were still asking were cut off");
        }
        if tokio::time::timeout(GRACE, self.registry.close()).await.is_err() {
            tracing::debug!("connections through the proxies were left to themselves");
        }
    }
}

async fn next(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, router: Router, watcher: Watcher) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "connection broken");
        return;
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        // As Go writes them.
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended");
    }
}
