//! One proxy of a server: a link under a name, or what is to become one when it is enabled.

use super::Refusal;
use super::place::Place;
use crate::order::Order;
use crate::wire::ProxyState;
use crate::{Direction, Link, Toxic, Traffic};

/// A proxy of a server.
#[derive(Debug)]
pub(super) struct Proxy {
    /// As it was written.
    listen: String,
    /// As it was written.
    upstream: String,
    body: Body,
}

#[derive(Debug)]
enum Body {
    /// Never enabled where it is to listen: it has its toxics, and no port.
    Resting(Order),
    /// Enabled there once at least: it keeps its port.
    Linked(Link),
}

impl Proxy {
    /// Makes a proxy. One whose place was not looked up is disabled.
    pub(super) fn make(
        place: Place,
        seed: u64,
        order: Order,
        enabled: bool,
    ) -> Result<Self, Refusal> {
        let upstream = place.leads()?;
        let body = match place.address {
            // Nobody gets through before the toxics are there.
            Some(address) => {
                Body::Linked(Link::with_order(address, upstream, seed, order, enabled)?)
            }
            None => Body::Resting(order),
        };
        Ok(Self { listen: place.listen, upstream: place.upstream, body })
    }

    /// Makes one that is disabled, which is always possible.
    pub(super) fn rest(place: Place, order: Order) -> Self {
        Self { listen: place.listen, upstream: place.upstream, body: Body::Resting(order) }
    }

    /// Where it is at present, to come back to.
    pub(super) fn place(&self) -> Place {
        let address = self.link().map(Link::address);
        Place { listen: self.shown(), address, upstream: self.upstream.clone() }
    }

    /// Its toxics.
    pub(super) fn order(&self) -> Order {
        match &self.body {
            Body::Resting(order) => order.clone(),
            Body::Linked(link) => link.present_order(),
        }
    }

    pub(super) fn link(&self) -> Option<&Link> {
        match &self.body {
            Body::Resting(_) => None,
            Body::Linked(link) => Some(link),
        }
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.link().is_some_and(Link::is_enabled)
    }

    /// Whether it is this very place: any free port is always another one.
    pub(super) fn is_at(&self, place: &Place) -> bool {
        let same = self.listen == place.listen;
        let there = self.link().map_or(same, |link| {
            let address = link.address();
            let named = same && place.listen.ends_with(&format!(":{}", address.port()));
            named || self.shown() == place.listen || place.address == Some(address)
        });
        there && self.upstream == place.upstream
    }

    /// Where it listens, with the port that it got; or where it is to.
    pub(super) fn shown(&self) -> String {
        self.link().map_or_else(|| self.listen.clone(), |link| link.address().to_string())
    }

    pub(super) fn upstream(&self) -> &str {
        &self.upstream
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.link().map(Link::traffic).unwrap_or_default()
    }

    pub(super) fn state(&self, name: &str) -> ProxyState {
        ProxyState {
            name: name.to_owned(),
            listen: self.shown(),
            upstream: self.upstream.clone(),
            enabled: self.is_enabled(),
            toxics: self.toxics(),
        }
    }

    /// As Toxiproxy tells them: those of requests first.
    pub(super) fn toxics(&self) -> Vec<Toxic> {
        let mut toxics = self.order().toxics();
        toxics.sort_by_key(|toxic| toxic.direction == Direction::Replies);
        toxics
    }

    pub(super) fn toxic(&self, name: &str) -> Result<Toxic, Refusal> {
        let mut toxics = self.toxics().into_iter();
        toxics.find(|toxic| toxic.name == name).ok_or(Refusal::NoToxic)
    }

    pub(super) fn add(&mut self, toxic: Toxic) -> Result<(), Refusal> {
        Ok(match &mut self.body {
            Body::Resting(order) => order.add(toxic),
            Body::Linked(link) => link.add(toxic),
        }?)
    }

    pub(super) fn update(&mut self, toxic: Toxic) -> Result<(), Refusal> {
        Ok(match &mut self.body {
            Body::Resting(order) => order.update(toxic),
            Body::Linked(link) => link.update(toxic),
        }?)
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<(), Refusal> {
        let removed = match &mut self.body {
            Body::Resting(order) => order.remove(name),
            Body::Linked(link) => link.remove(name),
        };
        Ok(removed.map(drop)?)
    }

    pub(super) fn clear_toxics(&mut self) {
        match &mut self.body {
            Body::Resting(order) => order.clear(),
            Body::Linked(link) => link.clear_toxics(),
        }
    }

    /// Sees to it that it has these toxics, beside those that it has under other names.
    pub(super) fn apply(&mut self, toxics: &[Toxic]) -> Result<(), Refusal> {
        for toxic in toxics {
            match self.toxic(&toxic.name) {
                Ok(present) if present == *toxic => {}
                Ok(present) if present.direction == toxic.direction => {
                    self.update(toxic.clone())?;
                }
                Ok(present) => {
                    self.remove(&present.name)?;
                    self.add(toxic.clone())?;
                }
                Err(_none) => self.add(toxic.clone())?,
            }
        }
        Ok(())
    }
}
