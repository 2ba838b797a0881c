//! What leaves a pipeline, and when, by a clock of the test's own.

use super::*;
use crate::{Direction, Effect, Toxic};
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn chance() -> Chance {
    Chance::new(7, 0, Direction::Replies)
}

fn entry(added: u64, effect: Effect) -> Entry {
    let name = added.to_string();
    let toxic = Toxic { name, direction: Direction::Replies, toxicity: 1.0, effect };
    Entry { added, updated: added, toxic }
}

fn under(effects: &[Effect], now: Instant) -> Pipeline {
    let mut pipeline = Pipeline::default();
    let entries: Vec<_> = (1..).zip(effects).map(|(added, &one)| entry(added, one)).collect();
    pipeline.change(entries.iter(), chance(), now).unwrap();
    pipeline
}

/// Everything that has left by `now`, and the end if it has too.
fn departures(pipeline: &mut Pipeline, now: Instant) -> (Vec<u8>, Option<Item>) {
    let mut sent = Vec::new();
    pipeline.advance(now);
    while let Some(item) = pipeline.next() {
        let Item::Data(bytes) = item else { return (sent, Some(item.clone())) };
        let count = bytes.len();
        sent.extend_from_slice(bytes);
        pipeline.left(count);
        pipeline.advance(now);
    }
    (sent, None)
}

fn left(bytes: &[u8], end: Option<Item>) -> (Vec<u8>, Option<Item>) {
    (bytes.to_vec(), end)
}

fn latency(ms: u32) -> Effect {
    Effect::Latency { latency: ms * MS, jitter: Duration::ZERO }
}

#[test]
fn delays_of_stages_add_up_and_later_looks_do_not() {
    let start = Instant::now();
    let mut pipeline = under(&[latency(3), latency(4)], start);
    pipeline.push(b"x", start);
    // Looked at late, after the first delay: the second one began when the first was over.
    pipeline.advance(start + 6 * MS);
    assert_eq!(pipeline.due(), Some(start + 7 * MS));
    assert_eq!(departures(&mut pipeline, start + 7 * MS), left(b"x", None));
}

#[test]
fn a_bandwidth_lets_so_many_bytes_a_millisecond_go() {
    let start = Instant::now();
    let mut pipeline = under(&[Effect::Bandwidth { rate: 3 }], start);
    pipeline.push(&[7; 100], start);
    pipeline.end(Item::Finish, start);
    assert_eq!(departures(&mut pipeline, start + 9 * MS).0.len(), 0);
    assert_eq!(departures(&mut pipeline, start + 10 * MS).0.len(), 30);
    assert_eq!(departures(&mut pipeline, start + 33 * MS).0.len(), 60);
    assert_eq!(departures(&mut pipeline, start + 34 * MS), left(&[7; 10], Some(Item::Finish)));
}

#[test]
fn a_bandwidth_that_could_not_pass_on_does_not_make_up_for_all_of_it() {
    let start = Instant::now();
    let mut pipeline = under(&[Effect::Bandwidth { rate: 1 }], start);
    pipeline.push(&[7; 5000], start);
    let late = departures(&mut pipeline, start + 1000 * MS).0.len();
    assert!(late <= 40, "{late}");
}

#[test]
fn pieces_of_a_slicer_are_of_its_sizes() {
    let start = Instant::now();
    let slicer = Effect::Slicer { average_size: 10, size_variation: 5, delay: MS };
    let mut pipeline = under(&[slicer], start);
    pipeline.push(&[7; 300], start);
    let mut sizes = Vec::new();
    for ms in 0.. {
        match departures(&mut pipeline, start + ms * MS).0.len() {
            0 => break,
            size => sizes.push(size),
        }
    }
    assert_eq!(sizes.iter().sum::<usize>(), 300);
    sizes.pop();
    assert!(sizes.iter().all(|size| (5..=15).contains(size)), "{sizes:?}");
    assert!(sizes.iter().min() < sizes.iter().max());
}

