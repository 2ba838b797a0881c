//! How a link is opened, told, healed and closed.

use crate::connection::{Shared, serve};
use crate::order::{Order, Orders};
use crate::port::{Listening, Port};
use crate::traffic::Counters;
use crate::{ProxyError, Toxic, Traffic, Upstream};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// How long accepting rests after an error, which is mostly a want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A proxy on a port of its own in front of one server, with any number of toxics. Dropping it
/// closes everything: new connections are refused, established ones reset.
///
/// No method ever waits for a client or a server. Bytes that are sent, and connections that are
/// made, after a change returns meet it. Bytes that a toxic held back when it was removed go on to
/// those after it; what an updated toxic had delayed is due at once, unless it still holds back.
#[derive(Debug)]
pub struct Link {
    port: Port,
    runtime: Handle,
    shared: Arc<Shared>,
    /// Dropped before `listening`, so that no task takes the closed socket for an error.
    orders: watch::Sender<Order>,
    /// Absent while the link is disabled. Locked for the whole of a change.
    listening: Mutex<Option<Listening>>,
}

impl Link {
    /// Opens a link without toxics to `upstream` on a free port of 127.0.0.1, as
    /// [`Link::listen_on`] does.
    ///
    /// # Panics
    /// Without a Tokio runtime, or on one without its I/O and its time enabled.
    ///
    /// # Errors
    /// [`ProxyError::Port`] and [`ProxyError::Listen`].
    pub async fn open(upstream: SocketAddr, seed: u64) -> Result<Self, ProxyError> {
        let any = (Ipv4Addr::LOCALHOST, 0).into();
        Self::listen_on(any, Upstream::Address(upstream), seed, true).await
    }

    /// Opens a link without toxics to `upstream` at `listen`, where port 0 stands for any. Unless
    /// `enabled`, it has its port and refuses connections.
    ///
    /// What is random about its toxics is drawn from `seed`, the number of the connection, the
    /// direction and the toxic's name, so that it repeats when they do. The server need not be
    /// there yet: it is connected to once for every client. The link works on the Tokio runtime
    /// that this is called on.
    ///
    /// # Panics
    /// Without a Tokio runtime, or on one without its I/O and its time enabled.
    ///
    /// # Errors
    /// [`ProxyError::Port`] and [`ProxyError::Listen`].
    pub async fn listen_on(
        listen: SocketAddr,
        upstream: Upstream,
        seed: u64,
        enabled: bool,
    ) -> Result<Self, ProxyError> {
        Self::with_order(listen, upstream, seed, Order::default(), enabled)
    }

    /// Opens a link as [`Link::listen_on`] does, whose first connection meets the toxics of `order`.
    pub(crate) fn with_order(
        listen: SocketAddr,
        upstream: Upstream,
        seed: u64,
        order: Order,
        enabled: bool,
    ) -> Result<Self, ProxyError> {
        let port = Port::take(listen).map_err(|source| ProxyError::Port {
            address: listen,
            upstream: upstream.to_string(),
            source,
        })?;
        let link = Self {
            port,
            runtime: Handle::current(),
            shared: Arc::new(Shared { upstream, seed, counters: Counters::default() }),
            orders: watch::Sender::new(order),
            listening: Mutex::new(None),
        };
        if enabled {
            link.enable()?;
        }
        Ok(link)
    }

    /// Where clients connect to: the same for the whole life of the link, enabled or not.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The server that the link leads to.
    #[must_use]
    pub fn upstream(&self) -> &Upstream {
        &self.shared.upstream
    }

    /// Puts a toxic behind those that are there.
    ///
    /// # Errors
    /// [`ProxyError::NameTaken`], and what is out of range: [`ProxyError::Name`],
    /// [`ProxyError::Probability`], [`ProxyError::Time`]. Nothing has changed then.
    pub fn add(&self, toxic: Toxic) -> Result<(), ProxyError> {
        tracing::debug!(link = %self.address(), ?toxic, "add");
        self.order(|order| order.add(toxic))
    }

