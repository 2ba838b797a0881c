//! Which proxies there are, and what may become of them. It knows nothing of HTTP.

use super::Refusal;
use super::place::Place;
use crate::wire::{ProxySettings, ProxyState, WrittenToxic, updated};
use crate::{Direction, Link, Toxic, Traffic};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// How often it is looked whether connections have ended.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// All proxies of a server.
#[derive(Debug)]
pub(super) struct Registry {
    seed: u64,
    /// Held for moments only: nothing that is done to a link waits for a client or a server, and
    /// names are looked up before.
    proxies: Mutex<Proxies>,
}

type Proxies = BTreeMap<String, Proxy>;

/// A link under a name.
#[derive(Debug)]
struct Proxy {
    link: Link,
    /// As it was written.
    upstream: String,
}

/// What is to change about a proxy; the rest stays.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) listen: Option<String>,
    pub(super) upstream: Option<String>,
    pub(super) enabled: Option<bool>,
}

/// What has crossed a proxy.
#[derive(Debug)]
pub(super) struct Crossed {
    pub(super) name: String,
    pub(super) listen: String,
    pub(super) upstream: String,
    pub(super) traffic: Traffic,
}

/// How far it came with a list of proxies: those that are as wanted, and what stopped it.
pub(super) type Populated = (Vec<ProxyState>, Option<Refusal>);

impl Registry {
    /// One without proxies. What is random about them is drawn from `seed` and their names.
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, proxies: Mutex::default() }
    }

    async fn proxies(&self) -> MutexGuard<'_, Proxies> {
        self.proxies.lock().await
    }

    /// Does something to the proxy of this name.
    async fn with<T>(
        &self,
        name: &str,
        act: impl FnOnce(&Proxy) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        known(&*self.proxies().await, name).and_then(act)
    }

    pub(super) async fn states(&self) -> Vec<ProxyState> {
        self.proxies().await.iter().map(|(name, proxy)| proxy.state(name)).collect()
    }

    pub(super) async fn state(&self, name: &str) -> Result<ProxyState, Refusal> {
        self.with(name, |proxy| Ok(proxy.state(name))).await
    }

    /// What has crossed each proxy since it was made, or moved.
    pub(super) async fn crossed(&self) -> Vec<Crossed> {
        let crossed = |(name, proxy): (&String, &Proxy)| Crossed {
            name: name.clone(),
            listen: proxy.link.address().to_string(),
            upstream: proxy.upstream.clone(),
            traffic: proxy.link.traffic(),
        };
        self.proxies().await.iter().map(crossed).collect()
    }

    /// Makes a proxy.
    pub(super) async fn create(&self, settings: &ProxySettings) -> Result<ProxyState, Refusal> {
        let place = Place::of(settings).await?;
        match self.proxies().await.entry(settings.name.clone()) {
            Entry::Occupied(_) => Err(Refusal::ProxyExists),
            Entry::Vacant(vacant) => {
                let proxy = self.open(&settings.name, place, settings.enabled, Vec::new()).await?;
                Ok(vacant.insert(proxy).state(&settings.name))
            }
        }
    }

    /// Changes a proxy. If it is to listen or to lead elsewhere its connections end, and its toxics
    /// stay.
    pub(super) async fn change(&self, name: &str, change: Change) -> Result<ProxyState, Refusal> {
        let before = self.state(name).await?;
        let listen = change.listen.unwrap_or_else(|| before.listen.clone());
        let upstream = change.upstream.unwrap_or_else(|| before.upstream.clone());
        let moved = (&listen, &upstream) != (&before.listen, &before.upstream);
        let place = Place::find(&listen, &upstream).await?;
        let mut proxies = self.proxies().await;
        let enabled = change.enabled.unwrap_or(known(&proxies, name)?.link.is_enabled());
        let proxy = known(&proxies, name)?;
        if moved && !proxy.is_at(&place) {
            let toxics = proxy.link.toxics();
            self.relink(&mut proxies, name, place, enabled, toxics).await?;
        }
        let proxy = known(&proxies, name)?;
        if enabled {
            proxy.link.enable()?;
        } else {
            proxy.link.disable();
        }
        Ok(proxy.state(name))
    }

    /// Removes a proxy. Its connections end.
    pub(super) async fn delete(&self, name: &str) -> Result<(), Refusal> {
        self.proxies().await.remove(name).map(drop).ok_or(Refusal::NoProxy)
    }

    /// Makes proxies, or moves those that are there. What leads from the same place to the same
    /// place already is left as it is, toxics and all. Nothing is done unless all can be understood.
    pub(super) async fn populate(&self, all: &[ProxySettings]) -> Populated {
        let mut places = Vec::with_capacity(all.len());
        for settings in all {
            match Place::of(settings).await {
                Ok(place) => places.push(place),
                Err(refusal) => return (Vec::new(), Some(refusal)),
            }
        }
        let mut proxies = self.proxies().await;
        let mut states = Vec::with_capacity(all.len());
        for (ProxySettings { name, enabled, .. }, place) in all.iter().zip(places) {
            let there = proxies.get(name).is_some_and(|proxy| proxy.is_at(&place));
            if !there {
                let relinked = self.relink(&mut proxies, name, place, *enabled, Vec::new()).await;
                if let Err(refusal) = relinked {
                    return (states, Some(refusal));
                }
            }
            states.extend(proxies.get(name).map(|proxy| proxy.state(name)));
        }
        (states, None)
    }

    /// Enables all proxies and removes all toxics. Connections stay.
    pub(super) async fn reset(&self) -> Result<(), Refusal> {
        // All of them, also those after one that cannot listen.
        let reset = |proxy: &Proxy| {
            proxy.link.clear();
            proxy.link.enable()
        };
        let outcomes: Vec<_> = self.proxies().await.values().map(reset).collect();
        Ok(outcomes.into_iter().collect::<Result<(), _>>()?)
    }

    pub(super) async fn toxics(&self, proxy: &str) -> Result<Vec<Toxic>, Refusal> {
        self.with(proxy, |proxy| Ok(proxy.toxics())).await
    }

    pub(super) async fn toxic(&self, proxy: &str, name: &str) -> Result<Toxic, Refusal> {
        self.with(proxy, |proxy| proxy.toxic(name)).await
    }

    pub(super) async fn add(&self, proxy: &str, toxic: Toxic) -> Result<Toxic, Refusal> {
        let add = |proxy: &Proxy| Ok(proxy.link.add(toxic.clone())?);
        self.with(proxy, add).await?;
        Ok(toxic)
    }

    /// Changes attributes and toxicity of a toxic, as far as they are given.
    pub(super) async fn update(
        &self,
        proxy: &str,
        name: &str,
        update: WrittenToxic,
    ) -> Result<Toxic, Refusal> {
        let update = |proxy: &Proxy| {
            let toxic = updated(&proxy.toxic(name)?, update)?;
            proxy.link.update(toxic.clone())?;
            Ok(toxic)
        };
        self.with(proxy, update).await
    }

    pub(super) async fn remove(&self, proxy: &str, name: &str) -> Result<(), Refusal> {
        self.with(proxy, |proxy| Ok(proxy.link.remove(name).map(drop)?)).await
    }

    /// Ends all connections, and waits until they are ended.
    pub(super) async fn close(&self) {
        let proxies = self.proxies().await;
        proxies.values().for_each(|proxy| proxy.link.disable());
        while proxies.values().any(|proxy| proxy.link.traffic().open > 0) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn open(
        &self,
        name: &str,
        place: Place,
        enabled: bool,
        toxics: Vec<Toxic>,
    ) -> Result<Proxy, Refusal> {
        let seed = seed_of(self.seed, name);
        // Nobody gets through before the toxics are there.
        let link = Link::listen_on(place.listen, place.leads()?, seed, false).await?;
        toxics.into_iter().try_for_each(|toxic| link.add(toxic))?;
        if enabled {
            link.enable()?;
        }
        Ok(Proxy { link, upstream: place.upstream })
    }

    /// Puts a new link under a name. The old one ends first, because it may have the port, and
    /// comes back without its connections if the new one cannot be.
    async fn relink(
        &self,
        proxies: &mut Proxies,
        name: &str,
        place: Place,
        enabled: bool,
        toxics: Vec<Toxic>,
    ) -> Result<(), Refusal> {
        let before = proxies.remove(name).map(|proxy| {
            let place = Place { listen: proxy.link.address(), upstream: proxy.upstream };
            (place, proxy.link.is_enabled(), proxy.link.toxics())
        });
        let (proxy, outcome) = match (self.open(name, place, enabled, toxics).await, before) {
            (Ok(proxy), _) => (proxy, Ok(())),
            (Err(refusal), None) => return Err(refusal),
            (Err(refusal), Some((place, enabled, toxics))) => {
                (self.open(name, place, enabled, toxics).await?, Err(refusal))
            }
        };
        proxies.insert(name.to_owned(), proxy);
        outcome
    }
}