#[test]
fn a_piece_has_at_least_one_byte_however_far_sizes_may_lie_from_the_average() {
    for (average_size, size_variation) in [(2, 2), (0, 3), (1, 1000), (0, usize::MAX)] {
        let start = Instant::now();
        let slicer = Effect::Slicer { average_size, size_variation, delay: MS };
        let mut pipeline = under(&[slicer], start);
        pipeline.push(&[7; 100], start);
        let mut left = 100;
        for ms in 0..100 {
            let size = departures(&mut pipeline, start + ms * MS).0.len();
            assert!(size >= 1 && size <= average_size.saturating_add(size_variation), "{size}");
            left -= size;
            if left == 0 {
                break;
            }
        }
        assert_eq!(left, 0);
    }
}

/// How late each of a row of chunks is, on the link's `number`-th connection.
fn delays(number: u64) -> Vec<Duration> {
    let (mut pipeline, mut now) = (Pipeline::default(), Instant::now());
    let jittery = [entry(1, Effect::Latency { latency: 40 * MS, jitter: 40 * MS })];
    let chance = Chance::new(7, number, Direction::Replies);
    pipeline.change(jittery.iter(), chance, now).unwrap();
    let delay = |_| {
        pipeline.push(b"x", now);
        let due = pipeline.due().unwrap();
        let delay = due - std::mem::replace(&mut now, due);
        departures(&mut pipeline, now);
        delay
    };
    (0..20).map(delay).collect()
}

#[test]
fn the_same_seed_and_connection_draw_the_same_delays() {
    assert_eq!(delays(3), delays(3));
    assert_ne!(delays(3), delays(4));
}

#[test]
fn a_loss_put_on_in_the_middle_of_a_message_begins_with_the_next() {
    let now = Instant::now();
    let mut pipeline = Pipeline::default();
    pipeline.push(b"$9\r\n+not", now);
    let loss = [entry(1, Effect::Loss { probability: 1.0 })];
    pipeline.change(loss.iter(), chance(), now).unwrap();
    pipeline.push(b"\r\n+", now);
    pipeline.push(b"an\r\n+end\r\n", now);
    let expected = left(b"$9\r\n+not\r\n+an\r\n", Some(Item::Tear));
    assert_eq!(departures(&mut pipeline, now), expected);
}

#[test]
fn a_drop_behind_a_toxic_that_holds_knows_where_messages_begin() {
    let now = Instant::now();
    let mut pipeline = under(&[Effect::Blackhole], now);
    pipeline.push(b"+first\r\n+sec", now);
    let usable = Effect::Drop { probability: 1.0, usable: true };
    let both = [entry(1, Effect::Blackhole), entry(2, usable)];
    pipeline.change(both.iter(), chance(), now).unwrap();
    pipeline.change(both[1..].iter(), chance(), now).unwrap();
    pipeline.push(b"ond\r\n", now);
    assert_eq!(departures(&mut pipeline, now), left(b"", None));
    assert_eq!(pipeline.tally().dropped, 2);
    pipeline.change([].iter(), chance(), now).unwrap();
    pipeline.push(b"+third\r\n", now);
    assert_eq!(departures(&mut pipeline, now), left(b"+third\r\n", None));
}

#[test]
fn a_timeout_ends_in_time_whatever_is_held() {
    let start = Instant::now();
    let timeout = Effect::Timeout { timeout: 5 * MS };
    let reset = Effect::ResetPeer { timeout: 3 * MS };
    let mut pipeline = under(&[Effect::Blackhole, timeout], start);
    pipeline.push(b"held", start);
    assert_eq!(pipeline.deadline(), Some((start + 5 * MS, Ending::Closed)));
    assert_eq!(pipeline.held(), 4);
    assert_eq!(pipeline.change([].iter(), chance(), start), Err(Ending::Closed));
    let pipeline = under(&[timeout, reset], start);
    assert_eq!(pipeline.deadline(), Some((start + 3 * MS, Ending::Reset)));
}

#[test]
fn a_delay_of_100_ms_has_room_for_100_mb_a_second() {
    let start = Instant::now();
    let mut pipeline = under(&[latency(100)], start);
    let chunk = vec![7; 10_000];
    let mut arrived = 0;
    // 10 kB every 100 µs.
    for step in 0..3000 {
        let now = start + step * MS / 10;
        assert!(pipeline.room() >= chunk.len(), "after {} ms", step / 10);
        pipeline.push(&chunk, now);
        arrived += departures(&mut pipeline, now).0.len();
    }
    assert_eq!(arrived, 2000 * chunk.len());
}

