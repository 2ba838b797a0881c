//! `gryadka`: see the library for what is where.

use std::process::ExitCode;

fn main() -> ExitCode {
    gryadka_service::main()
}
