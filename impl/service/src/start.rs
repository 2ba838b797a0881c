//! Where the binary begins.

use crate::{args, command, exit};
use std::ffi::OsString;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Executes the command line, and answers its exit code. Diagnostics go to stderr, and are warnings
/// only unless asked for: `GRYADKA_LOG=gryadka_service=debug`.
#[must_use]
pub fn main() -> ExitCode {
    run_with(std::env::args_os().skip(1))
}

/// The same for a program that embeds this one: `args` are `gryadka`'s arguments, without a
/// name in front of them. It makes its own runtime, so it is not called inside one; diagnostics go
/// where the program has already decided that they go, if it has.
#[must_use]
pub fn run_with(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let filter = EnvFilter::try_from_env("GRYADKA_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error says that the program has one already.
    drop(subscriber.try_init());
    match args::parse(args) {
        Ok(cli) => exit::report(&command::dispatch(cli.command)),
        Err(code) => code,
    }
}
