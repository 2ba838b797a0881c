//! `gryadka doctor`.

use crate::args::DoctorArgs;
use crate::exit::{End, Failure};

pub(crate) fn doctor(_: &DoctorArgs) -> Result<End, Failure> {
    Err(Failure::NotConnected("doctor"))
}
