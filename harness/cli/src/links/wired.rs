//! One link: of the proxy inside the harness, or of a Toxiproxy.

use super::{LinkError, LinkFault, marks};
use harness_proxy::{Link as ProxyLink, Toxic, Toxiproxy};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::Mutex;

/// A link that is open.
pub(crate) struct Wired {
    /// Where clients connect to.
    address: SocketAddr,
    /// The acceptor's own address, if it is known here.
    acceptor: Option<SocketAddr>,
    proxy: ProxyHandle,
    /// The faults that cut it. It is whole again when all of them are undone. Locked for the whole of
    /// a change.
    cuts: Mutex<BTreeSet<u32>>,
}

/// The proxy that it is a link of, and how that is told what to do.
pub(super) enum ProxyHandle {
    Inside(ProxyLink),
    Toxiproxy {
        client: Toxiproxy,
        name: String,
        /// Whether it is our own, which knows more.
        ours: bool,
        /// The run whose faults these are: others may use the same Toxiproxy.
        run: Arc<str>,
    },
}

/// What has crossed a link up to now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Crossed {
    /// Bytes given to the acceptor.
    pub(crate) requests: u64,
    /// Bytes given to the proposer.
    pub(crate) replies: u64,
    /// Messages lost with their connection; not told by the genuine Toxiproxy.
    pub(crate) lost: Option<u64>,
    /// Messages left out; not told by the genuine Toxiproxy.
    pub(crate) dropped: Option<u64>,
}

impl Wired {
    pub(super) fn new(
        address: SocketAddr,
        acceptor: Option<SocketAddr>,
        proxy: ProxyHandle,
    ) -> Self {
        Self { address, acceptor, proxy, cuts: Mutex::default() }
    }

    /// Where clients connect to: the same for the whole life of the link.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The acceptor's own address, past the link, if it is known here.
    pub(crate) const fn acceptor(&self) -> Option<SocketAddr> {
        self.acceptor
    }

    /// Does something to it, beside whatever else is wrong with it.
    ///
    /// # Errors
    /// When the proxy cannot, or has done something else.
    pub(crate) async fn apply(&self, link_fault: &LinkFault) -> Result<(), LinkError> {
        let mut cuts = self.cuts.lock().await;
        for toxic in &self.as_sent(link_fault).toxics {
            self.add(toxic).await?;
        }
        if link_fault.cuts {
            cuts.insert(link_fault.fault);
            self.cut(link_fault.fault).await?;
        }
        Ok(())
    }

    /// Takes it away again. What was not there is no error.
    ///
    /// # Errors
    /// When the proxy cannot.
    pub(crate) async fn clear(&self, link_fault: &LinkFault) -> Result<(), LinkError> {
        let mut cuts = self.cuts.lock().await;
        let present = self.toxics().await?;
        for toxic in &self.as_sent(link_fault).toxics {
            if present.iter().any(|present| present.name == toxic.name) {
                self.remove(&toxic.name).await?;
            }
        }
        if cuts.contains(&link_fault.fault) {
            self.end_cut(link_fault.fault, &cuts).await?;
            cuts.remove(&link_fault.fault);
        }
        Ok(())
    }

    /// What has crossed it; nothing, where that is not told while connections are open.
    pub(crate) async fn crossed(&self) -> Option<Crossed> {
        match &self.proxy {
            ProxyHandle::Inside(link) => {
                let traffic = link.traffic();
                Some(Crossed {
                    requests: traffic.requests.bytes,
                    replies: traffic.replies.bytes,
                    lost: Some(traffic.lost),
                    dropped: Some(traffic.dropped),
                })
            }
            // The genuine one counts a connection when it has ended.
            ProxyHandle::Toxiproxy { ours: false, .. } => None,
            ProxyHandle::Toxiproxy { client, name, ours: true, .. } => {
                let bytes = client.bytes().await.ok()?.remove(name).unwrap_or_default();
                let (requests, replies) = (bytes.requests.sent, bytes.replies.sent);
                Some(Crossed { requests, replies, lost: bytes.lost, dropped: bytes.dropped })
            }
        }
    }

    /// Removes it from a Toxiproxy. One inside the harness ends with this value.
    pub(super) async fn close(&self) -> Result<(), LinkError> {
        match &self.proxy {
            ProxyHandle::Inside(_) => Ok(()),
            ProxyHandle::Toxiproxy { client, name, .. } => Ok(client.delete(name).await?),
        }
    }

    /// The same as the proxy is told it.
    fn as_sent(&self, link_fault: &LinkFault) -> LinkFault {
        let ProxyHandle::Toxiproxy { ours, run, .. } = &self.proxy else {
            return link_fault.clone();
        };
        let mut sent = if *ours { link_fault.clone() } else { link_fault.genuine() };
        for toxic in &mut sent.toxics {
            toxic.name = marks::toxic(run, &toxic.name);
        }
        sent
    }

    async fn add(&self, toxic: &Toxic) -> Result<(), LinkError> {
        match &self.proxy {
            ProxyHandle::Inside(link) => link.add(toxic.clone())?,
            // What it answers is compared with what it was told.
            ProxyHandle::Toxiproxy { client, name, .. } => {
                drop(client.add_toxic(name, toxic).await?)
            }
        }
        Ok(())
    }

    async fn remove(&self, toxic: &str) -> Result<(), LinkError> {
        match &self.proxy {
            ProxyHandle::Inside(link) => drop(link.remove(toxic)?),
            ProxyHandle::Toxiproxy { client, name, .. } => {
                client.remove_toxic(name, toxic).await?;
                if client.toxics(name).await?.iter().any(|left| left.name == toxic) {
                    let (link, toxic) = (name.clone(), toxic.to_owned());
                    return Err(LinkError::NotRemoved { link, toxic });
                }
            }
        }
        Ok(())
    }

    async fn toxics(&self) -> Result<Vec<Toxic>, LinkError> {
        match &self.proxy {
            ProxyHandle::Inside(link) => Ok(link.toxics()),
            ProxyHandle::Toxiproxy { client, name, .. } => Ok(client.toxics(name).await?),
        }
    }

    /// Has it refuse connections.
    async fn cut(&self, fault: u32) -> Result<(), LinkError> {
        match &self.proxy {
            ProxyHandle::Inside(link) => link.disable(),
            ProxyHandle::Toxiproxy { client, name, run, .. } => {
                self.add(&marks::cut(fault, run)).await?;
                drop(client.disable(name).await?);
            }
        }
        Ok(())
    }

    /// Undoes a cut. Another one, be it of this run or of another on the same Toxiproxy, goes on.
    async fn end_cut(&self, fault: u32, cuts: &BTreeSet<u32>) -> Result<(), LinkError> {
        match &self.proxy {
            ProxyHandle::Inside(link) if cuts.len() == 1 => link.enable()?,
            ProxyHandle::Inside(_) => {}
            ProxyHandle::Toxiproxy { client, name, run, .. } => {
                let mark = marks::cut(fault, run).name;
                marks::end_cuts(client, name, |found| found == mark).await?;
            }
        }
        Ok(())
    }
}
