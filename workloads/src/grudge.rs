//! Which links a fault strikes. A node is a proposer and its acceptor.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg32;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// The link from one node's proposer to one node's acceptor, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// Whose proposer asks.
    pub proposer: u32,
    /// Whose acceptor answers.
    pub acceptor: u32,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}→a{}", self.proposer, self.acceptor)
    }
}

/// Why a text names no link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no link; write p1→a2 or p1-a2: from the proposer of node 1 to the acceptor of node 2"
)]
pub struct LinkError(String);

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('→').or_else(|| text.split_once('-'));
        let link = parts.and_then(|(proposer, acceptor)| {
            Some(Self {
                proposer: proposer.trim().strip_prefix('p')?.parse().ok()?,
                acceptor: acceptor.trim().strip_prefix('a')?.parse().ok()?,
            })
        });
        link.ok_or_else(|| LinkError(text.to_owned()))
    }
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A set of links with a name: who can no longer talk to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The shape in words, to follow a verb: `n2 from the others`.
    pub words: String,
    /// The links, in order.
    pub links: Vec<Link>,
}

impl Shape {
    /// Every link.
    #[must_use]
    pub fn all(nodes: u32) -> Self {
        Self { words: "every link".into(), links: links(nodes, |_, _| true) }
    }

    /// One node from all others, both ways. Its own acceptor stays within its proposer's reach, as
    /// in the published comparison.
    #[must_use]
    pub fn isolate(nodes: u32, node: u32) -> Self {
        let apart = links(nodes, |p, a| p != a && (p == node || a == node));
        Self { words: format!("n{node} from the others"), links: apart }
    }

    /// The nodes of `minority` from the rest.
    #[must_use]
    pub fn halves(nodes: u32, minority: &[u32]) -> Self {
        let side = |node| minority.contains(&node);
        let names = |of: bool| {
            let names = (1..=nodes).filter(|&node| side(node) == of).map(|node| format!("n{node}"));
            names.collect::<Vec<_>>().join(" ")
        };
        let words = format!("{} from {}", names(true), names(false));
        Self { words, links: links(nodes, |p, a| side(p) != side(a)) }
    }

    /// Each proposer sees a majority, and no two see the same one: each loses sight of the
    /// acceptors opposite to it on a ring.
    #[must_use]
    pub fn ring(nodes: u32) -> Self {
        let blind = nodes.saturating_sub(1) / 2;
        let hidden = |p: u32, a: u32| (a + nodes - p) % nodes;
        let apart = links(nodes, |p, a| p != a && hidden(p, a) <= blind);
        Self { words: "each node from the majority's other side (a ring)".into(), links: apart }
    }

    /// One node sees all, and the others are two halves that do not see each other.
    #[must_use]
    pub fn bridge(nodes: u32, node: u32) -> Self {
        let others: Vec<u32> = (1..=nodes).filter(|&other| other != node).collect();
        let half = &others[..others.len() / 2];
        let apart =
            |p: u32, a: u32| p != node && a != node && half.contains(&p) != half.contains(&a);
        let words = format!("the two halves that only n{node} joins (a bridge)");
        Self { words, links: links(nodes, apart) }
    }

    /// Each link by the toss of a coin, but neither all of them nor none.
    pub(crate) fn grudges(nodes: u32, random: &mut Pcg32) -> Self {
        let all = links(nodes, |_, _| true);
        loop {
            let links: Vec<Link> = all.iter().copied().filter(|_| random.random()).collect();
            if !links.is_empty() && links.len() < all.len() {
                return Self { words: named(&links), links };
            }
        }
    }

    /// These links, by their names.
    pub(crate) fn of(links: Vec<Link>) -> Self {
        Self { words: named(&links), links }
    }

    /// A single link.
    #[must_use]
    pub fn link(link: Link) -> Self {
        Self { words: link.to_string(), links: vec![link] }
    }

