//! Which key a call is on: one that all nodes change, or the one of a node.

use rand::RngExt;
use rand_pcg::Pcg32;

/// Of ten calls, so many are on a key that all nodes change; then so many on the one that only the caller's
/// node changes. The others read such a key of any node.
const SHARED: u32 = 6;
const OWN: u32 = 3;

/// Keys by number: the shared ones, and then one of each node. On the shared ones nodes contend; on its own
/// a node meets nobody, so that what its proposer wrongly takes from one change into the next is not
/// overwritten before it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyChoice {
    shared: usize,
    nodes: usize,
}

impl KeyChoice {
    /// So many keys, at least one, beside those of the nodes. Without nodes all are shared.
    pub(super) fn new(nodes: u32, keys: u32) -> Self {
        Self { shared: keys.max(1) as usize, nodes: nodes as usize }
    }

    /// Whether nodes have keys of their own.
    pub(super) const fn has_own(self) -> bool {
        self.nodes > 0
    }

    /// How many keys there are in all.
    pub(super) const fn len(self) -> usize {
        self.shared + self.nodes
    }

    /// The number of the key of a thread's next call, and whether it may change it.
    pub(super) fn draw(self, thread: u64, random: &mut Pcg32) -> (usize, bool) {
        if !self.has_own() {
            return (random.random_range(0..self.shared), true);
        }
        let drawn = random.random_range(0..10);
        if drawn < SHARED {
            return (random.random_range(0..self.shared), true);
        }
        if drawn < SHARED + OWN {
            let node = usize::try_from(thread % self.nodes as u64).unwrap_or_default();
            return (self.shared + node, true);
        }
        (random.random_range(self.shared..self.len()), false)
    }
}