    /// Puts a toxic in the place of the one of its name. What that one has counted and drawn goes
    /// on; its timeout begins anew.
    ///
    /// # Errors
    /// [`ProxyError::NoSuchToxic`], [`ProxyError::OtherDirection`], and what is out of range, as
    /// under [`Link::add`]. Nothing has changed then.
    pub fn update(&self, toxic: Toxic) -> Result<(), ProxyError> {
        tracing::debug!(link = %self.address(), ?toxic, "update");
        self.order(|order| order.update(toxic))
    }

    /// Takes a toxic out, and returns it.
    ///
    /// # Errors
    /// [`ProxyError::NoSuchToxic`].
    pub fn remove(&self, name: &str) -> Result<Toxic, ProxyError> {
        tracing::debug!(link = %self.address(), toxic = name, "remove");
        self.order(|order| order.remove(name))
    }

    /// The toxics of both directions, in the order in which they were added.
    #[must_use]
    pub fn toxics(&self) -> Vec<Toxic> {
        self.orders.borrow().toxics()
    }

    /// What its connections have been told.
    pub(crate) fn present_order(&self) -> Order {
        self.orders.borrow().clone()
    }

    /// Removes all toxics, and enables the link. If it was disabled and cannot be listened on
    /// again, that is logged and [`Link::is_enabled`] still says no; [`Link::enable`] says why.
    pub fn clear(&self) {
        self.clear_toxics();
        if let Err(error) = self.enable() {
            tracing::warn!(%error, "cleared, and yet disabled");
        }
    }

    /// Removes all toxics.
    pub(crate) fn clear_toxics(&self) {
        let _change = self.change();
        self.orders.send_modify(Order::clear);
    }

    /// Refuses new connections and resets established ones. What was held back is lost with its
    /// connection. The link keeps its port, and its toxics.
    pub fn disable(&self) {
        let mut listening = self.change();
        if listening.is_some() {
            self.orders.send_modify(|order| {
                order.changes += 1;
                order.cuts += 1;
            });
            *listening = None;
            tracing::debug!(link = %self.address(), "disabled");
        }
    }

    /// Accepts connections again.
    ///
    /// # Errors
    /// [`ProxyError::Listen`]; the link is still disabled then.
    pub fn enable(&self) -> Result<(), ProxyError> {
        let mut listening = self.change();
        if listening.is_none() {
            let (listener, open) = self.listen()?;
            *listening = Some(open);
            let orders = Orders::new(self.orders.subscribe());
            self.runtime.spawn(accept(listener, orders, Arc::clone(&self.shared)));
            tracing::debug!(link = %self.address(), upstream = %self.upstream(), "enabled");
        }
        Ok(())
    }

    /// Whether connections are accepted.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.change().is_some()
    }

    /// What has crossed the link since it was opened.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.shared.counters.traffic()
    }

    /// Keeps other changes out.
    fn change(&self) -> MutexGuard<'_, Option<Listening>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells connections of another order, if it is possible.
    fn order<T>(
        &self,
        change: impl FnOnce(&mut Order) -> Result<T, ProxyError>,
    ) -> Result<T, ProxyError> {
        let _change = self.change();
        let mut order = self.present_order();
        let changed = change(&mut order)?;
        self.orders.send_replace(order);
        Ok(changed)
    }

    fn listen(&self) -> Result<(TcpListener, Listening), ProxyError> {
        let listen = || {
            let (socket, listening) = self.port.listen()?;
            let _within = self.runtime.enter();
            Ok((TcpListener::from_std(socket)?, listening))
        };
        listen().map_err(|source| ProxyError::Listen {
            address: self.address(),
            upstream: self.upstream().to_string(),
            source,
        })
    }
}

/// Accepts connections until the link is disabled or dropped.
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
