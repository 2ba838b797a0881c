//! Where the binary begins.

use crate::{args, command, exit};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Does what the command line says, and says how it went. Diagnostics go to stderr, and are warnings
/// only unless asked for: `GRYADKA_LOG=gryadka_service=debug`.
#[must_use]
pub fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("GRYADKA_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match args::parse() {
        Ok(cli) => exit::tell(&command::dispatch(cli.command)),
        Err(code) => code,
    }
}
