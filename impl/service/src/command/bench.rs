//! `gryadka bench`.

use crate::args::BenchArgs;
use crate::exit::{End, Failure};

pub(crate) fn bench(_: &BenchArgs) -> Result<End, Failure> {
    Err(Failure::NotConnected("bench"))
}
