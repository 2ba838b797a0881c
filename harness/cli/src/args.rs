//! What a user can type.

use crate::environment::Wanted;
use crate::exit::Failure;
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use harness_checker::{Answers, FailedCas, ModelKind, NilRead};
use harness_history::{Notation, parse_value};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use workloads::{
    Draft, EnvironmentKind, FaultChoice, FaultKind, Fsync, Mutant, Proposers, Span, Target,
    Threshold, Workload,
};

/// What `harness proxy` can do beside Toxiproxy.
const OUR_TOXICS: &str = "\
Toxics beside Toxiproxy's own, with their attributes, whole numbers that are 0 where they are left out:
  blackhole                    nothing passes, and connections stay open
  loss     per_mille           of a thousand messages so many are lost, each with its connection
  drop     per_mille, usable   so many are left out; what follows them passes only if usable is 1
  corrupt  per_mille           of a thousand chunks so many have a bit flipped
Such as: curl -d '{\"type\":\"loss\",\"attributes\":{\"per_mille\":20}}' localhost:8474/proxies/NAME/toxics";

/// Does this store keep its word when the network does not?
#[derive(Debug, Parser)]
#[command(
    name = "harness",
    version,
    after_help = "Exit codes: 0 valid, 1 invalid, 2 unknown, 3 inconclusive, 4 a threshold was passed,\n64 bad arguments or files, 70 the harness itself failed, 130 interrupted before the load began."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a workload under faults, check its history and write a report
    #[command(allow_negative_numbers = true)]
    Run(Box<RunArgs>),
    /// Decide whether a history is linearizable
    Check(CheckArgs),
    /// Write a history in another format: JSON lines, EDN, or a JSON array
    Convert(ConvertArgs),
    /// Run the protocol in a seeded world: virtual network, virtual time, any fault
    Sim(SimArgs),
    /// Repeat a simulated run from its directory, and say whether it came out the same
    Replay(ReplayArgs),
    /// Put known bugs into the protocol, one by one, and see how soon each is found
    Mutants(MutantsArgs),
    /// Check a run directory again and write its report, whatever is left of it
    Report(ReportArgs),
    /// List workloads, scenarios, and the faults that each environment can do
    List,
    /// Say what this machine can do: environments, their faults, and what would make more possible
    Doctor(DoctorArgs),
    /// Undo what runs have left on this machine whose harness was killed
    Heal(HealArgs),
    /// Be a Toxiproxy: links to servers that misbehave when told so over HTTP
    #[command(after_help = OUR_TOXICS)]
    Proxy(ProxyArgs),
    /// The store's own service and tool, for proposers in processes and containers of their own
    #[command(hide = true, disable_help_flag = true)]
    Gryadka(GryadkaArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HealArgs {
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Only this run, by the id in the names of its containers; also where it cannot be told from here
    /// that its harness has ended [default: all whose harness has certainly ended]
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct GryadkaArgs {
    /// What `gryadka` is told
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A workload, a scenario that comes along (see `harness list`), a scenario file, or the directory of
    /// a run, which is run again
    #[arg(value_name = "WORKLOAD|SCENARIO")]
    pub(crate) what: String,
    #[command(flatten, next_help_heading = "Scenario")]
    pub(crate) scenario: ScenarioArgs,
    #[command(flatten, next_help_heading = "Check")]
    pub(crate) limits: LimitArgs,
    /// Print results.json on stdout instead of the summary
    #[arg(long)]
    pub(crate) json: bool,
}

/// Each flag has its field in scenario files, under the same name.
#[derive(Debug, Args)]
pub(crate) struct ScenarioArgs {
    /// Where to run: auto, docker, process, embedded, external [default: auto]
    #[arg(long, value_name = "NAME")]
    environment: Option<EnvironmentKind>,
    /// Where the proposers are: inside the harness, process, container [default: inside]
    #[arg(long, value_name = "PLACE")]
    proposers: Option<Proposers>,
    /// The acceptors' image, under docker [default: redis:8]
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Toxiproxy's image, under docker, or own for the harness's own proxy
    /// [default: ghcr.io/shopify/toxiproxy:2.12.0, or own where that cannot be had]
    #[arg(long, value_name = "IMAGE")]
    toxiproxy_image: Option<String>,
    /// A Toxiproxy to make the links with, instead of the harness's own proxy
    #[arg(long, value_name = "URL")]
    toxiproxy: Option<String>,
    /// The services of an external cluster, a node each
    #[arg(long, value_name = "URL,…", value_delimiter = ',')]
    services: Vec<String>,
    /// When Redis syncs its log: always, everysec, no [default: always]
    #[arg(long, value_name = "WHEN")]
    fsync: Option<Fsync>,
    /// Nodes, each a proposer and its acceptor, 1 to 9 [default: 3]
    #[arg(long, value_name = "N")]
    nodes: Option<u32>,
    /// How long the load goes on, such as 30s or 10m [default: 30s]
    #[arg(long, value_name = "TIME")]
    time: Option<Span>,
    /// Client threads in all [default: 2 per node]
    #[arg(long, value_name = "N")]
    concurrency: Option<u32>,
    /// Calls per second in all; 0 for as fast as it goes [default: 500]
    #[arg(long, value_name = "PER-SECOND")]
    rate: Option<f64>,
    /// Objects in use at a time [default: 5]
    #[arg(long, value_name = "N")]
    keys: Option<u32>,
    /// Keys written at first and read at the end by every node [default: 20 under membership, else 0]
    #[arg(long, value_name = "N")]
    cold: Option<u32>,
    /// How often tombstones are collected; 0 for never [default: 2s]
    #[arg(long, value_name = "TIME")]
    collect: Option<Span>,
    /// After this long a client gives a call up [default: 500ms]
    #[arg(long, value_name = "TIME")]
    deadline: Option<Span>,
    /// Kinds of faults, with commas between, or packages of them: all for what the environment can
    /// do, partition, network, process, redis, storage, proposers, none [default: all]
    #[arg(long, value_name = "KINDS")]
    faults: Option<String>,
    /// From the start of one fault to the start of the next [default: 1s500ms]
    #[arg(long, value_name = "TIME")]
    fault_interval: Option<Span>,
    /// How many faults there may be at the same time [default: 2]
    #[arg(long, value_name = "N")]
    overlap: Option<u32>,
    /// Whom faults of servers strike, with commas between: one, minority, majority, all, busiest
    /// [default: one]
    #[arg(long, value_name = "TARGETS", value_delimiter = ',')]
    targets: Vec<Target>,
    /// The last part of the load, without faults [default: 5s]
    #[arg(long, value_name = "TIME")]
    quiet: Option<Span>,
    /// Seed of the calls and of the fault schedule [default: drawn]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The directory to make the run directory in [default: runs]
    #[arg(long, value_name = "DIR")]
    output: Option<String>,
    /// A limit that the run must keep: p50, p99, max or gap below a time, rate above calls per second
    #[arg(long, value_name = "p99<200ms")]
    threshold: Vec<Threshold>,
    /// Break one rule, to see that it is noticed: reused-ballot, doubt-repeated, read-newest,
    /// answered-early, unguarded (of acceptors), misaimed (of the nemesis)
    #[arg(long, value_name = "NAME")]
    mutant: Option<Mutant>,
}

impl ScenarioArgs {
    /// The flags as a draft of a scenario.
    pub(crate) fn draft(&self) -> Result<Draft, Failure> {
        let faults = self.faults.as_deref().map(FaultChoice::several).transpose();
        let faults = faults.map_err(Failure::usage)?;
        Ok(Draft {
            workload: None,
            environment: self.environment,
            proposers: self.proposers,
            image: self.image.clone(),
            toxiproxy_image: self.toxiproxy_image.clone(),
            toxiproxy: self.toxiproxy.clone(),
            services: (!self.services.is_empty()).then(|| self.services.clone()),
            fsync: self.fsync,
            nodes: self.nodes,
            acceptors: None,
            time: self.time,
            concurrency: self.concurrency,
            rate: self.rate,
            keys: self.keys,
            cold: self.cold,
            collect: self.collect,
            deadline: self.deadline,
            faults,
            fault_interval: self.fault_interval,
            overlap: self.overlap,
            targets: (!self.targets.is_empty()).then(|| self.targets.clone()),
            quiet: self.quiet,
            seed: self.seed,
            output: self.output.clone(),
            threshold: (!self.threshold.is_empty()).then(|| self.threshold.clone()),
            mutant: self.mutant,
            schedule: None,
        })
    }

    /// Where the user wants it to run, in flags or in a file, and what must be possible there.
    pub(crate) fn wanted(&self, file: &Draft, needs: Vec<FaultKind>) -> Wanted {
        Wanted {
            needs,
            kind: self.environment.or(file.environment),
            proposers: self.proposers.or(file.proposers),
            image: self.image.clone().or_else(|| file.image.clone()),
            toxiproxy_image: self.toxiproxy_image.clone().or_else(|| file.toxiproxy_image.clone()),
            toxiproxy: self.toxiproxy.clone().or_else(|| file.toxiproxy.clone()),
            services: if self.services.is_empty() {
                file.services.clone().unwrap_or_default()
            } else {
                self.services.clone()
            },
        }
    }
}

/// What a check may spend.
#[derive(Debug, Clone, Args)]
pub(crate) struct LimitArgs {
    /// After this long a check ends as unknown
    #[arg(long, value_name = "TIME", default_value = "2m")]
    pub(crate) check_time: Span,
    /// With this much memory, in MiB, a check ends as unknown
    #[arg(long, value_name = "MIB", default_value_t = 2048)]
    pub(crate) check_memory: usize,
}

/// Where histories come from, and what their events are.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Histories, or - for stdin: JSON lines, a JSON array, EDN (history.edn) or Jepsen's history.txt
    #[arg(value_name = "HISTORY", required = true)]
    pub(crate) histories: Vec<PathBuf>,
    /// The files are parts of one history, such as a log of each client; events are ordered by their
    /// index
    #[arg(long)]
    pub(crate) merge: bool,
    /// Values are [key, value], as Jepsen's independent workloads write them
    #[arg(long)]
    pub(crate) independent: bool,
    /// A field of events that says nothing about what a call did
    #[arg(long, value_name = "NAME")]
    pub(crate) ignore_field: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) input: HistoryArgs,
    /// register, cas-register, versioned-cas, counter, append, kv-append [default: the history's own]
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<ModelKind>,
    /// What every object holds at first, as JSON [default: the history's own, or null]
    #[arg(long, value_name = "JSON", value_parser = json)]
    pub(crate) initial: Option<serde_json::Value>,
    /// What a read of null says: null (the object is unset) or any (nothing)
    #[arg(long, value_name = "null|any", default_value = "null", value_parser = nil_read)]
    pub(crate) nil_read: NilRead,
    /// What a failed cas says: drop (nothing) or mismatch (the value was another at some instant)
    #[arg(long, value_name = "drop|mismatch", default_value = "drop", value_parser = failed_cas)]
    pub(crate) failed_cas: FailedCas,
    /// What the ok of a change says: echo (its argument again, so nothing), after or before (what
    /// the object held then), or auto (what its form shows; if it is the argument again, nothing)
    #[arg(long, value_name = "auto|echo|after|before", default_value = "auto", value_parser = answers)]
    pub(crate) answers: Answers,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// Print the answer as JSON; for several histories as an array
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    #[command(flatten)]
    pub(crate) input: HistoryArgs,
    /// The format to write: jsonl (JSON lines), edn (as in history.edn) or json (one array)
    #[arg(long, value_name = "jsonl|edn|json", default_value_t)]
    pub(crate) to: Notation,
    /// The file to write; it must not be there yet [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SimArgs {
    /// swarm, published for all scenarios of the published simulation, one of these, or a file: one of
    /// the world, or the scenario.toml of a run of real servers, played with its faults
    #[arg(value_name = "SCENARIO", default_value = "swarm")]
    pub(crate) scenario: String,
    /// Seeds to run, such as 7 or 1..1000 [default: as many as the scenario asks for]
    #[arg(long, value_name = "FIRST..LAST")]
    pub(crate) seeds: Option<Seeds>,
    /// Stop after this long, whatever seeds are left; alone, go on until then
    #[arg(long, value_name = "TIME")]
    pub(crate) time: Option<Span>,
    /// Seeds run at the same time [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
    /// Put a known bug in (see `harness mutants --list`)
    #[arg(long, value_name = "NAME")]
    pub(crate) mutant: Option<harness_sim::Mutant>,
    /// Print every message of one seed, and what the acceptors hold
    #[arg(long)]
    pub(crate) trace: bool,
    /// Write the faults of one seed to a scenario file for `harness run`, on real servers
    #[arg(long, value_name = "FILE")]
    pub(crate) schedule: Option<PathBuf>,
    /// With --schedule: how many times as long everything takes on real servers
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) stretch: u32,
    /// The directory to make a run directory in when there is a violation
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) output: PathBuf,
    /// Print the results as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The directory of a simulated run
    #[arg(default_value = "runs/latest")]
    pub(crate) run: PathBuf,
    /// Print the messages too
    #[arg(long)]
    pub(crate) trace: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MutantsArgs {
    /// Only these mutants
    pub(crate) mutants: Vec<String>,
    /// Only list them
    #[arg(long)]
    pub(crate) list: bool,
    /// Search with whole runs on real sockets or servers, instead of seeds of the simulated world
    #[arg(long, conflicts_with_all = ["list", "campaigns", "most"])]
    pub(crate) real: bool,
    /// The workloads of real runs
    #[arg(
        long,
        value_name = "NAMES",
        requires = "real",
        value_delimiter = ',',
        default_value = "append,cas-register"
    )]
    pub(crate) workload: Vec<Workload>,
    /// Where real runs take place
    #[arg(long, value_name = "NAME", requires = "real", default_value = "embedded")]
    pub(crate) environment: EnvironmentKind,
    /// How long a real run lasts
    #[arg(long, value_name = "TIME", requires = "real", default_value = "60s")]
    pub(crate) time: Span,
    /// The seeds of real runs
    #[arg(long, value_name = "SEEDS", requires = "real", default_value = "1..5")]
    pub(crate) seeds: Seeds,
    /// How many real runs there are at a time, 1 to 64
    #[arg(long, value_name = "N", requires = "real", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: u16,
    /// The directory for the directories of real runs
    #[arg(long, value_name = "DIR", requires = "real", default_value = "runs/mutants")]
    pub(crate) output: PathBuf,
    /// Independent searches for each mutant
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) campaigns: u64,
    /// A mutant that this many seeds do not show has escaped
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) most: u64,
}

