//! How soon the harness sees each mutant.

use crate::judge::{JudgeError, judge};
use crate::mutants::Mutant;
use crate::record::Detail;
use crate::run::run;
use crate::scenario::SimScenario;
use harness_checker::Answer;

/// One search for a violation, seed after seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// The seed that showed it, if one did.
    pub seed: Option<u64>,
    /// How many seeds were run.
    pub seeds: u64,
    /// How many client operations they made.
    pub operations: u64,
}

/// A mutant and the campaigns against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhibit {
    /// The mutant.
    pub mutant: Mutant,
    /// Its campaigns, in order of their first seeds.
    pub campaigns: Vec<Campaign>,
}

/// Runs the swarm with a mutant from this seed on, until a violation or a broken promise is seen, or `most` seeds have
/// been run.
///
/// # Errors
/// [`JudgeError`] when a history cannot be judged.
pub fn campaign(mutant: Mutant, first: u64, most: u64) -> Result<Campaign, JudgeError> {
    let scenario = SimScenario::swarm().with_mutant(mutant);
    let mut campaign = Campaign { seed: None, seeds: 0, operations: 0 };
    for seed in first..first.saturating_add(most) {
        let run = run(seed, &scenario, Detail::Verdict);
        campaign.seeds += 1;
        campaign.operations += run.counts.operations;
        let seen = match judge(&run) {
            Ok(check) => matches!(check.answer, Answer::Violation(_)),
            Err(JudgeError::BrokenPromise { .. }) => true,
            Err(error) => return Err(error),
        };
        if seen {
            campaign.seed = Some(seed);
            break;
        }
    }
    Ok(campaign)
}

/// Runs several campaigns against a mutant, far enough apart that none runs a seed of another.
///
/// # Errors
/// [`JudgeError`] when a history cannot be judged.
pub fn exhibit(mutant: Mutant, campaigns: u64, most: u64) -> Result<Exhibit, JudgeError> {
    let first = |number: u64| 1 + number.saturating_mul(most);
    let campaigns = (0..campaigns).map(|number| campaign(mutant, first(number), most));
    Ok(Exhibit { mutant, campaigns: campaigns.collect::<Result<_, _>>()? })
}

impl Exhibit {
    /// How many campaigns ended without a violation.
    #[must_use]
    pub fn escapes(&self) -> usize {
        self.campaigns.iter().filter(|campaign| campaign.seed.is_none()).count()
    }

    /// The median and the most seeds that a campaign took.
    #[must_use]
    pub fn seeds(&self) -> (u64, u64) {
        median_and_worst(self.campaigns.iter().map(|campaign| campaign.seeds).collect())
    }

    /// The median and the most client operations that a campaign took.
    #[must_use]
    pub fn operations(&self) -> (u64, u64) {
        median_and_worst(self.campaigns.iter().map(|campaign| campaign.operations).collect())
    }
}

fn median_and_worst(mut numbers: Vec<u64>) -> (u64, u64) {
    numbers.sort_unstable();
    let median = numbers.get(numbers.len() / 2).copied().unwrap_or_default();
    (median, numbers.last().copied().unwrap_or_default())
}