impl Proxy {
    fn state(&self, name: &str) -> ProxyState {
        ProxyState {
            name: name.to_owned(),
            listen: self.link.address().to_string(),
            upstream: self.upstream.clone(),
            enabled: self.link.is_enabled(),
            toxics: self.toxics(),
        }
    }

    /// As Toxiproxy tells them: those of requests first.
    fn toxics(&self) -> Vec<Toxic> {
        let mut toxics = self.link.toxics();
        toxics.sort_by_key(|toxic| toxic.direction == Direction::Replies);
        toxics
    }

    fn toxic(&self, name: &str) -> Result<Toxic, Refusal> {
        let toxics = self.link.toxics();
        toxics.into_iter().find(|toxic| toxic.name == name).ok_or(Refusal::NoToxic)
    }

    /// Whether it is this very place: any free port is always another one.
    fn is_at(&self, place: &Place) -> bool {
        self.link.address() == place.listen && self.upstream == place.upstream
    }
}

fn known<'a>(proxies: &'a Proxies, name: &str) -> Result<&'a Proxy, Refusal> {
    proxies.get(name).ok_or(Refusal::NoProxy)
}

/// The seed of one proxy: the same for the same name, whatever other proxies there are. It is
/// FNV-1a over the server's seed and the name.
fn seed_of(seed: u64, name: &str) -> u64 {
    let bytes = seed.to_le_bytes().into_iter().chain(name.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
