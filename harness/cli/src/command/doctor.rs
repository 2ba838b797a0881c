//! `harness doctor`

use super::{print, print_json};
use crate::args::DoctorArgs;
use crate::doctor::{Diagnosis, Facts, diagnose, look, text};
use crate::exit::{End, Failure};
use serde::Serialize;
use std::process::ExitCode;

/// No environment of real servers works.
const UNWELL: u8 = 1;

#[derive(Serialize)]
struct Everything<'a> {
    facts: &'a Facts,
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
}

pub(super) fn doctor(args: &DoctorArgs) -> Result<End, Failure> {
    let facts = tokio::runtime::Runtime::new()?.block_on(look());
    let diagnosis = diagnose(&facts);
    if args.json {
        print_json(&Everything { facts: &facts, diagnosis: &diagnosis })?;
    } else {
        print(&text(&facts, &diagnosis))?;
    }
    let code = if diagnosis.is_well() { ExitCode::SUCCESS } else { UNWELL.into() };
    Ok(End::Ended(code))
}
