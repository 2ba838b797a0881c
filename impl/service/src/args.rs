//! What a user can type. About the cluster: `args/cluster.rs`.

mod cluster;

pub(crate) use cluster::{ClusterArgs, ClusterCommand, LongArgs, ReleaseArgs};

use crate::exit::USAGE;
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// A leaderless replicated key-value store over plain Redis servers: its service and its tool
#[derive(Debug, Parser)]
#[command(
    name = "gryadka",
    version,
    after_help = "Exit codes: 0 done, 1 no value or another version than expected, 2 unknown whether applied,\n3 not applied, 64 bad arguments, 70 the tool itself failed. Doctor: 0 ok, 1 warnings, 2 dangers."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the store over HTTP
    Serve(ServeArgs),
    /// Print a key's value; its version goes to stderr
    Get(GetArgs),
    /// Write a key's value, whatever it was
    Set(SetArgs),
    /// Write a key's value only if its version is the given one, or only if it has no value
    Cas(CasArgs),
    /// Delete a key's value
    Delete(DeleteArgs),
    /// Show the cluster, and change which acceptors it has
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Check every acceptor: durability, eviction, replication, version, memory, membership
    Doctor(DoctorArgs),
    /// Ask a service whether it is ready: for health checks of containers
    Ready(ReadyArgs),
    /// Measure the store's throughput and latency, beside what its servers alone can do
    Bench(BenchArgs),
}

/// Where the cluster is.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlaceArgs {
    /// Addresses of some acceptors, with commas between: redis://host:port, rediss:// for TLS,
    /// redis://user:password@host:port. The others are found through them. A user and a password are for
    /// that server, and if all these addresses have the same, for the others too; they are not stored
    #[arg(
        long,
        value_name = "URL,…",
        env = "GRYADKA_ACCEPTORS",
        hide_env_values = true,
        value_delimiter = ',',
        required = true
    )]
    pub(crate) acceptors: Vec<String>,
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
}

/// How servers are reached.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReachArgs {
    /// The user of the servers whose address has no password
    #[arg(long, value_name = "NAME", env = "GRYADKA_ACCEPTOR_USER", hide_env_values = true)]
    pub(crate) acceptor_user: Option<String>,
    /// A file with the password for the servers whose address has none; also from
    /// GRYADKA_ACCEPTOR_PASSWORD
    #[arg(long, value_name = "PATH")]
    pub(crate) acceptor_password_file: Option<PathBuf>,
    /// What the names of the store's keys begin with on the servers
    #[arg(long, value_name = "TEXT", default_value = "gryadka:")]
    pub(crate) prefix: String,
    /// Connect to TO instead of an acceptor's own address FROM, through a tunnel or a proxy:
    /// redis://10.0.0.1:6379=redis://127.0.0.1:7001. Once for each such acceptor, or with commas between
    #[arg(
        long = "route",
        value_name = "FROM=TO",
        env = "GRYADKA_ROUTES",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) routes: Vec<String>,
    /// The certificates (PEM) that rediss:// servers are trusted by, instead of the web's usual ones
    #[arg(long, value_name = "PATH")]
    pub(crate) tls_roots: Option<PathBuf>,
}

/// Which cluster, and how long a call of it may take.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// How long the store may take, such as 500ms or 2s
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The key, 1 to 1024 bytes
    pub(crate) key: OsString,
    /// Print version and value as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// Where a new value comes from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ValueArgs {
    /// The value, or - to read it from stdin
    pub(crate) value: Option<OsString>,
    /// Read the value from a file
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(override_usage = "gryadka set [OPTIONS] --acceptors <URL,…> <KEY> <VALUE|--file <PATH>>")]
pub(crate) struct SetArgs {
    /// The key, 1 to 1024 bytes
    pub(crate) key: OsString,
    #[command(flatten)]
    pub(crate) value: ValueArgs,
    /// Print the version as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// What the value must be.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct CasExpected {
    /// The version that the value must have
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u64>,
    /// The key must have no value
    #[arg(long)]
    pub(crate) absent: bool,
}

