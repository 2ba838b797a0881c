//! Clients of acceptors that do as the test says.

use super::*;
use crate::registers_only::{Answers, RegistersOnly};
use crate::{AcceptorId, AcceptorIdentity};
use caspaxos::{Ballot, ProposerId};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;
use tokio::sync::oneshot;

/// A call under way: its size and epoch, and how it is answered.
struct Call {
    size: usize,
    epoch: u64,
    answer: oneshot::Sender<Result<Reply, RequestError>>,
}

struct Remote {
    calls: mpsc::UnboundedSender<Call>,
    gone: Arc<AtomicBool>,
    /// Calls under this epoch panic.
    panics_in: u64,
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

impl Answers for Remote {
    async fn answer(
        &self,
        head: Head,
        requests: Vec<(Bytes, Request)>,
    ) -> Vec<Result<Reply, RequestError>> {
        assert_ne!(head.epoch, self.panics_in, "the acceptor panics, as the test says");
        let (answer, answered) = oneshot::channel();
        let size = requests.len();
        self.calls.send(Call { size, epoch: head.epoch, answer }).unwrap();
        let result = answered.await.unwrap_or(Err(RequestError::NotMember));
        vec![result; size]
    }
}

/// Passes results on, and panics at those of `PANICS`.
struct Results(mpsc::UnboundedSender<Completed<usize>>);

/// The epoch of calls that panic, and what makes the handler panic.
const PANICS: (u64, RequestError) = (99, RequestError::Fenced { epoch: 99 });

impl ReplyHandler<usize> for Results {
    fn take(&self, results: Vec<Completed<usize>>) {
        for result in results {
            assert_ne!(result.result, Err(PANICS.1), "the handler panics, as the test says");
            self.0.send(result).unwrap();
        }
    }
}

struct World {
    client: Option<AcceptorClient<usize>>,
    calls: mpsc::UnboundedReceiver<Call>,
    results: mpsc::UnboundedReceiver<Completed<usize>>,
    gone: Arc<AtomicBool>,
    sent: usize,
}

fn world() -> World {
    world_of(&Handle::current())
}

fn world_of(runtime: &Handle) -> World {
    let (calls_in, calls) = mpsc::unbounded_channel();
    let (results_in, results) = mpsc::unbounded_channel();
    let gone = Arc::new(AtomicBool::new(false));
    let acceptor = Arc::new(RegistersOnly(Remote {
        calls: calls_in,
        gone: gone.clone(),
        panics_in: PANICS.0,
    }));
    let handler = Arc::new(Results(results_in));
    let client = Some(AcceptorClient::start(runtime, &acceptor, &handler));
    World { client, calls, results, gone, sent: 0 }
}

impl World {
    fn send(&mut self, epoch: u64, value: usize) -> Result<(), RequestError> {
        let identity = AcceptorIdentity { cluster: 7, acceptor: AcceptorId(1) };
        let ballot = Ballot { counter: 1, proposer: ProposerId(1) };
        let versioned = crate::VersionedValue {
            version: 1,
            value: Some(Bytes::from(vec![0; value])),
            lineage: caspaxos::Lineage::default(),
        };
        let request = Request::Accept { ballot, value: Some(versioned), promise: ballot };
        let client = self.client.as_ref().unwrap();
        let taken = client.send(Head { identity, epoch }, Bytes::from("k"), request, self.sent);
        self.sent += usize::from(taken.is_ok());
        taken
    }

    fn send_many(&mut self, epoch: u64, many: usize) {
        for _ in 0..many {
            self.send(epoch, 1).unwrap();
        }
    }

    async fn call(&mut self) -> Call {
        self.calls.recv().await.unwrap()
    }

    /// As many calls as are under way before requests are gathered, of one request each.
    async fn usual_calls(&mut self) -> Vec<Call> {
        let mut calls = Vec::new();
        for _ in 0..USUAL_CALLS {
            self.send(1, 1).unwrap();
            calls.push(self.call().await);
            assert_eq!(calls.last().unwrap().size, 1, "a request leaves at once");
        }
        calls
    }

