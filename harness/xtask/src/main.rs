//! The project's own chores, as `cargo xtask <chore>`.

mod chores;

use anyhow::bail;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask test    install what the tests need, then run every check";

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["test"] => chores::test(),
        _ => bail!("{USAGE}"),
    }
}
