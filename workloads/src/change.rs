//! Changes of who the acceptors are: what one is made of, and how a chain of them is drawn.

use crate::names::named;
use crate::{Link, Shape};
use rand::RngExt;
use rand::seq::IteratorRandom;
use rand_pcg::Pcg32;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many acceptors a chain adds to those that there are at first.
const EXTRA: usize = 2;
/// From so many acceptors on, one may be lost and the others still have a majority.
const SPARES_ONE: usize = 3;
/// The parts that a change has: the aim is announced; and for each that joins, and each that leaves,
/// so many more, after each of which the driver can die.
const PARTS: (u32, u32, u32) = (1, 5, 4);

/// What befell an acceptor before it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// No proposer reaches it.
    Cut,
    /// Its server was killed.
    Kill,
    /// Its server was restarted without its memory. It may join again.
    Wipe,
}

named!(Loss, "loss", { Cut => "cut", Kill => "kill", Wipe => "wipe" });

/// A change of who the acceptors are. It grows the cluster, shrinks it, puts one acceptor in the
/// place of another, or lets one join again that lost its memory: then it both leaves and joins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PlannedChange {
    /// The acceptor that joins. A new server is started for it, unless it leaves as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joins: Option<u32>,
    /// The acceptor that leaves. Its server is ended then, unless it joins as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaves: Option<u32>,
    /// What befell the one that leaves before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Loss>,
    /// The node whose links the change is driven through; directly when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<u32>,
    /// Each number is the parts that a driver gets done before it is killed; the next one resumes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deaths: Vec<u32>,
}

impl PlannedChange {
    /// What is changed, in words.
    #[must_use]
    pub fn what(&self) -> String {
        let lost = match self.lost {
            None => "",
            Some(Loss::Cut) => ", which was cut off",
            Some(Loss::Kill) => ", which was killed",
            Some(Loss::Wipe) => ", which lost its memory",
        };
        let moved = match (self.joins, self.leaves) {
            (Some(new), Some(old)) if new == old => format!("lets a{old} join again{lost}"),
            (Some(new), Some(old)) => format!("puts a{new} in the place of a{old}{lost}"),
            (Some(new), None) => format!("lets a{new} join"),
            (None, Some(old)) => format!("lets a{old} leave{lost}"),
            (None, None) => String::from("changes nobody"),
        };
        let drivers = match self.deaths.as_slice() {
            [] => String::new(),
            [_] => String::from("; the driver is killed once"),
            deaths => format!("; the driver is killed {} times", deaths.len()),
        };
        moved + &drivers
    }
}

/// The acceptors that there are at a time, each with the node that it is at home on. At first these
/// are the same numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acceptors {
    homes: BTreeMap<u32, u32>,
    /// So many nodes there are, some perhaps without an acceptor.
    nodes: u32,
    /// So many of the nodes, the first ones, have a proposer.
    proposers: u32,
    next: u32,
    growing: bool,
}

impl Acceptors {
    /// As many acceptors as proposers, or any number of both.
    pub(crate) fn beside(proposers: u32, acceptors: u32) -> Self {
        let homes = (1..=acceptors).map(|node| (node, node)).collect();
        let nodes = proposers.max(acceptors);
        Self { homes, nodes, proposers, next: acceptors + 1, growing: true }
    }

    pub(crate) fn has(&self, acceptor: u32) -> bool {
        self.homes.contains_key(&acceptor)
    }

    pub(crate) fn len(&self) -> usize {
        self.homes.len()
    }

