//! Which proxies there are, and what may become of them. It knows nothing of HTTP.

use super::place::Place;
use super::proxy::Proxy;
use super::{Refusal, overlooked};
use crate::order::Order;
use crate::wire::{ProxySettings, ProxyState, WrittenToxic, updated};
use crate::{Link, Toxic, Traffic};
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

/// How far it came with a list of proxies.
#[derive(Debug, Default)]
pub(super) struct Populated {
    /// Those that are there now, in the order of the list.
    pub(super) states: Vec<ProxyState>,
    /// What stopped it.
    pub(super) refusal: Option<Refusal>,
    /// What was passed over.
    pub(super) overlooked: Vec<String>,
}

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
        act: impl FnOnce(&mut Proxy) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        known(&mut *self.proxies().await, name).and_then(act)
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
            listen: proxy.shown(),
            upstream: proxy.upstream().to_owned(),
            traffic: proxy.traffic(),
        };
        self.proxies().await.iter().map(crossed).collect()
    }

    /// Makes a proxy.
    pub(super) async fn create(&self, settings: &ProxySettings) -> Result<ProxyState, Refusal> {
        let place = Place::of(settings).await?;
        match self.proxies().await.entry(settings.name.clone()) {
            Entry::Occupied(_) => Err(Refusal::ProxyExists),
            Entry::Vacant(vacant) => {
                let order = order_of(settings)?;
                let seed = seed_of(self.seed, &settings.name);
                let proxy = Proxy::make(place, seed, order, settings.enabled)?;
                Ok(vacant.insert(proxy).state(&settings.name))
            }
        }
    }

    /// Changes a proxy. If it is to listen or to lead elsewhere its connections end, and its toxics
    /// stay.
    pub(super) async fn change(&self, name: &str, change: &Change) -> Result<ProxyState, Refusal> {
        loop {
            let before = self.state(name).await?;
            let enabled = change.enabled.unwrap_or(before.enabled);
            let listen = change.listen.clone().unwrap_or(before.listen);
            let upstream = change.upstream.clone().unwrap_or(before.upstream);
            let mut place = Place::find(listen, upstream, enabled).await?;
            let mut proxies = self.proxies().await;
            let proxy = known(&mut proxies, name)?;
            if proxy.is_enabled() != before.enabled {
                // Somebody else has enabled or disabled it in the meantime, which is to stay.
                continue;
            }
            match proxy.link() {
                Some(link) if enabled && proxy.is_at(&place) => link.enable()?,
                Some(link) if proxy.is_at(&place) => link.disable(),
                None if !enabled && proxy.is_at(&place) => {}
                Some(_) | None => {
                    // One that is disabled and only leads elsewhere keeps its port.
                    if proxy.shown() == place.listen {
                        place.address = place.address.or_else(|| proxy.place().address);
                    }
                    let order = proxy.order();
                    self.relink(&mut proxies, name, place, order, enabled)?;
                }
            }
            return Ok(known(&mut proxies, name)?.state(name));
        }
    }

    /// Removes a proxy. Its connections end.
    pub(super) async fn delete(&self, name: &str) -> Result<(), Refusal> {
        self.proxies().await.remove(name).map(drop).ok_or(Refusal::NoProxy)
    }

    /// Makes proxies, or moves those that are there, up to the first that cannot be. What leads from
    /// the same place to the same place already is left as it is, but for toxics that are given.
    pub(super) async fn populate(&self, all: &[ProxySettings]) -> Populated {
        let mut places = Vec::with_capacity(all.len());
        for settings in all {
            places.push(Place::of(settings).await);
        }
        let mut proxies = self.proxies().await;
        let mut populated = Populated::default();
        for (settings, place) in all.iter().zip(places) {
            let put = place.and_then(|place| self.put(&mut proxies, settings, place));
            match put {
                Ok(state) => {
                    populated.overlooked.extend(overlooked::of_settings(settings, &state));
                    populated.states.push(state);
                }
                Err(refusal) => {
                    populated.refusal = Some(refusal);
                    break;
                }
            }
        }
        populated
    }

    /// Makes a proxy, or moves it, or leaves it as it is.
    fn put(
        &self,
        proxies: &mut Proxies,
        settings: &ProxySettings,
        place: Place,
    ) -> Result<ProxyState, Refusal> {
        let name = &settings.name;
        match proxies.get_mut(name) {
            Some(proxy) if proxy.is_at(&place) => proxy.apply(&settings.toxics)?,
            Some(_) | None => {
                self.relink(proxies, name, place, order_of(settings)?, settings.enabled)?;
            }
        }
        Ok(known(proxies, name)?.state(name))
    }

    /// Enables all proxies and removes all toxics. Connections stay.
    pub(super) async fn reset(&self) -> Result<(), Refusal> {
        let mut disabled = Vec::new();
        for (name, proxy) in &mut *self.proxies().await {
            proxy.clear_toxics();
            if !proxy.is_enabled() {
                disabled.push(name.clone());
            }
        }
        let enable = Change { enabled: Some(true), ..Change::default() };
        let mut outcome = Ok(());
        // All of them, also those after one that cannot listen.
        for name in disabled {
            match self.change(&name, &enable).await {
                // One that is gone in the meantime has nothing left to reset.
                Ok(_) | Err(Refusal::NoProxy) => {}
                Err(refusal) => outcome = outcome.and(Err(refusal)),
            }
        }
        outcome
    }

    pub(super) async fn toxics(&self, proxy: &str) -> Result<Vec<Toxic>, Refusal> {
        self.with(proxy, |proxy| Ok(proxy.toxics())).await
    }

    pub(super) async fn toxic(&self, proxy: &str, name: &str) -> Result<Toxic, Refusal> {
        self.with(proxy, |proxy| proxy.toxic(name)).await
    }

    pub(super) async fn add(&self, proxy: &str, toxic: Toxic) -> Result<Toxic, Refusal> {
        self.with(proxy, |proxy| proxy.add(toxic.clone())).await?;
        Ok(toxic)
    }

    /// Changes attributes and toxicity of a toxic, as far as they are given.
    pub(super) async fn update(
        &self,
        proxy: &str,
        name: &str,
        update: WrittenToxic,
    ) -> Result<Toxic, Refusal> {
        let update = |proxy: &mut Proxy| {
            let toxic = updated(&proxy.toxic(name)?, update)?;
            proxy.update(toxic.clone())?;
            Ok(toxic)
        };
        self.with(proxy, update).await
    }

    pub(super) async fn remove(&self, proxy: &str, name: &str) -> Result<(), Refusal> {
        self.with(proxy, |proxy| proxy.remove(name)).await
    }

    /// Ends all connections, and waits until they are ended.
    pub(super) async fn close(&self) {
        let proxies = self.proxies().await;
        proxies.values().filter_map(Proxy::link).for_each(Link::disable);
        while proxies.values().any(|proxy| proxy.traffic().open > 0) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Puts a new proxy under a name. The old one ends first, because it may have the port, and comes
    /// back without its connections if the new one cannot be.
    fn relink(
        &self,
        proxies: &mut Proxies,
        name: &str,
        place: Place,
        order: Order,
        enabled: bool,
    ) -> Result<(), Refusal> {
        let seed = seed_of(self.seed, name);
        // The old one's port is free again once this is computed.
        let before = proxies.remove(name);
        let before = before.map(|proxy| (proxy.place(), proxy.order(), proxy.is_enabled()));
        let (proxy, outcome) = match (Proxy::make(place, seed, order, enabled), before) {
            (Ok(proxy), _) => (proxy, Ok(())),
            (Err(refusal), None) => return Err(refusal),
            (Err(refusal), Some((place, order, enabled))) => {
                let back = Proxy::make(place.clone(), seed, order.clone(), enabled);
                (back.unwrap_or_else(|_| Proxy::rest(place, order)), Err(refusal))
            }
        };
        proxies.insert(name.to_owned(), proxy);
        outcome
    }
}

fn known<'a>(proxies: &'a mut Proxies, name: &str) -> Result<&'a mut Proxy, Refusal> {
    proxies.get_mut(name).ok_or(Refusal::NoProxy)
}

/// The toxics that a proxy is to have from the first.
fn order_of(settings: &ProxySettings) -> Result<Order, Refusal> {
    let mut order = Order::default();
    settings.toxics.iter().try_for_each(|toxic| order.add(toxic.clone()))?;
    Ok(order)
}

/// The seed of one proxy: the same for the same name, whatever other proxies there are. It is
/// FNV-1a over the server's seed and the name.
fn seed_of(seed: u64, name: &str) -> u64 {
    let bytes = seed.to_le_bytes().into_iter().chain(name.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