    async fn result(&mut self) -> Completed<usize> {
        let result = tokio::time::timeout(2 * CALL_TIMEOUT, self.results.recv()).await;
        result.expect("the handler gets the result of every request").unwrap()
    }

    /// The next results: their tags are in order.
    async fn expect(&mut self, tags: std::ops::Range<usize>, result: Result<Reply, RequestError>) {
        for tag in tags {
            assert_eq!(self.result().await, Completed { tag, result: result.clone() });
        }
    }
}

fn no_connection() -> Result<Reply, RequestError> {
    Err(RequestError::NotConnected(String::from("gone")))
}

#[tokio::test(start_paused = true)]
async fn what_waits_while_the_usual_calls_are_under_way_shares_the_next_one() {
    let mut world = world();
    let mut under_way = world.usual_calls().await;
    world.send_many(1, 5);
    tokio::task::yield_now().await;
    assert!(world.calls.try_recv().is_err(), "it is gathered first");
    under_way.remove(0).answer.send(Ok(Reply::Accepted)).unwrap();
    world.expect(0..1, Ok(Reply::Accepted)).await;
    assert_eq!(world.call().await.size, 5);
}

#[tokio::test(start_paused = true)]
async fn while_calls_take_long_a_further_one_starts_each_time_requests_were_gathered() {
    let mut world = world();
    let began = Instant::now();
    let mut under_way = world.usual_calls().await;
    for further in 1..=40 {
        world.send_many(1, 5);
        let call = tokio::time::timeout(CALL_TIMEOUT / 2, world.call()).await;
        under_way.push(call.expect("requests wait for the calls under way"));
        assert_eq!(under_way.last().unwrap().size, 5);
        assert_eq!(began.elapsed(), GATHER_TIME * further);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_after_the_gathering_leaves_at_once() {
    let mut world = world();
    let _under_way = world.usual_calls().await;
    tokio::time::sleep(GATHER_TIME * 3).await;
    let before = Instant::now();
    world.send_many(1, 1);
    let call = tokio::time::timeout(CALL_TIMEOUT / 2, world.call()).await;
    assert_eq!(call.expect("requests wait for the calls under way").size, 1);
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn calls_and_bytes_under_way_have_a_limit() {
    let mut world = world();
    let mut under_way = Vec::new();
    for _ in 0..MOST_CALLS {
        world.send(1, 1).unwrap();
        under_way.push(world.call().await);
    }
    world.send(1, 1).unwrap();
    assert!(tokio::time::timeout(CALL_TIMEOUT / 2, world.call()).await.is_err());
    under_way.remove(0).answer.send(Ok(Reply::Accepted)).unwrap();
    under_way.push(world.call().await);
    for call in under_way {
        call.answer.send(Ok(Reply::Accepted)).unwrap();
    }
    world.expect(0..MOST_CALLS + 1, Ok(Reply::Accepted)).await;

    world.send(1, FLIGHT_LIMIT.bytes).unwrap();
    let large = world.call().await;
    world.send(1, 1).unwrap();
    let small = world.call().await;
    world.send(1, 1).unwrap();
    assert!(tokio::time::timeout(CALL_TIMEOUT / 2, world.call()).await.is_err());
    drop((large, small));
    assert_eq!(world.call().await.size, 1);
}

#[tokio::test]
async fn a_call_has_one_epoch_and_a_limit() {
    let mut world = world();
    world.send_many(1, 3);
    world.send_many(2, CALL_LIMIT.requests + 4);
    world.send(2, CALL_LIMIT.bytes).unwrap();
    world.send(2, 2 * CALL_LIMIT.bytes).unwrap();
    let mut calls = Vec::new();
    for _ in 0..5 {
        let call = world.call().await;
        calls.push((call.epoch, call.size));
        call.answer.send(Ok(Reply::Accepted)).unwrap();
    }
    assert_eq!(calls, [(1, 3), (2, CALL_LIMIT.requests), (2, 4), (2, 1), (2, 1)]);
}

#[tokio::test(start_paused = true)]
async fn when_the_connection_breaks_what_was_not_sent_fails_as_not_connected() {
    let mut world = world();
    let mut under_way = world.usual_calls().await;
    world.send_many(1, 3);
    let in_doubt = Err(RequestError::NoAnswer(String::from("gone")));
    under_way.remove(0).answer.send(in_doubt.clone()).unwrap();
    world.expect(0..1, in_doubt).await;
    world.expect(USUAL_CALLS..USUAL_CALLS + 3, no_connection()).await;
    // And the client goes on.
    world.send(1, 1).unwrap();
    world.call().await.answer.send(no_connection()).unwrap();
    world.expect(USUAL_CALLS + 3..USUAL_CALLS + 4, no_connection()).await;
}

#[tokio::test]
async fn a_refusal_concerns_no_other_call() {
    let mut world = world();
    world.send_many(1, CALL_LIMIT.requests + 1);
    world.call().await.answer.send(Err(RequestError::NotMember)).unwrap();
    world.call().await.answer.send(Ok(Reply::Accepted)).unwrap();
    let mut accepted = 0;
    for _ in 0..CALL_LIMIT.requests + 1 {
        let result = world.result().await.result;
        accepted += usize::from(result == Ok(Reply::Accepted));
    }
    assert_eq!(accepted, 1);
}

#[tokio::test]
async fn too_many_are_refused_at_once() {
    let mut world = world();
    world.send_many(1, BACKLOG_LIMIT.requests);
    assert!(matches!(world.send(1, 1), Err(RequestError::NotConnected(_))));
    world.call().await.answer.send(Ok(Reply::Accepted)).unwrap();
    world.expect(0..CALL_LIMIT.requests, Ok(Reply::Accepted)).await;
    world.send_many(1, CALL_LIMIT.requests);
}

#[tokio::test]
async fn too_much_is_refused_but_not_a_single_large_one() {
    let mut world = world();
    world.send(1, BACKLOG_LIMIT.bytes).unwrap();
    assert!(matches!(world.send(1, 1), Err(RequestError::NotConnected(_))));
    assert_eq!(world.call().await.size, 1);
    world.send(1, 1).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_ends_in_doubt() {
    let mut world = world();
    world.send(1, 1).unwrap();
    let call = world.call().await;
    let result = world.result().await.result;
    assert!(result.is_err_and(|error| error.may_have_executed()));
    assert!(call.answer.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_ends_in_doubt_and_the_client_goes_on() {
    let mut world = world();
    for _ in 0..=USUAL_CALLS {
        world.send(PANICS.0, 1).unwrap();
        let result = world.result().await.result;
        assert!(result.is_err_and(|error| error.may_have_executed()));
    }
    world.send(1, 1).unwrap();
    world.call().await.answer.send(Ok(Reply::Accepted)).unwrap();
    world.expect(USUAL_CALLS + 1..USUAL_CALLS + 2, Ok(Reply::Accepted)).await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_gets_the_results_that_come_later() {
    let mut world = world();
    for _ in 0..=USUAL_CALLS {
        world.send(1, 1).unwrap();
        world.call().await.answer.send(Err(PANICS.1)).unwrap();
    }
    world.send(1, 1).unwrap();
    world.call().await.answer.send(Ok(Reply::Accepted)).unwrap();
    world.expect(USUAL_CALLS + 1..USUAL_CALLS + 2, Ok(Reply::Accepted)).await;
}

#[test]
fn a_client_is_started_and_used_outside_of_the_runtime_that_carries_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut world = world_of(runtime.handle());
    world.send(1, 1).unwrap();
    runtime.block_on(async {
        world.call().await.answer.send(Ok(Reply::Accepted)).unwrap();
        world.expect(0..1, Ok(Reply::Accepted)).await;
    });
}

#[tokio::test]
async fn a_client_that_is_dropped_carries_what_it_took_and_then_drops_the_acceptor() {
    let mut world = world();
    world.send_many(1, CALL_LIMIT.requests + 1);
    world.client = None;
    for _ in 0..2 {
        world.call().await.answer.send(Ok(Reply::Accepted)).unwrap();
    }
    let mut results = 0;
    while world.results.recv().await.is_some() {
        results += 1;
    }
    assert_eq!(results, CALL_LIMIT.requests + 1);
    assert!(world.gone.load(Ordering::Relaxed), "the acceptor is dropped");
}
