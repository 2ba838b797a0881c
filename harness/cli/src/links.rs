//! Every link of a cluster, from each proposer to each acceptor, and what is done to them.
//!
//! | question | file |
//! |---|---|
//! | which links are there, and how does a proposer find them? | here |
//! | what does a fault do to a link? | `links/link_fault.rs` |
//! | how is a link told, be it of our proxy or of a Toxiproxy? | `links/wired.rs` |
//! | whose is what is found on a Toxiproxy? | `links/marks.rs` |

mod link_fault;
pub(crate) mod marks;
mod wired;

pub(crate) use link_fault::LinkFault;
pub(crate) use wired::{Crossed, Wired};

use crate::environment::{ToxiproxyPlace, Wiring};
use gryadka::Route;
use harness_proxy::{Link as ProxyLink, ProxyError, ProxySettings, Toxiproxy, ToxiproxyError};
pub(crate) use link_fault::is_genuine;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wired::ProxyHandle;
use workloads::{FaultKind, Link, Scenario};

/// Where an acceptor is looked for to which there is no link: nobody listens there, and nobody goes
/// round the links.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Why a link cannot be opened or told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error("the Toxiproxy that makes the links: {0}")]
    Toxiproxy(#[from] ToxiproxyError),
    #[error("the link {link} listens on {listen:?}, which is no address with a port")]
    Address { link: String, listen: String },
    #[error("the toxic {toxic} of the link {link} was removed, and is still there")]
    NotRemoved { link: String, toxic: String },
    #[error(
        "the link {link} needs port {port}, which is none; numbered links are for up to 99 acceptors and 400 proposers"
    )]
    Port { link: Link, port: u32 },
}

/// Every link of a cluster. More can be opened while it runs.
pub(crate) struct Links {
    nodes: u32,
    seed: u64,
    /// The run's id.
    run: Arc<str>,
    made: Decision,
    open: Mutex<BTreeMap<Link, Arc<Wired>>>,
}

/// What makes the links.
enum Decision {
    Inside,
    Toxiproxy { place: ToxiproxyPlace, client: Toxiproxy, ours: bool },
}

/// The wiring of a run: a Toxiproxy that the user gives stands in for the harness's own proxy.
pub(crate) fn wiring(scenario: &Scenario, usual: Wiring) -> Wiring {
    match (&scenario.toxiproxy, usual) {
        (Some(api), Wiring::Inside) => Wiring::Toxiproxy(ToxiproxyPlace {
            api: api.clone(),
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            reach: IpAddr::V4(Ipv4Addr::LOCALHOST),
            numbered: false,
            existing: false,
        }),
        (_, usual) => usual,
    }
}

/// Of what an environment can do, what the user's Toxiproxy can, if it is one that makes the links.
///
/// # Errors
/// When it does not answer.
pub(crate) async fn able(
    mut able: Vec<FaultKind>,
    toxiproxy: Option<&str>,
) -> Result<Vec<FaultKind>, LinkError> {
    if let Some(url) = toxiproxy
        && !Toxiproxy::at(url)?.version().await?.is_ours()
    {
        able.retain(|kind| is_genuine(*kind));
    }
    Ok(able)
}

impl Links {
    /// No links yet.
    ///
    /// # Errors
    /// When the Toxiproxy does not answer.
    pub(crate) async fn new(
        nodes: u32,
        seed: u64,
        run: &str,
        wiring: Wiring,
    ) -> Result<Self, LinkError> {
        let made = match wiring {
            Wiring::Inside => Decision::Inside,
            Wiring::Toxiproxy(place) => {
                let client = Toxiproxy::at(&place.api)?;
                let ours = client.version().await?.is_ours();
                Decision::Toxiproxy { place, client, ours }
            }
        };
        Ok(Self { nodes, seed, run: run.into(), made, open: Mutex::default() })
    }

    /// Opens a link from every proposer to an acceptor.
    pub(crate) async fn open_to(
        &self,
        acceptor: u32,
        address: SocketAddr,
    ) -> Result<(), LinkError> {
        for proposer in 1..=self.nodes {
            let link = Link { proposer, acceptor };
            let wired = self.open_one(link, address).await?;
            self.links().insert(link, Arc::new(wired));
        }
        Ok(())
    }

