use crate::support::{Bench, PING, PONG, RESET, nothing_comes, passes, receive, rest, send};
use harness_proxy::{Direction, Effect};
use std::io::ErrorKind;
use tokio::io::AsyncReadExt;

const CERTAIN: Effect = Effect::Loss { probability: 1.0 };

fn dropped(usable: bool) -> Effect {
    Effect::Drop { probability: 1.0, usable }
}

#[tokio::test]
async fn a_lost_request_never_reaches_the_server() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.redis_pair().await;
    bench.add("loss", Direction::Requests, CERTAIN);
    send(&mut client, PING).await;
    assert_eq!(rest(&mut server).await, RESET);
    assert_eq!(rest(&mut client).await, RESET);
    bench.until(|traffic| traffic.open == 0).await;
    let traffic = bench.link.traffic();
    assert_eq!((traffic.lost, traffic.reset), (1, 1));
}

#[tokio::test]
async fn a_request_whose_reply_is_lost_has_reached_the_server() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.redis_pair().await;
    bench.add("loss", Direction::Replies, CERTAIN);
    send(&mut client, PING).await;
    receive(&mut server, PING).await;
    send(&mut server, PONG).await;
    assert_eq!(rest(&mut client).await, RESET);
    assert_eq!(rest(&mut server).await, RESET);
}

#[tokio::test]
async fn replies_before_the_lost_message_are_delivered() {
    let bench = Bench::open().await;
    bench.add("loss", Direction::Replies, Effect::Loss { probability: 0.05 });
    let mut client = bench.client().await;
    let mut server = bench.accept().await;
    let replies: Vec<_> = (0..1000).map(|n| format!(":{n}\r\n")).collect();
    send(&mut server, replies.concat().as_bytes()).await;
    let mut received = Vec::new();
    let end = client.read_to_end(&mut received).await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let whole = received.iter().filter(|&&byte| byte == b'\n').count();
    assert!(whole > 0);
    assert_eq!(received, replies[..whole].concat().as_bytes());
}

#[tokio::test]
async fn nothing_is_lost_after_the_removal() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.redis_pair().await;
    bench.add("loss", Direction::Requests, CERTAIN);
    bench.link.remove("loss").unwrap();
    send(&mut client, PING).await;
    receive(&mut server, PING).await;
    bench.redis_pair().await;
}

#[tokio::test]
async fn a_stream_that_is_not_resp_passes_untouched() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    for direction in [Direction::Requests, Direction::Replies] {
        bench.add(&format!("loss of {direction}"), direction, CERTAIN);
        bench.add(&format!("drop of {direction}"), direction, dropped(false));
    }
    passes(&mut client, &mut server).await;
    passes(&mut server, &mut client).await;
}

#[tokio::test]
async fn a_dropped_reply_is_missing_and_the_next_one_comes() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.redis_pair().await;
    bench.add("drop", Direction::Replies, dropped(true));
    send(&mut server, b"$4\r\n").await;
    send(&mut server, b"gone\r\n").await;
    bench.until(|traffic| traffic.dropped == 1).await;
    nothing_comes(&mut client).await;
    assert_eq!(bench.link.traffic().dropped, 1);
    bench.link.remove("drop").unwrap();
    send(&mut server, PONG).await;
    receive(&mut client, PONG).await;
    assert_eq!(bench.link.traffic().open, 1);
}

#[tokio::test]
async fn a_dropped_request_is_missing_and_the_next_one_comes() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.redis_pair().await;
    bench.add("drop", Direction::Requests, Effect::Drop { probability: 0.5, usable: true });
    let requests: Vec<_> = (0..200).map(|n| format!("*1\r\n$3\r\n{n:03}\r\n")).collect();
    send(&mut client, requests.concat().as_bytes()).await;
    drop(client);
    let (received, end) = rest(&mut server).await;
    assert_eq!(end, None);
    let left = usize::try_from(bench.link.traffic().dropped).unwrap();
    assert!((50..150).contains(&left), "{left}");
    let received = String::from_utf8(received).unwrap();
    let there: Vec<_> = requests.iter().filter(|one| received.contains(one.as_str())).collect();
    assert_eq!(there.len() + left, 200);
    assert_eq!(received, there.into_iter().cloned().collect::<String>());
}

#[tokio::test]
async fn a_connection_that_is_not_usable_any_more_is_silent_and_reset_at_the_removal() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.redis_pair().await;
    let (mut idle, mut server_of_idle) = bench.redis_pair().await;
    bench.add("drop", Direction::Replies, dropped(false));
    for _ in 0..3 {
        send(&mut client, PING).await;
        receive(&mut server, PING).await;
        send(&mut server, PONG).await;
    }
    bench.until(|traffic| traffic.dropped == 1).await;
    nothing_comes(&mut client).await;
    assert_eq!(bench.link.traffic().dropped, 1);
    bench.link.remove("drop").unwrap();
    assert_eq!(rest(&mut client).await, RESET);
    send(&mut server_of_idle, PONG).await;
    receive(&mut idle, PONG).await;
}

#[tokio::test]
async fn a_connection_in_the_middle_of_a_dropped_message_is_reset_at_the_removal() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.redis_pair().await;
    bench.add("drop", Direction::Replies, dropped(true));
    send(&mut server, b"$4\r\nha").await;
    bench.until(|traffic| traffic.dropped == 1).await;
    bench.link.remove("drop").unwrap();
    assert_eq!(rest(&mut client).await, RESET);
}

#[tokio::test]
async fn a_corrupted_chunk_differs_in_one_bit() {
    let bench = Bench::open().await;
    let (mut client, mut server) = bench.pair().await;
    bench.add("flip", Direction::Replies, Effect::Corrupt { probability: 1.0 });
    for chunks in 1..=5 {
        send(&mut server, &[0; 100]).await;
        let mut received = [0; 100];
        client.read_exact(&mut received).await.unwrap();
        assert_eq!(received.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
        assert_eq!(bench.link.traffic().corrupted, chunks);
    }
    bench.link.remove("flip").unwrap();
    passes(&mut server, &mut client).await;
}
