//! Which points of very many are drawn: enough to see the shape, and every extreme.

use std::collections::BTreeSet;

/// When a call was made, and how long it took, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LatencyPoint {
    pub(crate) time: u64,
    pub(crate) latency: u64,
}

/// Points that are kept of every stretch: the fastest, the slowest, and two for the density.
const PER_STRETCH: usize = 4;

/// All points when there are at most `limit` of them, else no more than that many, in order of time.
///
/// The points are cut into stretches of equal number. Of each the fastest, the slowest, the first
/// and the middle one are kept: the first two keep every extreme, and the last two, which are chosen
/// without regard to their latency, are as dense as all points are.
pub(crate) fn thinned(mut points: Vec<LatencyPoint>, limit: usize) -> Vec<LatencyPoint> {
    if points.len() <= limit {
        return points;
    }
    points.sort_unstable();
    let stretches = (limit / PER_STRETCH).max(1);
    points.chunks(points.len().div_ceil(stretches)).flat_map(kept).collect()
}

fn kept(stretch: &[LatencyPoint]) -> impl Iterator<Item = LatencyPoint> {
    let latency = |&place: &usize| stretch[place].latency;
    let fastest = (0..stretch.len()).min_by_key(latency);
    let slowest = (0..stretch.len()).max_by_key(latency);
    let places: BTreeSet<usize> =
        fastest.into_iter().chain(slowest).chain([0, stretch.len() / 2]).collect();
    places.into_iter().map(|place| stretch[place])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_a_stretch_the_extremes_and_two_others_are_kept() {
        let points: Vec<_> = (0..)
            .zip([9, 8, 1, 2, 7, 3, 100])
            .map(|(time, latency)| LatencyPoint { time, latency })
            .collect();
        let latencies = thinned(points, 4).into_iter().map(|point| point.latency);
        assert_eq!(latencies.collect::<Vec<_>>(), [9, 1, 2, 100]);
    }

    #[test]
    fn a_sample_uses_what_it_may_even_if_all_happened_at_once() {
        let burst = (0..9000).map(|latency| LatencyPoint { time: 7, latency: latency % 991 });
        assert!(thinned(burst.collect(), 4000).len() > 2500);
    }

    proptest! {
        #[test]
        fn a_sample_is_small_and_keeps_the_extremes(
            pairs in prop::collection::vec((any::<u64>(), any::<u64>()), 1..200),
            limit in 4_usize..100
        ) {
            let points: Vec<_> =
                pairs.into_iter().map(|(time, latency)| LatencyPoint { time, latency }).collect();
            let kept = thinned(points.clone(), limit);
            prop_assert!(kept.len() <= limit.max(1));
            prop_assert!(kept.iter().all(|point| points.contains(point)));
            let latency = |point: &LatencyPoint| point.latency;
            prop_assert_eq!(kept.iter().map(latency).max(), points.iter().map(latency).max());
            prop_assert_eq!(kept.iter().map(latency).min(), points.iter().map(latency).min());
            if points.len() <= limit {
                prop_assert_eq!(kept, points);
            }
        }
    }
}
