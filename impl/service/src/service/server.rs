//! Connections: accepted, served, and ended in good order.

use super::router::router;
use super::write_timeout::WriteTimeout;
use super::{Bodies, Metrics, Operations, Service, TlsError, tls};
use crate::administration::Administration;
use crate::settings::{Exposed, Settings};
use axum::Router;
use gryadka::Gryadka;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// The wait after a connection could not be accepted: usually too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A service that listens, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    connections: Arc<Semaphore>,
    serving: Serving,
    shutdown_grace: Duration,
}

/// What a connection is served with.
#[derive(Clone)]
struct Serving {
    router: Router,
    tls: Option<TlsAcceptor>,
    read_timeout: Duration,
    write_timeout: Duration,
}

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serving").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

/// A service that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Other machines could use it without safeguards.
    #[error(transparent)]
    Exposed(#[from] Exposed),
    /// Its certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// How a service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request in progress was answered.
    Finished,
    /// The shutdown grace was over first; the rest was cut off.
    CutOff,
}

impl Server {
    /// Listens for clients of this store.
    ///
    /// # Errors
    /// [`StartError`] when the settings are not allowed or the address cannot be had.
    pub async fn bind(settings: Settings, gryadka: Gryadka) -> Result<Self, StartError> {
        settings.check_exposure()?;
        let tls = settings.tls.as_ref().map(tls::acceptor).transpose()?;
        let wrong = |source| StartError::Listen { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        let limits = settings.limits;
        let service = Arc::new(Service {
            administration: Administration::new(gryadka.clone()),
            gryadka,
            operations: Operations::default(),
            tokens: settings.tokens,
            is_local: address.ip().is_loopback(),
            limits,
            admission: Semaphore::new(limits.requests),
            bodies: Bodies::new(limits.body_bytes, limits.value_bytes, limits.read_timeout),
            metrics: Metrics::new(),
        });
        Ok(Self {
            listener,
            address,
            connections: Arc::new(Semaphore::new(limits.connections)),
            serving: Serving {
                router: router(&service),
                tls,
                read_timeout: limits.read_timeout,
                write_timeout: limits.write_timeout,
            },
            shutdown_grace: settings.shutdown_grace,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then accepts no more connections and finishes the requests in progress.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Drained {
        let graceful = GracefulShutdown::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                (stream, permit) = next(&self.listener, &self.connections) => {
                    let connection = serve(stream, self.serving.clone(), graceful.watcher());
                    tokio::spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                () = &mut stop => break,
            }
        }
        drop(self.listener);
        tracing::info!("accepting no more connections; finishing the requests in progress");
        match tokio::time::timeout(self.shutdown_grace, graceful.shutdown()).await {
            Ok(()) => Drained::Finished,
            Err(_) => Drained::CutOff,
        }
    }
}

/// The next connection, once there may be one more.
async fn next(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> (TcpStream, Option<tokio::sync::OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there always is a permit.
    let permit = Arc::clone(connections).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, serving: Serving, watcher: Watcher) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "connection broken");
        return;
    }
    let stream = WriteTimeout::new(stream, serving.write_timeout);
    let Some(tls) = &serving.tls else {
        return speak_http(stream, &serving, watcher).await;
    };
    match tokio::time::timeout(serving.read_timeout, tls.accept(stream)).await {
        Ok(Ok(stream)) => speak_http(stream, &serving, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, "no TLS"),
        Err(_) => tracing::debug!("TLS took too long"),
    }
}

async fn speak_http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    serving: &Serving,
    watcher: Watcher,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(serving.read_timeout)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(serving.router.clone()));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended");
    }
}
