//! What befalls each message: drawn from the network and the links' faults, or written in a case.

use crate::case::{Case, Disturbance};
use crate::fault::Effect;
use crate::message::{CALM, Fate, MessageId, Phase, Way};
use crate::setup::Network;
use rand::RngExt;
use rand_pcg::Pcg32;
use std::collections::BTreeMap;

/// Where fates come from.
#[derive(Debug)]
pub(crate) enum Fates {
    Drawn(Drawn),
    Written(BTreeMap<MessageId, Fate>),
}

/// Fates drawn from a seed.
#[derive(Debug)]
pub(crate) struct Drawn {
    network: Network,
    /// Whether requests may come twice.
    repeats: Repeats,
    random: Pcg32,
}

/// Which requests the transport may deliver twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// None.
    Never,
    /// All, and proposers know it.
    Any,
}

impl Fates {
    pub(crate) fn drawn(network: &Network, repeats: Repeats, random: Pcg32) -> Self {
        Self::Drawn(Drawn { network: network.clone(), repeats, random })
    }

    pub(crate) fn written(case: &Case) -> Self {
        let entry = |disturbance: &Disturbance| (disturbance.message, disturbance.fate);
        Self::Written(case.disturbed.iter().map(entry).collect())
    }

    /// What befalls a message. `wrong` is what the links' faults do to it, with the time until each
    /// ends.
    pub(crate) fn of(&mut self, message: MessageId, wrong: &[(Effect, u64)]) -> Fate {
        match self {
            Self::Drawn(drawn) => drawn.draw(message, wrong),
            Self::Written(fates) => fates.get(&message).copied().unwrap_or(Fate::CALM),
        }
    }
}

impl Drawn {
    fn draw(&mut self, message: MessageId, wrong: &[(Effect, u64)]) -> Fate {
        let mut later = 0;
        for &(effect, left) in wrong {
            match effect {
                Effect::Lose => return Fate::Lost,
                Effect::Cut => return self.cut(message.way),
                Effect::Lossy { probability } if self.chance(probability) => {
                    return self.broken(message.way);
                }
                Effect::Lossy { .. } => {}
                Effect::Hold => later = later.max(left),
                Effect::Slow { by, jitter } => later += by + self.random.random_range(0..=jitter),
            }
        }
        let network = &self.network;
        let (lost, refused, broken) = (network.lost, network.refused, network.broken);
        let repeated = network.repeated;
        if self.chance(lost) {
            return Fate::Lost;
        }
        if message.way == Way::Request && self.chance(refused) {
            return Fate::Refused { told: self.delay() };
        }
        if self.chance(broken) {
            return self.broken(message.way);
        }
        let after = later + self.delay();
        let may_repeat = message.way == Way::Reply || self.repeats == Repeats::Any;
        if may_repeat && message.copy == 0 && self.chance(repeated) {
            return Fate::Twice { after, again: later + self.delay() + self.delay() };
        }
        Fate::Arrives { after }
    }

    fn cut(&mut self, way: Way) -> Fate {
        let told = self.delay();
        match way {
            Way::Request => Fate::Refused { told },
            Way::Reply => Fate::Broken { told, arrives: None },
        }
    }

    fn broken(&mut self, way: Way) -> Fate {
        let told = self.delay();
        // A request that was on its way may come after its sender has heard of the break.
        let arrives = (way == Way::Request && self.random.random_bool(0.5))
            .then(|| self.delay() + self.delay());
        Fate::Broken { told, arrives }
    }

    fn delay(&mut self) -> u64 {
        let (shortest, longest) = self.network.delay;
        let delay = self.random.random_range(shortest..=longest);
        if self.network.stray > 0.0 && self.chance(self.network.stray) {
            delay + self.random.random_range(0..=self.network.stray_by)
        } else {
            delay
        }
    }

    fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.random.random_bool(probability.min(1.0))
    }
}

/// How long after its sending a repeated accept of a transport that retries by itself arrives.
pub(crate) const RETRY: u64 = CALM;

impl Phase {
    /// Whether a transport that retries accepts by itself would send this message once more.
    pub(crate) fn is_first_accept(message: MessageId) -> bool {
        message.phase == Self::Accept && message.copy == 0
    }
}