    /// Their numbers, in order.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.homes.keys().copied()
    }

    /// Any of them.
    fn draw(&self, random: &mut Pcg32) -> u32 {
        self.numbers().choose(random).unwrap_or(1)
    }

    /// Every link to any of them, in order.
    pub(crate) fn every_link(&self) -> Vec<Link> {
        let to_all = |proposer| self.numbers().map(move |acceptor| Link { proposer, acceptor });
        (1..=self.proposers).flat_map(to_all).collect()
    }

    /// The links of a shape that was made for nodes: an acceptor is struck where its home is. None for
    /// a single link to a node without acceptors, or from one without a proposer.
    fn links(&self, shape: &Shape) -> Vec<Link> {
        let links = |link: &Link| {
            let there = self.homes.iter().filter(|&(_, &home)| home == link.acceptor);
            let proposer = link.proposer;
            there.map(move |(&acceptor, _)| Link { proposer, acceptor }).collect::<Vec<_>>()
        };
        let there = shape.links.iter().filter(|link| link.proposer <= self.proposers);
        let mut links: Vec<Link> = there.flat_map(links).collect();
        links.sort_unstable();
        links
    }

    /// Draws a shape, or takes every link, and names the acceptors that are struck by it.
    pub(crate) fn shape(&self, everywhere: bool, random: &mut Pcg32) -> Shape {
        loop {
            let shape =
                if everywhere { Shape::all(self.nodes) } else { Shape::draw(self.nodes, random) };
            let links = self.links(&shape);
            if links.is_empty() {
                continue;
            }
            // A single link goes by its own name, and its acceptor may be another by now. So do those of
            // which some are not there.
            let fewer = self.proposers < self.nodes && shape.words.contains('→');
            let by_name = shape.links.len() == 1 || fewer;
            let names = || links.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            let words = if by_name { names() } else { shape.words };
            return Shape { words, links };
        }
    }

    /// Draws the next change of a chain that grows by two acceptors and shrinks again, with
    /// replacements in between, and makes it.
    pub(crate) fn change(&mut self, random: &mut Pcg32) -> PlannedChange {
        let base = self.nodes as usize;
        if self.len() <= base {
            self.growing = true;
        } else if self.len() >= base + EXTRA {
            self.growing = false;
        }
        let replaces = random.random_bool(0.4);
        let leaver = self.draw(random);
        let loss = random.random_bool(0.5) && self.len() >= SPARES_ONE;
        let mut change = PlannedChange {
            through: random.random_bool(0.5).then(|| random.random_range(1..=self.proposers)),
            ..PlannedChange::default()
        };
        if replaces || !self.growing {
            change.leaves = Some(leaver);
            let either = [Loss::Cut, Loss::Kill, Loss::Wipe];
            change.lost = loss.then(|| either[random.random_range(0..3)]);
        }
        if replaces && change.lost == Some(Loss::Wipe) {
            change.joins = Some(leaver);
        } else if replaces || self.growing {
            change.joins = Some(self.next);
        }
        let (aim, join, leave) = PARTS;
        let joining = change.joins.map_or(0, |_| join);
        let mut left = aim + joining + change.leaves.map_or(0, |_| leave);
        for _ in 0..random.random_range(0..=2) {
            if left > 1 {
                let done = random.random_range(1..left);
                change.deaths.push(done);
                left -= done;
            }
        }
        self.apply(&change);
        change
    }

    /// Makes a change that may be made.
    pub(crate) fn apply(&mut self, change: &PlannedChange) {
        if change.joins == change.leaves {
            return;
        }
        let home = change.leaves.and_then(|leaver| self.homes.remove(&leaver));
        if let Some(newcomer) = change.joins {
            let home = home.unwrap_or_else(|| self.emptiest_node());
            self.homes.insert(newcomer, home);
            self.next = newcomer + 1;
        }
    }

    fn emptiest_node(&self) -> u32 {
        let at_home = |node: &u32| self.homes.values().filter(|home| *home == node).count();
        (1..=self.nodes).min_by_key(at_home).unwrap_or(1)
    }

    /// What is wrong with a change, if anything is.
    pub(crate) fn objection(&self, change: &PlannedChange) -> Option<String> {
        let again = change.joins == change.leaves;
        if change.joins.is_none() && change.leaves.is_none() {
            return Some(String::from("membership needs the field `joins` or `leaves`, or both"));
        }
        if let Some(leaver) = change.leaves.filter(|leaver| !self.has(*leaver)) {
            return Some(format!("a{leaver} leaves, but is not there"));
        }
        if let Some(newcomer) = change.joins.filter(|newcomer| !again && *newcomer != self.next) {
            return Some(format!("a{newcomer} joins; the next acceptor is a{}", self.next));
        }
        if again && change.lost != Some(Loss::Wipe) {
            return Some(String::from(
                "who joins again must have lost its memory: lost = \"wipe\"",
            ));
        }
        if change.lost.is_some() && change.leaves.is_none() {
            return Some(String::from("`lost` is about the acceptor that leaves"));
        }
        if change.lost.is_some() && self.len() < SPARES_ONE {
            let few = self.len();
            return Some(format!("of {few} acceptors none may be lost before it leaves"));
        }
        if change.joins.is_none() && self.len() == 1 {
            return Some(String::from("the last acceptor cannot leave"));
        }
        if change.through.is_some_and(|node| !(1..=self.nodes).contains(&node)) {
            return Some(format!("`through` names no node; allowed: 1 to {}", self.nodes));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;

    #[test]
    fn acceptors_are_struck_where_they_are_at_home() {
        let mut acceptors = Acceptors::beside(3, 3);
        let replaced = |joins, leaves| PlannedChange { joins, leaves, ..PlannedChange::default() };
        acceptors.apply(&replaced(Some(4), Some(2)));
        acceptors.apply(&replaced(Some(5), None));
        let links = acceptors.links(&Shape::isolate(3, 2));
        let links: Vec<_> = links.iter().map(ToString::to_string).collect();
        // a4 has taken a2's place at n2, and a5 is at home on n1.
        assert_eq!(links.join(" "), "p1→a4 p2→a1 p2→a3 p2→a5 p3→a4");
    }

    proptest! {
        #[test]
        fn a_chain_goes_up_and_down_and_every_change_may_be_made(seed: u64, nodes in 1_u32..6) {
            let mut random = Pcg32::seed_from_u64(seed);
            let mut acceptors = Acceptors::beside(nodes, nodes);
            let mut sizes = std::collections::BTreeSet::new();
            for _ in 0..40 {
                let before = acceptors.clone();
                let change = acceptors.change(&mut random);
                prop_assert_eq!(before.objection(&change), None);
                prop_assert!(change.leaves.is_none_or(|leaver| before.has(leaver)));
                sizes.insert(acceptors.len());
            }
            let nodes = nodes as usize;
            prop_assert_eq!(sizes, (nodes..=nodes + EXTRA).collect());
        }
    }
}