#[derive(Debug, Args)]
#[command(
    override_usage = "gryadka cas [OPTIONS] --acceptors <URL,…> <KEY> <--version <N>|--absent> <VALUE|--file <PATH>>"
)]
pub(crate) struct CasArgs {
    /// The key, 1 to 1024 bytes
    pub(crate) key: OsString,
    #[command(flatten)]
    pub(crate) expected: CasExpected,
    #[command(flatten)]
    pub(crate) value: ValueArgs,
    /// Print the version as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The key, 1 to 1024 bytes
    pub(crate) key: OsString,
    /// Only if the value has this version
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u64>,
    /// Print the version as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// The address to listen on; other than a loopback address only with a token and TLS
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7480")]
    pub(crate) listen: SocketAddr,
    /// First make a cluster of these servers if none of them belongs to one, as `gryadka cluster init` does
    #[arg(long)]
    pub(crate) init: bool,
    /// How long to wait for acceptors that do not answer yet or belong to no cluster yet; 0 to ask once
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = pause)]
    pub(crate) start_timeout: Duration,
    /// How many keys to remember, whose changes then take one round trip instead of two
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) cache: usize,
    /// The pause between two collections of deleted keys; with 0 this service collects none
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = pause)]
    pub(crate) collect_every: Duration,
    /// How long requests in progress may take to finish after SIGTERM or SIGINT
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) shutdown_grace: Duration,
    #[command(flatten, next_help_heading = "Access")]
    pub(crate) access: AccessArgs,
    #[command(flatten, next_help_heading = "Limits")]
    pub(crate) limits: LimitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AccessArgs {
    /// A file with the token that clients must send; also from GRYADKA_TOKEN
    #[arg(long, value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,
    /// A file with the token that administrators must send to change the cluster; also from
    /// GRYADKA_ADMIN_TOKEN
    #[arg(long, value_name = "PATH")]
    pub(crate) admin_token_file: Option<PathBuf>,
    /// The certificate, followed by those that signed it (PEM)
    #[arg(long, value_name = "PATH", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "PATH", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Allow every host that can reach the service to read and write
    #[arg(long)]
    pub(crate) insecure_no_token: bool,
    /// Allow every host on the network path to read, to write, and to learn the token
    #[arg(long)]
    pub(crate) insecure_no_tls: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// The longest value, in bytes
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 16 << 20,
        value_parser = clap::value_parser!(u32).range(1..=LONGEST_VALUE_BYTES)
    )]
    pub(crate) max_value: u32,
    /// How many requests may be in progress; more are refused with 503
    #[arg(long, value_name = "N", default_value_t = 1024)]
    pub(crate) max_requests: usize,
    /// How many bytes of request bodies may be in memory; more are refused with 503. At least
    /// --max-value [default: 256 MiB, or four times --max-value if that is more]
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_bodies: Option<usize>,
    /// How many connections may be open; more wait
    #[arg(long, value_name = "N", default_value_t = 4096)]
    pub(crate) max_connections: usize,
    /// How long a client may take to send its headers, and then its body
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) read_timeout: Duration,
    /// How long a client may stop reading an answer before its connection is closed
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) write_timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Exit with 1 for warnings, too
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReadyArgs {
    /// The address that the service listens on, without TLS, and the path to ask for
    #[arg(value_name = "ADDRESS[/PATH]", default_value = "127.0.0.1:7480/readyz")]
    pub(crate) address: String,
    /// How long the service may take to answer
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = duration)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[command(flatten)]
    pub(crate) options: gryadka_bench::Options,
    /// Also write the whole report to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// What acceptors can store at most, in bytes.
const LONGEST_VALUE_BYTES: i64 = gryadka::Limits::LONGEST_VALUE as i64;

/// A time, or none where it is 0.
fn pause(text: &str) -> Result<Duration, String> {
    if text.trim_end_matches(|c: char| c.is_ascii_alphabetic()) == "0" {
        return Ok(Duration::ZERO);
    }
    duration(text)
}

/// A time such as `500ms`, `2s` or `1m`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default();
    let millis = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        _ => None,
    };
    let duration = digits.parse::<u64>().ok().zip(millis);
    duration
        .and_then(|(number, unit)| number.checked_mul(unit))
        .filter(|millis| (1..=LONGEST_MS).contains(millis))
        .map(Duration::from_millis)
        .ok_or_else(|| String::from("a time is written 500ms, 2s or 1m, and is at most a day"))
}

/// A day, in milliseconds.
const LONGEST_MS: u64 = 86_400_000;

/// The command line; or, after printing what clap answers instead, the exit code.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, ExitCode> {
    let words = std::iter::once(OsString::from("gryadka")).chain(args);
    Cli::try_parse_from(words).map_err(|error| {
        // If stderr is closed, only the exit code reports it.
        drop(error.print());
        let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        if asked { ExitCode::SUCCESS } else { USAGE.into() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use clap::builder::StyledStr;
    use std::fmt::Write as _;

    /// The help of a command and of all below it, as a terminal of 100 columns shows it.
    fn help(mut command: clap::Command, out: &mut String) {
        let shown: StyledStr = command.render_help();
        writeln!(out, "── {}\n{shown}", command.get_bin_name().unwrap_or_default()).unwrap();
        for subcommand in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            help(subcommand.clone(), out);
        }
    }

    #[test]
    fn the_help_is_as_it_was() {
        let mut command = Cli::command().term_width(100);
        command.build();
        let mut text = String::new();
        help(command, &mut text);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_time_is_a_number_and_its_unit() {
        for (text, expected) in [
            ("500ms", Some(500)),
            ("2s", Some(2000)),
            ("1m", Some(60_000)),
            ("2", None),
            ("0s", None),
            ("s", None),
            ("1.5s", None),
            ("-1s", None),
            ("2h", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(duration(text).ok(), expected.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn a_value_comes_from_one_place_and_a_condition_is_one() {
        let parsed = |line: &str| {
            let words = format!("gryadka {line} --acceptors redis://127.0.0.1:1");
            Cli::try_parse_from(words.split(' ')).is_ok()
        };
        for (line, fine) in [
            ("set k v", true),
            ("set k -", true),
            ("set k --file f", true),
            ("set k", false),
            ("set k v --file f", false),
            ("cas k --version 3 v", true),
            ("cas k --absent v", true),
            ("cas k v", false),
            ("cas k --absent --version 3 v", false),
            ("cas k --version -1 v", false),
            ("delete k --version 3", true),
            ("serve --tls-cert c", false),
            ("serve --collect-every 0", true),
            ("serve --start-timeout 0", true),
            ("serve --route a=b --route c=d,e=f", true),
            ("serve --max-value 536870742", true),
            ("serve --max-value 536870743", false),
            ("cluster grow", false),
            ("cluster grow redis://h:1 redis://h:2", true),
            ("cluster shrink one", false),
            ("serve --acceptor-user u --acceptor-password-file f --max-bodies 9", true),
        ] {
            assert_eq!(parsed(line), fine, "{line}");
        }
    }
}
