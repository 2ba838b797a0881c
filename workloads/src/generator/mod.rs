//! Generators: one file each.

mod append;
mod cas_register;
mod cold;
mod increment;
mod key_choice;

pub(crate) use append::Append;
pub(crate) use cas_register::CasRegister;
pub(crate) use cold::Cold;
pub use cold::is_cold;
pub(crate) use increment::Increment;
use key_choice::KeyChoice;

use crate::{Answer, Call};
use rand_pcg::Pcg32;

/// Decides what clients ask next. It is told every answer, and draws only from the stream that it
/// is handed, so that a seed and the answers determine the calls.
pub trait Generator: Send {
    /// The next call of a client thread, counted from 0.
    fn next(&mut self, thread: u64, random: &mut Pcg32) -> Call;

    /// Learns how a thread's call ended.
    fn learn(&mut self, thread: u64, call: &Call, answer: &Answer);

    /// Learns that the last part of the load has begun, with all faults over.
    fn calm(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_history::{Outcome, Value};
    use rand::SeedableRng;

    /// A call that a thread is left in doubt about, and the next one of the same thread.
    pub(super) fn around_a_doubt(mut generator: impl Generator) -> [Call; 2] {
        let mut random = Pcg32::seed_from_u64(3);
        let doubted = generator.next(1, &mut random);
        let doubt = Answer { outcome: Outcome::Info, value: Value::Null, error: None };
        generator.learn(1, &doubted, &doubt);
        generator.next(0, &mut random);
        [doubted, generator.next(1, &mut random)]
    }
}
