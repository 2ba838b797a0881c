use crate::support::{Bench, nothing_comes, passes, receive, send, toxic};
use harness_proxy::{DELAY_MAX, Direction, Effect, NAME_MAX, ProxyError};
use std::time::Duration;

const HELD: Effect = Effect::Blackhole;

fn refusal(result: Result<(), ProxyError>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn names_are_unique_across_both_directions() {
    let bench = Bench::open().await;
    bench.add("one", Direction::Requests, Effect::Noop);
    for direction in [Direction::Requests, Direction::Replies] {
        assert_eq!(
            refusal(bench.link.add(toxic("one", direction, HELD))),
            "the link has a toxic one already, for its requests: names are unique"
        );
    }
    assert_eq!(bench.link.toxics(), [toxic("one", Direction::Requests, Effect::Noop)]);
}

#[tokio::test]
async fn a_toxic_that_is_not_there_is_neither_updated_nor_removed() {
    let bench = Bench::open().await;
    assert_eq!(
        refusal(bench.link.update(toxic("one", Direction::Replies, HELD))),
        "the link has no toxic one"
    );
    assert_eq!(bench.link.remove("one").unwrap_err().to_string(), "the link has no toxic one");
    bench.add("one", Direction::Requests, Effect::Noop);
    assert_eq!(
        refusal(bench.link.update(toxic("one", Direction::Replies, HELD))),
        "toxic one is in the requests: to move it, remove it and add it again"
    );
    assert_eq!(bench.link.remove("one").unwrap(), toxic("one", Direction::Requests, Effect::Noop));
}

#[tokio::test]
async fn what_is_out_of_range_is_refused_and_changes_nothing() {
    let bench = Bench::open().await;
    let good = toxic("one", Direction::Requests, Effect::Noop);
    bench.link.add(good.clone()).unwrap();
    for name in [String::new(), "x".repeat(NAME_MAX + 1)] {
        let refused = bench.link.add(toxic(&name, Direction::Replies, HELD));
        assert!(matches!(refused, Err(ProxyError::Name { .. })), "{refused:?}");
    }
    let mut odd = good.clone();
    odd.toxicity = 1.5;
    assert_eq!(
        refusal(bench.link.update(odd)),
        "toxic one: a toxicity of 1.5 is not possible: it lies between 0 and 1"
    );
    let long = Effect::Timeout { timeout: DELAY_MAX + Duration::from_secs(1) };
    assert_eq!(
        refusal(bench.link.update(toxic("one", Direction::Requests, long))),
        "toxic one: a timeout of 3601s is too long: at most 3600s"
    );
    assert_eq!(bench.link.toxics(), [good]);
}

#[tokio::test]
async fn an_update_keeps_the_order() {
    let bench = Bench::open().await;
    for name in ["one", "two", "three"] {
        bench.add(name, Direction::Replies, Effect::Noop);
    }
    bench.link.update(toxic("two", Direction::Replies, HELD)).unwrap();
    let toxics = bench.link.toxics();
    assert_eq!(
        toxics.iter().map(|toxic| &toxic.name[..]).collect::<Vec<_>>(),
        ["one", "two", "three"]
    );
    assert_eq!(toxics[1].effect, HELD);
}

#[tokio::test]
async fn an_update_lets_go_what_only_the_old_effect_held() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    let latency = |latency| {
        let effect = Effect::Latency { latency, jitter: Duration::ZERO };
        toxic("one", Direction::Replies, effect)
    };
    bench.link.add(latency(DELAY_MAX)).unwrap();
    send(&mut server, b"answer").await;
    bench.until(|traffic| traffic.held == 6).await;
    bench.link.update(toxic("one", Direction::Replies, HELD)).unwrap();
    nothing_comes(&mut client).await;
    bench.link.update(latency(DELAY_MAX / 2)).unwrap();
    receive(&mut client, b"answer").await;
}

#[tokio::test]
async fn a_limit_goes_on_counting_when_it_is_updated() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    let limit = |bytes| toxic("limit", Direction::Replies, Effect::LimitData { bytes });
    bench.link.add(limit(1000)).unwrap();
    passes(&mut server, &mut client).await;
    bench.link.update(limit(7)).unwrap();
    send(&mut server, b"hello").await;
    let (rest, end) = crate::support::rest(&mut client).await;
    assert_eq!((&rest[..], end), (&b"he"[..], None));
}

#[tokio::test]
async fn overlapping_toxics_hold_each_for_itself() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.add("one", Direction::Replies, HELD);
    bench.add("two", Direction::Replies, HELD);
    bench.add("other", Direction::Requests, HELD);
    send(&mut server, b"answer").await;
    bench.link.remove("two").unwrap();
    nothing_comes(&mut client).await;
    bench.add("three", Direction::Replies, HELD);
    bench.link.remove("one").unwrap();
    nothing_comes(&mut client).await;
    bench.link.remove("three").unwrap();
    receive(&mut client, b"answer").await;
    passes(&mut server, &mut client).await;
    send(&mut client, b"ask").await;
    nothing_comes(&mut server).await;
    bench.link.remove("other").unwrap();
    receive(&mut server, b"ask").await;
}

#[tokio::test]
async fn the_removal_of_one_toxic_leaves_the_wait_of_another_alone() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    let hour = Effect::Latency { latency: DELAY_MAX, jitter: Duration::ZERO };
    bench.add("late", Direction::Replies, hour);
    bench.add("noop", Direction::Replies, Effect::Noop);
    send(&mut server, b"answer").await;
    bench.link.remove("noop").unwrap();
    bench.add("loss", Direction::Replies, Effect::Loss { probability: 1.0 });
    nothing_comes(&mut client).await;
    bench.link.clear();
    receive(&mut client, b"answer").await;
}
