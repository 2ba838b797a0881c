//! What becomes of a store whose acceptors name the highest numbers there are, or higher ones.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use caspaxos::Ballots;
use gryadka::{
    Acceptor, AcceptorId, AcceptorIdentity, AcceptorState, Ballot, Bytes, ChangeError,
    Configuration, Cursor, Decision, Head, Lineage, Options, Page, Present, ProposerId, Reason,
    Reply, Request, RequestError, Status, Store, VersionedValue,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Answers a prepare with this, and accepts everything.
struct Mock(fn(Ballot) -> Reply);

impl Acceptor for Mock {
    async fn call(
        &self,
        _: Head,
        requests: Vec<(Bytes, Request)>,
    ) -> Vec<Result<Reply, RequestError>> {
        let answer = |(_, request)| {
            Ok(match request {
                Request::Prepare { ballot } => (self.0)(ballot),
                Request::Accept { .. } => Reply::Accepted,
                Request::Read => Reply::Current { accepted: Ballot::ZERO, value: None },
                Request::Collect { .. } => Reply::Erased(false),
            })
        };
        requests.into_iter().map(answer).collect()
    }

    async fn status(&self) -> Result<Status, RequestError> {
        Ok(Status::default())
    }

    async fn admit(&self, _: AcceptorState, _: Bytes, _: u64) -> Result<(), RequestError> {
        Ok(())
    }

    async fn set_epoch(&self, _: AcceptorIdentity, _: u64, _: Bytes) -> Result<(), RequestError> {
        Ok(())
    }

    async fn retire(&self, _: AcceptorIdentity, _: u64) -> Result<(), RequestError> {
        Ok(())
    }

    async fn erase(&self, _: Vec<Bytes>) -> Result<u64, RequestError> {
        Ok(0)
    }

    async fn finish_wipe(&self, _: u64) -> Result<(), RequestError> {
        Ok(())
    }

    async fn list(&self, _: Cursor) -> Result<Page, RequestError> {
        Ok(Page { keys: Vec::new(), next: None })
    }

    async fn tombstones(&self, _: Cursor) -> Result<Page, RequestError> {
        Ok(Page { keys: Vec::new(), next: None })
    }
}

/// What comes of a change over three such acceptors.
async fn change(prepared: fn(Ballot) -> Reply) -> Result<(), ChangeError> {
    let members = || (1..=3).map(AcceptorId);
    let acceptors: BTreeMap<_, _> = members().map(|id| (id, Arc::new(Mock(prepared)))).collect();
    let configuration = Configuration::majority(members()).unwrap();
    let store = Store::new(Options::new(ProposerId(7), 1, configuration), acceptors);
    let put = |_: Present<'_>| Decision::Put(Some(Bytes::from("x")), ());
    store.change(b"key", put, Instant::now() + Duration::from_secs(30)).await
}

fn conflict(counter: u64) -> Reply {
    let ballot = Ballot { counter, proposer: ProposerId(9) };
    Reply::Conflict(Ballots { promised: ballot, accepted: Ballot::ZERO })
}

fn holding(version: u64) -> Reply {
    let accepted = Ballot { counter: 1, proposer: ProposerId(9) };
    let lineage = Lineage::since(Ballot::ZERO);
    let value = Some(VersionedValue { version, value: Some(Bytes::from("old")), lineage });
    Reply::Promise { promise_floor: 0, accepted, value }
}

#[tokio::test]
async fn a_ballot_counter_at_its_end_is_an_error() {
    let used_up = Err(ChangeError::NotApplied(Reason::CounterUsedUp));
    assert_eq!(change(|_| conflict((1 << 53) - 1)).await, used_up);
    assert_eq!(change(|_| conflict(1 << 60)).await, used_up);
    assert_eq!(change(|_| conflict(u64::MAX)).await, used_up);
}

#[tokio::test]
async fn a_version_at_its_end_is_an_error() {
    let used_up = Err(ChangeError::NotApplied(Reason::CounterUsedUp));
    assert_eq!(change(|_| holding((1 << 53) - 2)).await, Ok(()));
    assert_eq!(change(|_| holding((1 << 53) - 1)).await, used_up);
    assert_eq!(change(|_| holding(1 << 60)).await, used_up);
}
