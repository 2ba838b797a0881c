//! T1: registers whose values are told apart by who wrote them. Near-linear, whatever the
//! concurrency.
//!
//! Let every value that somebody looks at have one writer. Its *cluster* is the writer and the
//! calls that read it. A value is held once, without a break, so in a legal order a cluster is
//! contiguous; and a CAS from v to u comes right behind the cluster of v and begins that of u.
//! Chained so, clusters make *blocks*, whose inner order is fixed up to reads of the same value. A
//! legal order is therefore an order of blocks, such that real time contradicts neither the inner
//! order nor the outer.
//!
//! Let f be the first return in a block and s the last invocation. Block A has to precede B if and
//! only if f(A) < s(B). Sort blocks by m = min(f, s). If some B precedes A in that order though A
//! has to precede B, there is no legal order at all. For suppose only that A has to precede B, and
//! not B A: then s(A) ≤ f(B), and m(A) ≤ f(A) < s(B); if m(B) = s(B), so m(A) < m(B); if m(B) =
//! f(B), then m(A) ≤ s(A) ≤ f(B) = m(B). Events have distinct positions, so m(A) < m(B) here too.
//! (For registers without CAS this is Gibbons & Korach 1997, section 4.)
//!
//! A crashed call whose value is needed has happened, as nobody else wrote it; it has no deadline.
//! Others are left out, as `guide/values.rs` argues.

use crate::action::{Action, State};
use crate::guide::values;
use crate::key_history::Call;
use rustc_hash::FxHashMap;

/// Before every event, and after every event. Positions are shifted by one to make room.
const NEVER_BEFORE: usize = 0;
const NEVER: usize = usize::MAX;

/// A value, who wrote it, who read it, and what replaced it by CAS.
struct Cluster {
    invoked: usize,
    returned: usize,
    /// Over the readers.
    last_read_invoked: usize,
    first_read_returned: usize,
    /// The value that the writer compared with, if it is a CAS.
    from: Option<State>,
    next: Option<usize>,
}

/// The first return and the last invocation of a block.
#[derive(Clone, Copy)]
struct Zone {
    f: usize,
    s: usize,
}

/// Decides, if the calls are of the kind that can be decided so.
pub(crate) fn decide(initial: State, calls: &[Call]) -> Option<bool> {
    if calls.iter().any(|call| call.action.is_refusal()) {
        return None;
    }
    let mut calls = calls.to_vec();
    let deadlines = values::drop_needless(&mut calls);
    let mut clusters = vec![Cluster::new(NEVER_BEFORE, NEVER_BEFORE, None)];
    let mut cluster_of = FxHashMap::from_iter([(initial, 0)]);
    for call in &calls {
        let (to, from) = if let Action::Write(to) = call.action {
            (to, None)
        } else if let Action::Cas { from, to } = call.action {
            (to, Some(from))
        } else {
            continue;
        };
        let number = clusters.len();
        clusters.push(Cluster::new(call.invoked + 1, shifted(call.returned), from));
        if deadlines.contains_key(&to) && cluster_of.insert(to, number).is_some() {
            return None;
        }
    }
    Some(gathered(&calls, &mut clusters, &cluster_of) && orderable(&clusters))
}

impl Cluster {
    fn new(invoked: usize, returned: usize, from: Option<State>) -> Self {
        Self {
            invoked,
            returned,
            last_read_invoked: NEVER_BEFORE,
            first_read_returned: NEVER,
            from,
            next: None,
        }
    }
}

/// Puts readers into their clusters and chains clusters. False if a value has no writer, or is
/// replaced twice.
fn gathered(
    calls: &[Call],
    clusters: &mut [Cluster],
    cluster_of: &FxHashMap<State, usize>,
) -> bool {
    for call in calls {
        let Action::Read(seen) = call.action else { continue };
        let Some(&number) = cluster_of.get(&seen) else { return false };
        let cluster = &mut clusters[number];
        cluster.last_read_invoked = cluster.last_read_invoked.max(call.invoked + 1);
        cluster.first_read_returned = cluster.first_read_returned.min(shifted(call.returned));
    }
    for number in 0..clusters.len() {
        let Some(from) = clusters[number].from else { continue };
        let Some(&previous) = cluster_of.get(&from) else { return false };
        if clusters[previous].next.replace(number).is_some() {
            return false;
        }
    }
    true
}

/// Whether the blocks, and the clusters within each, can be put in an order that real time allows.
fn orderable(clusters: &[Cluster]) -> bool {
    let mut visited = 0;
    let mut zones = Vec::new();
    for first in clusters.iter().filter(|cluster| cluster.from.is_none()) {
        let Some((zone, length)) = block(first, clusters) else { return false };
        zones.push(zone);
        visited += length;
    }
    // What no block reaches is a ring of CAS, each waiting for the other.
    if visited != clusters.len() {
        return false;
    }
    zones.sort_by_key(|zone| zone.f.min(zone.s));
    let mut last_invoked = NEVER_BEFORE;
    zones.iter().all(|zone| {
        let fits = zone.f >= last_invoked;
        last_invoked = last_invoked.max(zone.s);
        fits
    })
}

/// The zone of the block that begins with a cluster, and how many clusters it has; nothing if real
/// time contradicts its inner order.
fn block(first: &Cluster, clusters: &[Cluster]) -> Option<(Zone, usize)> {
    let mut zone = Zone { f: NEVER, s: NEVER_BEFORE };
    let mut length = 0;
    let mut next = Some(first);
    while let Some(cluster) = next {
        for (invoked, returned) in [
            (cluster.invoked, cluster.returned),
            (cluster.last_read_invoked, cluster.first_read_returned),
        ] {
            // Everything so far comes earlier in the block, so it must not begin after this ended.
            if returned < zone.s {
                return None;
            }
            zone = Zone { f: zone.f.min(returned), s: zone.s.max(invoked) };
        }
        length += 1;
        next = cluster.next.map(|number| &clusters[number]);
    }
    Some((zone, length))
}

fn shifted(returned: Option<usize>) -> usize {
    returned.map_or(NEVER, |position| position + 1)
}