    async fn open_one(&self, link: Link, acceptor: SocketAddr) -> Result<Wired, LinkError> {
        match &self.made {
            Decision::Inside => {
                // Each link draws from a stream of its own, so that one link's traffic does not
                // decide what another one loses.
                let stream = u64::from(link.proposer) << 48 | u64::from(link.acceptor) << 32;
                let proxy = ProxyLink::open(acceptor, self.seed ^ stream).await?;
                Ok(Wired::new(proxy.address(), Some(acceptor), ProxyHandle::Inside(proxy)))
            }
            Decision::Toxiproxy { place, client, ours } => {
                let name = if place.existing {
                    format!("p{}-a{}", link.proposer, link.acceptor)
                } else {
                    marks::link(&self.run, link)
                };
                let proxy = if place.existing {
                    client.proxy(&name).await?
                } else {
                    let port = if place.numbered { numbered(link)? } else { 0 };
                    let settings = ProxySettings {
                        name: name.clone(),
                        listen: SocketAddr::new(place.listen, port).to_string(),
                        upstream: acceptor.to_string(),
                        enabled: true,
                        toxics: Vec::new(),
                    };
                    client.create(&settings).await?
                };
                let port = proxy.listen.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
                let port = port.ok_or_else(|| LinkError::Address {
                    link: name.clone(),
                    listen: proxy.listen.clone(),
                })?;
                let address = SocketAddr::new(place.reach, port);
                let acceptor = (!place.existing).then_some(acceptor);
                let proxy = ProxyHandle::Toxiproxy {
                    client: client.clone(),
                    name,
                    ours: *ours,
                    run: Arc::clone(&self.run),
                };
                Ok(Wired::new(address, acceptor, proxy))
            }
        }
    }

    pub(crate) fn get(&self, link: Link) -> Option<Arc<Wired>> {
        self.links().get(&link).cloned()
    }

    /// The links from every proposer to an acceptor.
    pub(crate) fn to(&self, acceptor: u32) -> Vec<(Link, Arc<Wired>)> {
        self.those(|link| link.acceptor == acceptor)
    }

    /// The links from a proposer to every acceptor.
    pub(crate) fn from(&self, proposer: u32) -> Vec<(Link, Arc<Wired>)> {
        self.those(|link| link.proposer == proposer)
    }

    fn those(&self, which: impl Fn(&Link) -> bool) -> Vec<(Link, Arc<Wired>)> {
        let links = self.links();
        let of = links.iter().filter(|(link, _)| which(link));
        of.map(|(name, link)| (*name, Arc::clone(link))).collect()
    }

    /// The way that a proposer inside the harness takes instead of an acceptor's own address.
    pub(crate) fn route(self: &Arc<Self>, proposer: u32) -> Route {
        let links = Arc::clone(self);
        Arc::new(move |url| {
            let (scheme, address) = url.split_once("://").unwrap_or(("redis", url));
            let open = links.links();
            let to = address.parse::<SocketAddr>().ok().and_then(|address| {
                let mut of_proposer = open.iter().filter(|(link, _)| link.proposer == proposer);
                of_proposer.find(|(_, link)| link.acceptor() == Some(address))
            });
            let address = to.map_or(NOWHERE, |(_, link)| link.address());
            format!("{scheme}://{address}")
        })
    }

    /// The ways of a proposer that is a service, which must know them from its start: each acceptor's
    /// own url, and where to go instead. `later` are acceptors that are to join, of which only
    /// numbered links are known already; the others have none.
    pub(crate) fn routes(
        &self,
        proposer: u32,
        scheme: &str,
        later: &[(u32, SocketAddr)],
    ) -> Vec<(String, String)> {
        let url = |address: SocketAddr| format!("{scheme}://{address}");
        let open = self.from(proposer).into_iter();
        let open = open.filter_map(|(_, link)| Some((link.acceptor()?, link.address())));
        let ahead = later.iter().filter_map(|(acceptor, address)| {
            let link = Link { proposer, acceptor: *acceptor };
            Some((*address, self.ahead(link)?))
        });
        open.chain(ahead).map(|(own, through)| (url(own), url(through))).collect()
    }

    /// Where a link will be that is not there yet, as a service within the Toxiproxy's reach sees it.
    fn ahead(&self, link: Link) -> Option<SocketAddr> {
        match &self.made {
            Decision::Toxiproxy { place, .. } if place.numbered => {
                Some(SocketAddr::new(place.reach, numbered(link).ok()?))
            }
            Decision::Toxiproxy { .. } | Decision::Inside => None,
        }
    }

    /// All of them, in order.
    pub(crate) fn all(&self) -> Vec<Link> {
        self.links().keys().copied().collect()
    }

    /// Leaves a Toxiproxy as it was found. Links inside the harness end with this value.
    pub(crate) async fn close(&self) -> Result<(), LinkError> {
        if matches!(&self.made, Decision::Toxiproxy { place, .. } if place.existing) {
            return Ok(());
        }
        let open = std::mem::take(&mut *self.links());
        // The others are closed also when one cannot be.
        futures_util::future::join_all(open.values().map(|link| link.close()))
            .await
            .into_iter()
            .collect()
    }

    fn links(&self) -> MutexGuard<'_, BTreeMap<Link, Arc<Wired>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The port of a numbered link.
fn numbered(link: Link) -> Result<u16, LinkError> {
    let port = 20_000 + 100 * link.proposer + link.acceptor;
    u16::try_from(port).map_err(|_| LinkError::Port { link, port })
}
