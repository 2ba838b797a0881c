//! What can be asked for on the command line.

use crate::BenchError;
use jiff::SignedDuration;
use std::time::Duration;

/// When a private server writes its log of changes to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fsync {
    /// When the operating system decides.
    No,
    /// Once a second.
    Everysec,
    /// Before every reply.
    Always,
}

impl Fsync {
    /// The word as Redis and the command line have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Everysec => "everysec",
            Self::Always => "always",
        }
    }
}

/// A set of cases that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// Changes: 1 loop on 1 key, 64 on 64, 512 on 512, and two proposers on one key.
    Standard,
    /// The same, quorum reads and a mix of both, each beside the figure that is wanted.
    Figures,
}

/// How a benchmark is run. Without any of `--loops --keys --proposers --read-share --rate` the
/// cases are those of the profile.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Private redis-servers to start on loopback
    #[arg(long, default_value_t = 3, value_name = "N", help_heading = "Servers")]
    pub acceptors: usize,
    /// Running servers to use instead, as redis://host:port, separated by commas. Keys of the
    /// benchmark are removed from them afterwards
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "URL",
        conflicts_with_all = ["acceptors", "fsync"],
        help_heading = "Servers"
    )]
    pub urls: Vec<String>,
    /// Private servers write an append-only file and sync it so [default: no append-only file]
    #[arg(long, value_enum, value_name = "WHEN", help_heading = "Servers")]
    pub fsync: Option<Fsync>,

    /// A set of cases [default: standard]
    #[arg(
        long,
        value_enum,
        conflicts_with_all = ["loops", "keys", "proposers", "read_share", "rate"],
        help_heading = "Load"
    )]
    pub profile: Option<Profile>,
    /// Callers that each wait for one call before they make the next [default: 64]
    #[arg(long, value_name = "L", help_heading = "Load")]
    pub loops: Option<usize>,
    /// Registers that are changed: loop i keeps to those whose number is i modulo L [default: 64]
    #[arg(long, value_name = "K", help_heading = "Load")]
    pub keys: Option<usize>,
    /// Instances of the store, which the loops share evenly [default: 1]
    #[arg(long, value_name = "P", help_heading = "Load")]
    pub proposers: Option<usize>,
    /// Share of calls that are quorum reads of any key, 0 to 1 [default: 0]
    #[arg(long, value_name = "SHARE", help_heading = "Load")]
    pub read_share: Option<f64>,
    /// Calls per second that begin on time, whether or not those before have ended (open loop)
    #[arg(long, value_name = "PER SECOND", conflicts_with = "loops", help_heading = "Load")]
    pub rate: Option<f64>,
    /// Bytes of a value
    #[arg(long, default_value_t = 100, value_name = "BYTES", help_heading = "Load")]
    pub value: usize,
    /// The deadline of each call
    #[arg(long, default_value = "5s", value_parser = duration, help_heading = "Load")]
    pub deadline: Duration,

    /// How often each case has its turn
    #[arg(long, default_value_t = 5, value_name = "R", help_heading = "Measuring")]
    pub rounds: usize,
    /// How long one turn takes
    #[arg(long, default_value = "1s", value_parser = duration, help_heading = "Measuring")]
    pub slice: Duration,
    /// Calls that the bare client keeps under way at each server
    #[arg(long, default_value_t = 128, value_name = "CALLS", help_heading = "Measuring")]
    pub window: usize,
    /// Threads that run the store's tasks; 0 runs them all on the calling thread
    #[arg(long, default_value_t = 0, value_name = "N", help_heading = "Measuring")]
    pub threads: usize,

    /// Instead of figures: full load for so long, deletes among it, and what it does to memory
    #[arg(
        long,
        value_parser = duration,
        conflicts_with_all = ["profile", "rate"],
        value_name = "SPAN",
        help_heading = "Soak"
    )]
    pub soak: Option<Duration>,
    /// Share of the changes of a soak that are deletes, 0 to 1
    #[arg(
        long,
        default_value_t = 0.2,
        value_name = "SHARE",
        requires = "soak",
        help_heading = "Soak"
    )]
    pub delete_share: f64,
    /// How far apart the samples of a soak are
    #[arg(
        long,
        default_value = "5s",
        value_parser = duration,
        requires = "soak",
        value_name = "SPAN",
        help_heading = "Soak"
    )]
    pub every: Duration,
}

/// A span of time as people write it: `10m`, `1s`, `250ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let span: SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(span).map_err(|_| String::from("a span of time is not negative"))
}

impl Options {
    /// Whether the options describe one workload of their own, and no profile.
    pub(crate) const fn own_workload(&self) -> bool {
        self.loops.is_some()
            || self.keys.is_some()
            || self.proposers.is_some()
            || self.read_share.is_some()
            || self.rate.is_some()
    }

    /// Refuses what cannot be run.
    pub(crate) fn check(&self) -> Result<(), BenchError> {
        let wrong =
            |option, value: String, reason| Err(BenchError::Option { option, value, reason });
        let counts = [
            ("--acceptors", self.acceptors),
            ("--loops", self.loops.unwrap_or(1)),
            ("--keys", self.keys.unwrap_or(1)),
            ("--proposers", self.proposers.unwrap_or(1)),
            ("--rounds", self.rounds),
            ("--window", self.window),
        ];
        if let Some((option, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return wrong(option, String::from("0"), "at least 1 is needed");
        }
        let shares = [
            ("--read-share", self.read_share.unwrap_or_default()),
            ("--delete-share", self.delete_share),
        ];
        if let Some((option, share)) =
            shares.into_iter().find(|(_, share)| !(0.0..=1.0).contains(share))
        {
            return wrong(option, share.to_string(), "a share is from 0 to 1");
        }
        let spans = [
            ("--slice", self.slice),
            ("--deadline", self.deadline),
            ("--every", self.every),
            ("--soak", self.soak.unwrap_or(self.every)),
        ];
        if let Some((option, _)) = spans.into_iter().find(|(_, span)| span.is_zero()) {
            return wrong(option, String::from("0"), "it must take some time");
        }
        match self.rate {
            Some(rate) if !(rate.is_finite() && rate > 0.0) => {
                wrong("--rate", rate.to_string(), "it must be above 0")
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        options: Options,
    }

    fn parse(words: &[&str]) -> Options {
        let words = ["bench"].iter().chain(words);
        Arguments::try_parse_from(words).map(|arguments| arguments.options).unwrap()
    }

    fn complaint(words: &[&str]) -> String {
        parse(words).check().unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_in_order() {
        let options = parse(&[]);
        assert!(options.check().is_ok());
        assert!(!options.own_workload());
        assert_eq!(options.slice, Duration::from_secs(1));
    }

    #[test]
    fn one_word_about_the_load_makes_it_an_own_workload() {
        assert!(parse(&["--keys", "8"]).own_workload());
        assert!(parse(&["--rate", "1000"]).own_workload());
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        insta::assert_snapshot!(
            [
                complaint(&["--loops", "0"]),
                complaint(&["--read-share", "1.5"]),
                complaint(&["--slice", "0s"]),
                complaint(&["--rate", "0"]),
            ]
            .join("\n"),
            @r"
        --loops cannot be 0: at least 1 is needed
        --read-share cannot be 1.5: a share is from 0 to 1
        --slice cannot be 0: it must take some time
        --rate cannot be 0: it must be above 0
        "
        );
    }
}