/// Seeds from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seeds {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let seeds = match text.split_once("..") {
            Some((first, last)) => number(first).zip(number(last.trim_start_matches('='))),
            None => number(text).map(|seed| (seed, seed)),
        };
        match seeds {
            Some((first, last)) if first <= last => Ok(Self { first, last }),
            _ => Err(String::from("allowed: one seed, such as 7, or first..last, such as 1..1000")),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run directory
    #[arg(default_value = "runs/latest")]
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    /// Print results.json on stdout instead of the summary
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ProxyArgs {
    /// Where to listen for requests about proxies; port 0 for any
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8474", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// Proxies to begin with, a file in Toxiproxy's format: [{"name": …, "listen": …, "upstream": …}]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Seed of everything that is random about the proxies [default: drawn]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| String::from("an address and a port are wanted, such as 127.0.0.1:8474"))
}

fn json(text: &str) -> Result<serde_json::Value, String> {
    parse_value(text).map_err(|error| format!("not JSON ({error}); a string needs quotes"))
}

fn nil_read(text: &str) -> Result<NilRead, String> {
    match text {
        "null" => Ok(NilRead::Null),
        "any" => Ok(NilRead::Any),
        _ => Err(String::from("allowed: null, any")),
    }
}

fn failed_cas(text: &str) -> Result<FailedCas, String> {
    match text {
        "drop" => Ok(FailedCas::Drop),
        "mismatch" => Ok(FailedCas::Mismatch),
        _ => Err(String::from("allowed: drop, mismatch")),
    }
}

fn answers(text: &str) -> Result<Answers, String> {
    match text {
        "auto" => Ok(Answers::Auto),
        "echo" => Ok(Answers::Echo),
        "after" => Ok(Answers::After),
        "before" => Ok(Answers::Before),
        _ => Err(String::from("allowed: auto, echo, after, before")),
    }
}

/// Reads the command line. Help and version are printed here, and end the program well.
pub(crate) fn parse() -> Result<Cli, Failure> {
    Cli::try_parse().map_err(|error| {
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            error.exit();
        }
        let said = error.render().to_string();
        Failure::Usage(plain(said.trim_start_matches("error: ").trim_end()))
    })
}

