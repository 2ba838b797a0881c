//! Where randomness comes from: everything repeats with the link's seed.

use crate::{Direction, Toxic};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// What one direction of one connection draws from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chance {
    seed: u64,
}

impl Chance {
    /// For a direction of a link's `number`-th connection.
    pub(crate) fn new(seed: u64, number: u64, direction: Direction) -> Self {
        let way = match direction {
            Direction::Requests => 0,
            Direction::Replies => 1,
        };
        Self { seed: mixed(mixed(seed, number), way) }
    }

    /// What the toxic draws from on this connection, or `None` if it does not apply to it. What one
    /// toxic draws does not depend on the others, nor on when it was put on.
    pub(crate) fn of(self, toxic: &Toxic) -> Option<Pcg64Mcg> {
        let seed = toxic.name.bytes().fold(self.seed, |seed, byte| mixed(seed, byte.into()));
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        // Always drawn, so that what follows is the same under every toxicity.
        (random.random::<f64>() < toxic.toxicity).then_some(random)
    }
}

fn mixed(seed: u64, part: u64) -> u64 {
    Pcg64Mcg::seed_from_u64(seed ^ part).random()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Effect;

    fn toxic(name: &str, toxicity: f64) -> Toxic {
        let direction = Direction::Replies;
        Toxic { name: name.to_owned(), direction, toxicity, effect: Effect::Noop }
    }

    fn struck(name: &str, toxicity: f64) -> Vec<u64> {
        let toxic = toxic(name, toxicity);
        (0..1000)
            .filter(|&number| Chance::new(7, number, Direction::Replies).of(&toxic).is_some())
            .collect()
    }

    #[test]
    fn toxicity_is_the_share_of_connections_that_a_toxic_applies_to() {
        assert_eq!((struck("t", 0.0).len(), struck("t", 1.0).len()), (0, 1000));
        let half = struck("t", 0.5);
        assert!((400..600).contains(&half.len()), "{}", half.len());
        assert_eq!(half, struck("t", 0.5), "it repeats");
        assert_ne!(half, struck("u", 0.5), "each toxic draws for itself");
        let fewer = struck("t", 0.3);
        assert!(fewer.iter().all(|number| half.contains(number)), "drawn once");
    }

    #[test]
    fn what_is_drawn_depends_on_seed_connection_direction_and_name_alone() {
        let draw = |seed, number, direction, name, toxicity| {
            Chance::new(seed, number, direction).of(&toxic(name, toxicity)).unwrap().random::<u64>()
        };
        let one = draw(1, 2, Direction::Replies, "t", 1.0);
        assert_eq!(one, draw(1, 2, Direction::Replies, "t", 0.999_999));
        for other in [
            draw(2, 2, Direction::Replies, "t", 1.0),
            draw(1, 3, Direction::Replies, "t", 1.0),
            draw(1, 2, Direction::Requests, "t", 1.0),
            draw(1, 2, Direction::Replies, "u", 1.0),
        ] {
            assert_ne!(one, other);
        }
    }
}
