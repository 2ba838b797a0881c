//! What latency and loss do to a direction. Randomness is handed in.

use crate::pipeline::{Item, Parcel, Stage};
use crate::{Condition, Direction};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use std::time::Duration;

/// The stages that a condition puts into a direction.
pub(crate) fn stages(
    condition: Condition,
    direction: Direction,
    random: Pcg64Mcg,
) -> Vec<Box<dyn Stage>> {
    match condition {
        Condition::Latency { latency, jitter } if direction == Direction::Replies => {
            vec![Box::new(Delay { latency, jitter, random })]
        }
        Condition::Loss { probability } => vec![Box::new(Loss { probability, random })],
        Condition::Clear
        | Condition::Cut
        | Condition::Blackhole
        | Condition::OneWay(_)
        | Condition::Latency { .. } => Vec::new(),
    }
}

/// Makes everything late, the end of the stream too.
struct Delay {
    latency: Duration,
    jitter: Duration,
    random: Pcg64Mcg,
}

impl Stage for Delay {
    fn pass(&mut self, parcel: Parcel, onward: &mut dyn FnMut(Parcel)) {
        // Uniform over latency ± jitter, written so that nothing goes below zero on the way.
        let spread = self.random.random_range(Duration::ZERO..=2 * self.jitter);
        let delay = (self.latency + spread).saturating_sub(self.jitter);
        onward(Parcel { due: parcel.due + delay, ..parcel });
    }
}

/// Tears the connection where a message is lost.
struct Loss {
    probability: f64,
    random: Pcg64Mcg,
}

impl Stage for Loss {
    fn works_by_message(&self) -> bool {
        true
    }

    fn pass(&mut self, parcel: Parcel, onward: &mut dyn FnMut(Parcel)) {
        let message = matches!(parcel.item, Item::Data { message_ends: true, .. });
        if message && self.random.random_bool(self.probability) {
            onward(Parcel { item: Item::Tear, ..parcel });
        } else {
            onward(parcel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Pipeline;
    use bytes::Bytes;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use std::time::Instant;

    fn random() -> Pcg64Mcg {
        Pcg64Mcg::seed_from_u64(7)
    }

    fn under(condition: Condition, direction: Direction, now: Instant) -> Pipeline {
        let mut pipeline = Pipeline::default();
        pipeline.replace(stages(condition, direction, random()), false, now);
        pipeline
    }

    /// Everything that leaves, and whether the connection is torn after it.
    fn departures(pipeline: &mut Pipeline, now: Instant) -> (Vec<u8>, bool) {
        let mut sent = Vec::new();
        while let Some(item) = pipeline.next(now) {
            let Item::Data { bytes, .. } = item else { return (sent, *item == Item::Tear) };
            let count = bytes.len();
            sent.extend_from_slice(bytes);
            pipeline.left(count);
        }
        (sent, false)
    }

    #[test]
    fn latency_delays_replies_only() {
        let now = Instant::now();
        let latency = Duration::from_millis(20);
        let condition = Condition::Latency { latency, jitter: Duration::ZERO };
        for (direction, expected) in
            [(Direction::Requests, now), (Direction::Replies, now + latency)]
        {
            let mut pipeline = under(condition, direction, now);
            pipeline.push(Bytes::from_static(b"x"), now);
            assert_eq!(pipeline.due(), Some(expected), "{direction}");
        }
    }

    #[test]
    fn a_certain_loss_takes_the_first_message() {
        let now = Instant::now();
        let mut pipeline = under(Condition::Loss { probability: 1.0 }, Direction::Requests, now);
        pipeline.push(Bytes::from_static(b"+one\r\n+two\r\n"), now);
        assert_eq!(departures(&mut pipeline, now), (Vec::new(), true));
    }

    #[test]
    fn a_lost_message_takes_all_after_it_along_and_none_before_it() {
        let now = Instant::now();
        let mut pipeline = under(Condition::Loss { probability: 0.02 }, Direction::Replies, now);
        let messages: Vec<_> = (0..1000).map(|n| format!("+{n:04}\r\n")).collect();
        pipeline.push(Bytes::from(messages.concat()), now);
        let (sent, torn) = departures(&mut pipeline, now);
        assert!(torn);
        assert!(!sent.is_empty());
        assert_eq!(sent.len() % messages[0].len(), 0);
        assert!(messages.concat().as_bytes().starts_with(&sent));
    }

    #[test]
    fn what_is_not_resp_is_never_lost() {
        let now = Instant::now();
        let mut pipeline = under(Condition::Loss { probability: 1.0 }, Direction::Requests, now);
        pipeline.push(Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n"), now);
        assert_eq!(departures(&mut pipeline, now), (b"GET / HTTP/1.1\r\n\r\n".to_vec(), false));
    }

    #[test]
    fn a_loss_put_on_in_the_middle_of_a_message_knows_where_it_ends() {
        let now = Instant::now();
        let mut pipeline = Pipeline::default();
        pipeline.push(Bytes::from_static(b"$9\r\n+not"), now);
        pipeline.replace(
            stages(Condition::Loss { probability: 1.0 }, Direction::Replies, random()),
            false,
            now,
        );
        pipeline.push(Bytes::from_static(b"\r\n+"), now);
        pipeline.push(Bytes::from_static(b"an\r\n"), now);
        assert_eq!(departures(&mut pipeline, now), (b"$9\r\n+not\r\n+".to_vec(), true));
    }

    proptest! {
        #[test]
        fn a_delay_stays_within_its_jitter(latency in 0_u64..50, jitter in 0_u64..80) {
            let now = Instant::now();
            let ms = Duration::from_millis;
            let condition = Condition::Latency { latency: ms(latency), jitter: ms(jitter) };
            let mut stages = stages(condition, Direction::Replies, random());
            for _ in 0..20 {
                let item = Item::Finish;
                let mut late = None;
                stages[0].pass(Parcel { item, due: now }, &mut |p| late = Some(p.due - now));
                let late = late.unwrap();
                prop_assert!(late >= ms(latency.saturating_sub(jitter)));
                prop_assert!(late <= ms(latency + jitter));
            }
        }
    }
}