/// What the standard library says of a number that is none, and what would be right.
const NO_NUMBERS: [(&str, &str); 6] = [
    ("invalid digit found in string", "a whole number is wanted, such as 3"),
    ("cannot parse integer from empty string", "a whole number is wanted, such as 3"),
    ("number too large to fit in target type", "the number is too large"),
    ("number too small to fit in target type", "the number is too small"),
    ("invalid float literal", "a number is wanted, such as 500 or 0.5"),
    ("cannot parse float from empty string", "a number is wanted, such as 500 or 0.5"),
];

fn plain(said: &str) -> String {
    NO_NUMBERS.iter().fold(said.to_owned(), |said, (no, right)| said.replace(no, right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_help_of_every_command() {
        let mut command = Cli::command().term_width(100);
        command.build();
        let mut help = String::new();
        for subcommand in command.get_subcommands_mut().filter(|sub| !sub.is_hide_set()) {
            help += &format!("{}\n", subcommand.render_help());
        }
        insta::assert_snapshot!(help);
    }

    #[test]
    fn a_number_that_is_none_is_told_with_what_would_be_right() {
        for (flag, value, right) in [
            ("--nodes", "three", "a whole number is wanted, such as 3"),
            ("--nodes", "", "a whole number is wanted, such as 3"),
            ("--nodes", "1.5", "a whole number is wanted, such as 3"),
            ("--check-memory", "99999999999999999999", "the number is too large"),
            ("--concurrency", "x", "a whole number is wanted, such as 3"),
            ("--seed", "-x", "a whole number is wanted, such as 3"),
            ("--check-memory", "1G", "a whole number is wanted, such as 3"),
            ("--rate", "fast", "a number is wanted, such as 500 or 0.5"),
            ("--rate", "", "a number is wanted, such as 500 or 0.5"),
            ("--keys", "0x5", "a whole number is wanted, such as 3"),
        ] {
            let flag = format!("{flag}={value}");
            let error = Cli::try_parse_from(["harness", "run", "append", &flag]).unwrap_err();
            let said = plain(&error.to_string());
            assert!(
                said.contains(right) && said.contains(flag.split('=').next().unwrap()),
                "{said}"
            );
        }
    }

    #[test]
    fn a_misspelt_flag_is_told_the_nearest_right_one() {
        let error =
            Cli::try_parse_from(["harness", "run", "append", "--fault", "cut"]).unwrap_err();
        assert!(error.to_string().contains("a similar argument exists: '--faults'"), "{error}");
    }
}
