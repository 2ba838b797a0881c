//! `gryadka bench`.

use super::print;
use crate::args::BenchArgs;
use crate::exit::{CommandOutcome, Failure};
use std::io;

pub(crate) fn bench(args: &BenchArgs) -> Result<CommandOutcome, Failure> {
    let report = gryadka_bench::run(&args.options)?;
    print::text(&report)?;
    if let Some(path) = &args.json {
        let what = format!("cannot write {}", path.display());
        let text = report.to_json().map_err(io::Error::from);
        text.and_then(|text| std::fs::write(path, text)).map_err(Failure::io(what))?;
    }
    Ok(CommandOutcome::Done)
}