#[test]
fn there_is_no_room_when_full_or_ended() {
    let now = Instant::now();
    let mut pipeline = under(&[Effect::Blackhole], now);
    pipeline.push(&vec![0; HELD_MAX - 1], now);
    assert_eq!(pipeline.room(), 1);
    pipeline.push(b"x", now);
    assert_eq!(pipeline.room(), 0);
    let mut pipeline = under(&[Effect::Timeout { timeout: Duration::ZERO }], now);
    pipeline.end(Item::Finish, now);
    assert_eq!(pipeline.room(), 0);
}

/// Effects that lose and change nothing.
fn harmless() -> impl Strategy<Value = Effect> {
    prop_oneof![
        Just(Effect::Noop),
        Just(Effect::Blackhole),
        (0..20_u32, 0..20_u32).prop_map(|(latency, jitter)| Effect::Latency {
            latency: latency * MS,
            jitter: jitter * MS,
        }),
        (0..30_u64).prop_map(|rate| Effect::Bandwidth { rate }),
        (0..20_u32).prop_map(|ms| Effect::SlowClose { delay: ms * MS }),
        (1..9_usize, 0..3_u32).prop_map(|(average_size, ms)| Effect::Slicer {
            average_size,
            size_variation: 2 * average_size - 1,
            delay: ms * MS,
        }),
        Just(Effect::Loss { probability: 0.0 }),
        Just(Effect::Drop { probability: 0.0, usable: false }),
        Just(Effect::LimitData { bytes: u64::MAX }),
    ]
}

#[derive(Debug, Clone)]
enum Deed {
    Push(Vec<u8>),
    Add(Effect),
    Remove(prop::sample::Index),
    Update(prop::sample::Index, Effect),
    Wait(u32),
}

fn deed() -> impl Strategy<Value = Deed> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        vec(any::<u8>(), 1..40).prop_map(Deed::Push),
        harmless().prop_map(Deed::Add),
        index().prop_map(Deed::Remove),
        (index(), harmless()).prop_map(|(at, effect)| Deed::Update(at, effect)),
        (0..10_u32).prop_map(Deed::Wait),
    ]
}

proptest! {
    #[test]
    fn no_change_of_harmless_toxics_loses_doubles_or_swaps_a_byte(deeds in vec(deed(), 0..60)) {
        let (mut pipeline, mut now) = (Pipeline::default(), Instant::now());
        let (mut toxics, mut changes) = (Vec::<Entry>::new(), 0);
        let (mut sent, mut received) = (Vec::new(), Vec::new());
        for deed in deeds {
            changes += 1;
            match deed {
                Deed::Push(bytes) => {
                    pipeline.push(&bytes, now);
                    sent.extend(bytes);
                }
                Deed::Add(effect) => toxics.push(entry(changes, effect)),
                Deed::Remove(at) if !toxics.is_empty() => {
                    toxics.remove(at.index(toxics.len()));
                }
                Deed::Update(at, effect) if !toxics.is_empty() => {
                    let at = at.index(toxics.len());
                    toxics[at].toxic.effect = effect;
                    toxics[at].updated = changes;
                }
                Deed::Wait(ms) => now += ms * MS,
                Deed::Remove(_) | Deed::Update(..) => {}
            }
            pipeline.change(toxics.iter(), chance(), now).unwrap();
            let (bytes, end) = departures(&mut pipeline, now);
            prop_assert_eq!(end, None);
            received.extend(bytes);
            prop_assert_eq!(sent.len() - received.len(), pipeline.held());
        }
        pipeline.end(Item::Finish, now);
        pipeline.change([].iter(), chance(), now).unwrap();
        let (bytes, end) = departures(&mut pipeline, now);
        received.extend(bytes);
        prop_assert_eq!(end, Some(Item::Finish));
        prop_assert_eq!(received, sent);
    }

    #[test]
    fn a_delay_stays_within_its_jitter(latency in 0_u32..50, jitter in 0_u32..80) {
        let now = Instant::now();
        let mut pipeline = under(&[Effect::Latency { latency: latency * MS, jitter: jitter * MS }], now);
        pipeline.push(b"x", now);
        let late = pipeline.due().unwrap() - now;
        prop_assert!(late >= latency.saturating_sub(jitter) * MS);
        prop_assert!(late <= (latency + jitter) * MS);
    }
}
