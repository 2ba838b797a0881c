//! What a link tells its connections.

use crate::{ProxyError, Toxic};
use std::sync::Arc;
use tokio::sync::watch;

/// The present order to all connections of a link. A connection may miss orders that were replaced
/// quickly, but never that the link was disabled: it compares `cuts` with the number it was
/// accepted under.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order {
    /// Of both directions, in the order in which they were added.
    pub(crate) toxics: Arc<[Entry]>,
    /// How often something was changed.
    pub(crate) changes: u64,
    /// How often the link was disabled.
    pub(crate) cuts: u64,
}

impl Order {
    /// Puts a toxic behind those that are there, or changes nothing.
    pub(crate) fn add(&mut self, toxic: Toxic) -> Result<(), ProxyError> {
        toxic.check()?;
        if let Some(taken) = self.toxics.iter().find(|entry| entry.toxic.name == toxic.name) {
            let direction = taken.toxic.direction;
            return Err(ProxyError::NameTaken { name: toxic.name, direction });
        }
        let change = self.changes + 1;
        let mut toxics = self.toxics.to_vec();
        toxics.push(Entry { added: change, updated: change, toxic });
        self.replace(toxics);
        Ok(())
    }

    /// Puts a toxic in the place of the one of its name, or changes nothing.
    pub(crate) fn update(&mut self, toxic: Toxic) -> Result<(), ProxyError> {
        toxic.check()?;
        let mut toxics = self.toxics.to_vec();
        let Some(entry) = toxics.iter_mut().find(|entry| entry.toxic.name == toxic.name) else {
            return Err(ProxyError::NoSuchToxic { name: toxic.name });
        };
        let direction = entry.toxic.direction;
        if direction != toxic.direction {
            return Err(ProxyError::OtherDirection { name: toxic.name, direction });
        }
        entry.updated = self.changes + 1;
        entry.toxic = toxic;
        self.replace(toxics);
        Ok(())
    }

    /// Takes a toxic out.
    pub(crate) fn remove(&mut self, name: &str) -> Result<Toxic, ProxyError> {
        let mut toxics = self.toxics.to_vec();
        let Some(index) = toxics.iter().position(|entry| entry.toxic.name == name) else {
            return Err(ProxyError::NoSuchToxic { name: name.to_owned() });
        };
        let removed = toxics.remove(index);
        self.replace(toxics);
        Ok(removed.toxic)
    }

    /// Takes all toxics out.
    pub(crate) fn clear(&mut self) {
        self.replace(Vec::new());
    }

    /// In the order in which they were added.
    pub(crate) fn toxics(&self) -> Vec<Toxic> {
        self.toxics.iter().map(|entry| entry.toxic.clone()).collect()
    }

    fn replace(&mut self, toxics: Vec<Entry>) {
        self.changes += 1;
        self.toxics = toxics.into();
    }
}

/// A toxic of a link.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The change that added it. A toxic that is removed and added again is another one.
    pub(crate) added: u64,
    /// The change that updated it last.
    pub(crate) updated: u64,
    pub(crate) toxic: Toxic,
}

/// A connection's ear for orders.
#[derive(Debug, Clone)]
pub(crate) struct Orders {
    orders: watch::Receiver<Order>,
    cuts: u64,
}

/// The link was disabled or dropped: the connection must be reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CutOff;

impl Orders {
    /// Listens on behalf of connections that are accepted after the last cut so far.
    pub(crate) fn new(orders: watch::Receiver<Order>) -> Self {
        let cuts = orders.borrow().cuts;
        Self { orders, cuts }
    }

    /// The present order, which counts as heard.
    pub(crate) fn present(&mut self) -> Result<Order, CutOff> {
        let order = self.orders.borrow_and_update().clone();
        if order.cuts == self.cuts { Ok(order) } else { Err(CutOff) }
    }

    /// The present order, if it was not heard yet.
    pub(crate) fn unheard(&mut self) -> Result<Option<Order>, CutOff> {
        match self.orders.has_changed() {
            Ok(false) => Ok(None),
            Ok(true) => self.present().map(Some),
            Err(_closed) => Err(CutOff),
        }
    }

    /// Waits for an order that was not heard yet.
    pub(crate) async fn next(&mut self) -> Result<Order, CutOff> {
        self.orders.changed().await.map_err(|_closed| CutOff)?;
        self.present()
    }

    /// Waits until the order is one that `wanted` accepts.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Order) -> bool) -> Result<(), CutOff> {
        let mut order = self.present()?;
        while !wanted(&order) {
            order = self.next().await?;
        }
        Ok(())
    }

    /// Waits until the link is disabled or dropped.
    pub(crate) async fn cut_off(&mut self) -> CutOff {
        match self.until(|_| false).await {
            Ok(()) => CutOff,
            Err(cut_off) => cut_off,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(changes: u64, cuts: u64) -> Order {
        Order { toxics: Arc::new([]), changes, cuts }
    }

    #[tokio::test]
    async fn a_cut_is_not_missed_when_it_was_over_before_anyone_listened() {
        let sender = watch::Sender::new(order(0, 0));
        let mut before = Orders::new(sender.subscribe());
        sender.send_replace(order(1, 1));
        sender.send_replace(order(2, 1));
        let mut after = Orders::new(sender.subscribe());
        assert_eq!(before.unheard().unwrap_err(), CutOff);
        assert_eq!(before.cut_off().await, CutOff);
        assert_eq!(after.present().unwrap().changes, 2);
    }

    #[tokio::test]
    async fn an_order_is_heard_once() {
        let sender = watch::Sender::new(order(0, 0));
        let mut orders = Orders::new(sender.subscribe());
        assert!(orders.unheard().unwrap().is_none());
        sender.send_replace(order(1, 0));
        assert_eq!(orders.unheard().unwrap().unwrap().changes, 1);
        assert!(orders.unheard().unwrap().is_none());
    }

    #[tokio::test]
    async fn the_end_of_the_link_is_a_cut() {
        let sender = watch::Sender::new(order(0, 0));
        let mut orders = Orders::new(sender.subscribe());
        drop(sender);
        assert_eq!(orders.until(|order| order.changes > 0).await, Err(CutOff));
    }
}
