//! What each command does.

mod check;
mod convert;
mod doctor;
mod heal;
mod list;
mod mutants;
mod proxy;
mod replay;
mod report;
mod run;
mod sim;

use crate::args::{Cli, Command};
use crate::exit::{End, Failure};
use reports::{is_printable, printable_lines};
use std::io::{self, Write};

/// Carries out a command.
pub(crate) fn dispatch(cli: Cli) -> Result<End, Failure> {
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::check(&args),
        Command::Convert(args) => convert::convert(&args),
        Command::Report(args) => report::report(&args),
        Command::Sim(args) => sim::sim(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Mutants(args) => mutants::mutants(&args),
        Command::List => list::list(),
        Command::Gryadka(args) => Ok(End::Ended(gryadka_service::run_with(args.arguments))),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Heal(args) => heal::heal(&args),
        Command::Proxy(args) => proxy::proxy(&args),
    }
}

/// Prints text for people on stdout.
fn print(text: &str) -> Result<(), Failure> {
    print_data(&printable_lines(text))
}

/// Prints data on stdout, as it is.
fn print_data(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // Whoever read us has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// Prints a value as JSON on stdout. What would turn text around is escaped, as control characters are.
fn print_json<T: serde::Serialize>(value: &T) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(value)?;
    let mut text = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if c == '\n' || is_printable(c) {
            text.push(c);
        } else {
            // All of these are in Unicode's first plane, which has four digits.
            text += &format!("\\u{:04x}", u32::from(c));
        }
    }
    text.push('\n');
    print_data(&text)
}
