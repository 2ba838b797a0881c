//! Generators: one file each.

mod append;
mod cas_register;
mod cold;
mod drawn;
mod increment;

pub(crate) use append::Append;
pub(crate) use cas_register::CasRegister;
pub(crate) use cold::Cold;
pub use cold::is_cold;
use drawn::Drawn;
pub(crate) use increment::Increment;

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