    /// Draws a partition that leaves at least something cut and something whole.
    pub(crate) fn draw(nodes: u32, random: &mut Pcg32) -> Self {
        if nodes < 2 {
            return Self::all(nodes);
        }
        match random.random_range(0..7) {
            0 | 1 => Self::isolate(nodes, random.random_range(1..=nodes)),
            2 => {
                let mut order: Vec<u32> = (1..=nodes).collect();
                order.shuffle(random);
                let mut minority = order[..(nodes as usize / 2).max(1)].to_vec();
                minority.sort_unstable();
                Self::halves(nodes, &minority)
            }
            3 if nodes > 2 => Self::ring(nodes),
            4 if nodes > 2 => Self::bridge(nodes, random.random_range(1..=nodes)),
            5 => Self::grudges(nodes, random),
            _ => {
                let others = links(nodes, |p, a| p != a);
                Self::link(others[random.random_range(0..others.len())])
            }
        }
    }
}

fn named(links: &[Link]) -> String {
    links.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn links(nodes: u32, struck: impl Fn(u32, u32) -> bool) -> Vec<Link> {
    let pairs =
        (1..=nodes).flat_map(|proposer| (1..=nodes).map(move |acceptor| (proposer, acceptor)));
    pairs
        .filter(|&(p, a)| struck(p, a))
        .map(|(proposer, acceptor)| Link { proposer, acceptor })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn spell(shape: &Shape) -> String {
        let links: Vec<_> = shape.links.iter().map(ToString::to_string).collect();
        format!("{}: {}", shape.words, links.join(" "))
    }

    #[test]
    fn shapes_of_three_nodes() {
        let shapes = [
            Shape::isolate(3, 2),
            Shape::halves(3, &[1]),
            Shape::ring(3),
            Shape::bridge(3, 2),
            Shape::all(2),
        ];
        insta::assert_snapshot!(shapes.iter().map(spell).collect::<Vec<_>>().join("\n"), @"
        n2 from the others: p1→a2 p2→a1 p2→a3 p3→a2
        n1 from n2 n3: p1→a2 p1→a3 p2→a1 p3→a1
        each node from the majority's other side (a ring): p1→a2 p2→a3 p3→a1
        the two halves that only n2 joins (a bridge): p1→a3 p3→a1
        every link: p1→a1 p1→a2 p2→a1 p2→a2
        ");
    }

    #[test]
    fn on_a_ring_everyone_keeps_a_majority_and_no_two_the_same() {
        for nodes in 3..8 {
            let ring = Shape::ring(nodes);
            let mut seen: Vec<Vec<u32>> = (1..=nodes)
                .map(|p| {
                    (1..=nodes)
                        .filter(|&a| !ring.links.contains(&Link { proposer: p, acceptor: a }))
                        .collect()
                })
                .collect();
            assert!(seen.iter().all(|seen| seen.len() > nodes as usize / 2), "{seen:?}");
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), nodes as usize);
        }
    }

    #[test]
    fn over_a_bridge_both_halves_are_seen_and_do_not_see_each_other() {
        for nodes in 3..8 {
            let bridge = Shape::bridge(nodes, 2);
            assert!(bridge.links.iter().all(|link| link.proposer != 2 && link.acceptor != 2));
            let others = nodes - 1;
            let (half, rest) = (others / 2, others - others / 2);
            assert_eq!(bridge.links.len(), 2 * half as usize * rest as usize);
        }
    }

    #[test]
    fn grudges_leave_something_cut_and_something_whole() {
        let mut random = Pcg32::seed_from_u64(3);
        for nodes in [2, 3, 5].repeat(50) {
            let struck = Shape::grudges(nodes, &mut random).links.len();
            assert!(0 < struck && struck < (nodes * nodes) as usize);
        }
    }

    #[test]
    fn a_link_is_read_as_it_is_written() {
        let link = Link { proposer: 1, acceptor: 3 };
        assert_eq!(link.to_string().parse(), Ok(link));
        assert_eq!("p1-a3".parse(), Ok(link));
        assert!("1-3".parse::<Link>().is_err());
    }
}
