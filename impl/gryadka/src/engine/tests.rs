//! What holds a key: its changes, or a collection, and never both.

use crate::registers_only::{Answers, RegistersOnly};
use crate::{
    AcceptorId, AcceptorIdentity, AcceptorState, Ballot, ChangeError, CollectionOutcome,
    Configuration, Decision, Head, Options, ProposerId, Reason, Reply, Request, RequestError,
    Store,
};
use bytes::Bytes;
use caspaxos::{Faithful, Member, Stage};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

const CLUSTER: u64 = 7;
const KEY: &[u8] = b"k";

/// An acceptor that notes what it is asked, and answers once the gate is open.
struct Gated {
    member: Mutex<Member<Bytes, Bytes>>,
    gate: watch::Receiver<bool>,
    asked: watch::Sender<Vec<(Stage, Ballot)>>,
}

impl Answers for Gated {
    async fn answer(
        &self,
        Head { identity, epoch }: Head,
        requests: Vec<(Bytes, Request)>,
    ) -> Vec<Result<Reply, RequestError>> {
        self.asked.send_modify(|asked| {
            asked.extend(requests.iter().map(|(_, request)| (request.stage(), request.ballot())));
        });
        self.gate.clone().wait_for(|open| *open).await.unwrap();
        let mut member = self.member.lock().unwrap();
        let handle = |(key, request)| {
            member
                .handle(&Faithful, (identity, epoch), &key, request)
                .map_err(|_| RequestError::NotMember)
        };
        requests.into_iter().map(handle).collect()
    }
}

struct World {
    store: Store<RegistersOnly<Gated>>,
    acceptors: Vec<Arc<RegistersOnly<Gated>>>,
    gate: watch::Sender<bool>,
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// A store of three acceptors, and a tombstone of the key.
async fn world() -> World {
    let (gate, open) = watch::channel(true);
    let ids = [1, 2, 3].map(AcceptorId);
    let acceptors = ids.map(|acceptor| {
        let mut member = Member::default();
        let identity = AcceptorIdentity { cluster: CLUSTER, acceptor };
        member.join(AcceptorState { identity, epoch: 0, promise_floor: 0 }).unwrap();
        let (member, gate) = (Mutex::new(member), open.clone());
        Arc::new(RegistersOnly(Gated { member, gate, asked: watch::channel(Vec::new()).0 }))
    });
    let options = Options::new(ProposerId(1), CLUSTER, Configuration::majority(ids).unwrap());
    let store = Store::new(options, ids.into_iter().zip(acceptors.clone()).collect());
    let world = World { store, acceptors: acceptors.into(), gate };
    world.put(Some("x")).await.unwrap().unwrap();
    world.put(None).await.unwrap().unwrap();
    world
}

impl World {
    fn put(&self, value: Option<&'static str>) -> JoinHandle<Result<(), ChangeError>> {
        let store = self.store.clone();
        tokio::spawn(async move {
            let put = move |_: crate::Present<'_>| Decision::Put(value.map(Bytes::from), ());
            store.change(KEY, put, soon()).await
        })
    }

    fn collect(&self, deadline: Instant) -> JoinHandle<CollectionOutcome> {
        let store = self.store.clone();
        tokio::spawn(async move { store.collect(KEY, deadline).await })
    }

    fn asked(&self) -> usize {
        self.acceptors[0].0.asked.borrow().len()
    }

    /// Waits until the first acceptor has been asked something that it was not asked before.
    async fn asked_more(&self, before: usize) -> (Stage, Ballot) {
        let mut asked = self.acceptors[0].0.asked.subscribe();
        asked.wait_for(|asked| asked.len() > before).await.unwrap()[before]
    }

    fn registers(&self) -> Vec<usize> {
        let count = |it: &Arc<RegistersOnly<Gated>>| it.0.member.lock().unwrap().registers().len();
        self.acceptors.iter().map(count).collect()
    }
}

#[tokio::test]
async fn a_tombstone_is_erased_and_the_key_is_free() {
    let world = world().await;
    assert_eq!(world.collect(soon()).await.unwrap(), CollectionOutcome::Erased);
    assert_eq!(world.registers(), [0, 0, 0]);
    world.put(Some("y")).await.unwrap().unwrap();
    assert_eq!(world.collect(soon()).await.unwrap(), CollectionOutcome::Alive);
}

#[tokio::test]
async fn a_collection_is_not_begun_while_a_change_holds_the_key() {
    let world = world().await;
    world.gate.send_replace(false);
    let before = world.asked();
    let change = world.put(Some("y"));
    world.asked_more(before).await;
    let refused = CollectionOutcome::Unfinished(Reason::Conflict);
    assert_eq!(world.collect(soon()).await.unwrap(), refused);
    assert_eq!(world.asked(), before + 1, "the collection has asked an acceptor");
    world.gate.send_replace(true);
    change.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_change_ends_the_collection_that_holds_its_key() {
    let world = world().await;
    world.gate.send_replace(false);
    let before = world.asked();
    let collection = world.collect(soon());
    let (stage, ballot) = world.asked_more(before).await;
    assert_eq!(stage, Stage::Prepare);
    let change = world.put(Some("y"));
    assert_eq!(collection.await.unwrap(), CollectionOutcome::Unfinished(Reason::Conflict));
    world.gate.send_replace(true);
    change.await.unwrap().unwrap();
    for acceptor in &world.acceptors {
        let asked = acceptor.0.asked.borrow();
        let of_collection = asked.iter().filter(|(_, asked)| *asked == ballot);
        assert!(of_collection.count() <= 1, "the collection went on beside the change: {asked:?}");
    }
    assert_eq!(world.registers(), [1, 1, 1]);
}

#[tokio::test]
async fn changes_and_collections_of_one_key_in_any_order_lose_nothing() {
    let world = world().await;
    for _ in 0..100 {
        let (put, collection) = (world.put(Some("y")), world.collect(soon()));
        let (delete, again) = (world.put(None), world.collect(soon()));
        put.await.unwrap().unwrap();
        delete.await.unwrap().unwrap();
        collection.await.unwrap();
        again.await.unwrap();
    }
    world.put(Some("z")).await.unwrap().unwrap();
    let held = world.store.read(KEY, soon()).await.unwrap().unwrap();
    assert_eq!(held.value, Some(Bytes::from("z")));
}

#[tokio::test]
async fn a_collection_without_answers_ends_at_its_deadline() {
    let world = world().await;
    world.gate.send_replace(false);
    let collection = world.collect(Instant::now() + Duration::from_millis(20));
    assert_eq!(collection.await.unwrap(), CollectionOutcome::Unfinished(Reason::Deadline));
    world.gate.send_replace(true);
    world.put(Some("y")).await.unwrap().unwrap();
}
