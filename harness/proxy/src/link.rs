//! How a link is opened, told, healed and closed.

use crate::connection::{Shared, serve};
use crate::order::{Order, Orders};
use crate::port::{Listening, Port};
use crate::traffic::Counters;
use crate::{Condition, DELAY_MAX, Traffic};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// How long accepting rests after an error, which is mostly a want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Why a link could not be opened or told.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// No port could be had.
    #[error("no port of 127.0.0.1 can be taken for the link to {upstream}")]
    Port {
        /// The server that the link was to lead to.
        upstream: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The link's own port could not be listened on.
    #[error("the link to {upstream} cannot listen on its port {address}")]
    Listen {
        /// The link's address.
        address: SocketAddr,
        /// The server that the link leads to.
        upstream: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// [`Condition::Loss`] with something that is not a probability.
    #[error("a loss of {probability} is not possible: a probability lies between 0 and 1")]
    Probability {
        /// What was given.
        probability: f64,
    },
    /// [`Condition::Latency`] beyond [`DELAY_MAX`].
    #[error("a latency or jitter of {delay:?} is too long: at most {DELAY_MAX:?}")]
    Delay {
        /// What was given.
        delay: Duration,
    },
}

/// A proxy on a port of its own in front of one server. Dropping it closes everything: new
/// connections are refused, established ones reset.
///
/// No method ever waits for a client or a server.
#[derive(Debug)]
pub struct Link {
    port: Port,
    runtime: Handle,
    shared: Arc<Shared>,
    /// Dropped before `listening`, so that no task takes the closed socket for an error.
    orders: watch::Sender<Order>,
    /// Absent while the link is cut. Locked for the whole of a change.
    listening: Mutex<Option<Listening>>,
}

impl Link {
    /// Opens a clear link to `upstream` on a free port of 127.0.0.1. What is random about its
    /// conditions is drawn from `seed`, the number of the connection, the direction and the number
    /// of the change, so that it repeats when they do.
    ///
    /// The server need not be there yet: it is connected to once for every client. The link works
    /// on the Tokio runtime that this is called on.
    ///
    /// # Panics
    /// Without a Tokio runtime, or on one without its I/O and its time enabled.
    ///
    /// # Errors
    /// [`ProxyError::Port`] and [`ProxyError::Listen`].
    pub async fn open(upstream: SocketAddr, seed: u64) -> Result<Self, ProxyError> {
        let port = Port::take().map_err(|source| ProxyError::Port { upstream, source })?;
        let order = Order { condition: Condition::Clear, change: 0, cuts: 0 };
        let link = Self {
            port,
            runtime: Handle::current(),
            shared: Arc::new(Shared { upstream, seed, counters: Counters::default() }),
            orders: watch::Sender::new(order),
            listening: Mutex::new(None),
        };
        link.heal()?;
        Ok(link)
    }

    /// Where clients connect to: the same for the whole life of the link, cut or not.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The server that the link leads to.
    #[must_use]
    pub fn upstream(&self) -> SocketAddr {
        self.shared.upstream
    }

    /// Puts the link into `condition`, in the place of the one before. Bytes that are sent, and
    /// connections that are made, after this returns meet the new condition. Established
    /// connections that it resets are reset soon after, which this does not wait for.
    ///
    /// Bytes that the earlier condition delayed or held back are due at once, unless the new one
    /// holds back too.
    ///
    /// # Errors
    /// [`ProxyError::Probability`] and [`ProxyError::Delay`], and [`ProxyError::Listen`] when the
    /// link was cut and cannot be listened on again. The condition is then the one before.
    pub fn set(&self, condition: Condition) -> Result<(), ProxyError> {
        condition.check()?;
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = condition == Condition::Cut;
        let fresh = if cut || listening.is_some() { None } else { Some(self.listen()?) };
        self.orders.send_modify(|order| {
            order.condition = condition;
            order.change += 1;
            order.cuts += u64::from(cut);
        });
        if cut {
            *listening = None;
        }
        if let Some((listener, open)) = fresh {
            *listening = Some(open);
            let orders = Orders::new(self.orders.subscribe());
            self.runtime.spawn(accept(listener, orders, Arc::clone(&self.shared)));
        }
        tracing::debug!(link = %self.address(), upstream = %self.upstream(), ?condition, "set");
        Ok(())
    }

    /// Ends whatever is wrong with the link: the same as setting [`Condition::Clear`].
    ///
    /// # Errors
    /// [`ProxyError::Listen`].
    pub fn heal(&self) -> Result<(), ProxyError> {
        self.set(Condition::Clear)
    }

    /// The condition that was last set.
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.orders.borrow().condition
    }

    /// What has crossed the link since it was opened.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.shared.counters.traffic()
    }

    fn listen(&self) -> Result<(TcpListener, Listening), ProxyError> {
        let listen = || {
            let (socket, listening) = self.port.listen()?;
            let _within = self.runtime.enter();
            Ok((TcpListener::from_std(socket)?, listening))
        };
        listen().map_err(|source| ProxyError::Listen {
            address: self.address(),
            upstream: self.upstream(),
            source,
        })
    }
}

/// Accepts connections until the link is cut or dropped.
async fn accept(listener: TcpListener, mut orders: Orders, shared: Arc<Shared>) {
    let connection_orders = orders.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = orders.cut_off() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((client, _)) => {
                let number = shared.counters.accepted();
                tokio::spawn(serve(client, number, connection_orders.clone(), Arc::clone(&shared)));
            }
            Err(error) => {
                tracing::warn!(upstream = %shared.upstream, %error, "cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
