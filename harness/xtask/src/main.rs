//! The project's own chores, as `cargo xtask <chore>`.
//!
//! | question | file |
//! |---|---|
//! | what is checked before anything is merged? | `chores.rs` |
//! | how does a program get onto this machine? | `programs.rs` |
//! | which images are made where no registry is, and how? | `images.rs`, `images/` |
//! | does the compose file do what the README says of it? | `compose.rs`, `compose/` |

mod chores;
mod compose;
mod images;
mod programs;

use anyhow::bail;
use images::Profile;
use std::process::ExitCode;

const USAGE: &str = "usage:
  cargo xtask test                      install what the tests need, then run every check
  cargo xtask images [--dev] [NAME…]    get or make the container images that are not here
  cargo xtask images --check [NAME…]    say which of them are here
  cargo xtask compose                   run the README's lines about docker compose, and nothing else";

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["test"] => chores::test(),
        ["images", "--check", names @ ..] if are_names(names) => images::check(names),
        ["images", "--dev", names @ ..] if are_names(names) => images::make(names, Profile::Dev),
        ["images", names @ ..] if are_names(names) => images::make(names, Profile::Release),
        ["compose"] => compose::compose(),
        _ => bail!("{USAGE}"),
    }
}

fn are_names(words: &[&str]) -> bool {
    words.iter().all(|word| !word.starts_with('-'))
}
