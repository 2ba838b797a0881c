//! The benchmark by itself: `cargo run --release -p gryadka-bench --example bench -- --help`.
#![expect(clippy::print_stdout, reason = "it prints the report")]

use clap::Parser;
use gryadka_bench::{Options, run};
use std::error::Error;
use std::path::PathBuf;

/// Measures the store beside what its servers could do.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Write the whole report as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let report = run(&arguments.options)?;
    print!("{report}");
    if let Some(path) = arguments.json {
        std::fs::write(path, report.to_json()?)?;
    }
    Ok(())
}
