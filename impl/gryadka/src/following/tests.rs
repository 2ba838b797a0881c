//! A store over acceptors that all refuse its calls alike, and how often it looks for a later epoch.

use super::*;
use crate::registers_only::{Answers, RegistersOnly};
use crate::{AcceptorId, Configuration, Options, ProposerId};
use crate::{Head, Reply, Request, RequestError};
use bytes::Bytes;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tokio::time::Instant;

struct Refusing(Arc<Mutex<RequestError>>);

impl Answers for Refusing {
    async fn answer(
        &self,
        _: Head,
        requests: Vec<(Bytes, Request)>,
    ) -> Vec<Result<Reply, RequestError>> {
        vec![Err(self.0.lock().unwrap().clone()); requests.len()]
    }
}

struct World {
    store: Store<RegistersOnly<Refusing>>,
    refusal: Arc<Mutex<RequestError>>,
    looks: mpsc::UnboundedReceiver<Instant>,
}

/// A store that asks without end, in epoch 1, and finds nothing whenever it looks.
fn world(refusal: RequestError) -> World {
    let refusal = Arc::new(Mutex::new(refusal));
    let ids = [1, 2, 3].map(AcceptorId);
    let configuration = Configuration::majority(ids).unwrap().in_epoch(1);
    let acceptors = ids.map(|id| (id, Arc::new(RegistersOnly(Refusing(refusal.clone()))))).into();
    let store = Store::new(Options::new(ProposerId(1), 7, configuration), acceptors);
    let (looked, looks) = mpsc::unbounded_channel();
    let look = move || {
        looked.send(Instant::now()).unwrap();
        std::future::ready(Look::NothingNew)
    };
    tokio::spawn(follow(store.clone(), look));
    let asking = store.clone();
    tokio::spawn(async move {
        loop {
            drop(asking.read(b"k", Instant::now() + FIRST_RETRY_DELAY).await);
        }
    });
    World { store, refusal, looks }
}

impl World {
    /// Looks until the store looks as rarely as it ever does.
    async fn until_it_looks_rarely(&mut self) {
        let mut last = self.looks.recv().await.unwrap();
        loop {
            let next = self.looks.recv().await.unwrap();
            if next - last >= LONGEST_RETRY_DELAY {
                return;
            }
            last = next;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_acceptor_that_is_not_the_one_meant_is_a_reason_to_look_more_and_more_rarely() {
    let mut world = world(RequestError::NotMember);
    let mut looks = Vec::new();
    while looks.len() < 8 {
        looks.push(world.looks.recv().await.unwrap());
    }
    let waits: Vec<_> = looks.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    assert!(waits.windows(2).all(|pair| pair[0] < pair[1] || pair[1] >= 1000), "{waits:?}");
    assert!(waits[0] < 100 && waits[6] >= 1000, "{waits:?}");
}

/// A wiped acceptor's refusals made all nodes silent for up to a second when it was replaced.
#[tokio::test(start_paused = true)]
async fn a_later_epoch_is_looked_for_at_once_however_rarely_the_store_looks() {
    let mut world = world(RequestError::NotMember);
    world.until_it_looks_rarely().await;
    let mut fenced = world.store.fenced();
    for epoch in [2, 3] {
        *world.refusal.lock().unwrap() = RequestError::Fenced { epoch };
        fenced.changed().await.unwrap();
        let notified = Instant::now();
        let looked = world.looks.recv().await.unwrap();
        assert_eq!(looked - notified, Duration::ZERO, "epoch {epoch}");
        world.until_it_looks_rarely().await;
    }
}
