//! `gryadka cluster …`.

use super::{PlaceArgs, duration};
use clap::{Args, Subcommand};
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Make a cluster of servers that belong to none: of all that --acceptors names. What they hold under
    /// the prefix is erased
    Init(ClusterArgs),
    /// Print the configuration and how each acceptor is
    Status(ClusterArgs),
    /// Add acceptors, while clients go on
    Grow {
        /// Their addresses. What these servers hold under the prefix is erased
        #[arg(required = true, value_name = "ADDRESS")]
        newcomers: Vec<String>,
        #[command(flatten)]
        how: LongArgs,
    },
    /// Remove acceptors, while clients go on
    Shrink {
        /// Their ids, as in `gryadka cluster status`
        #[arg(required = true, value_name = "ID")]
        leaving: Vec<u32>,
        #[command(flatten)]
        how: LongArgs,
    },
    /// Give an acceptor's place to an empty server; to itself, where it has lost its memory
    Replace {
        /// The id of the one that leaves, as in `gryadka cluster status`
        #[arg(value_name = "ID")]
        old: u32,
        /// The address of the one that joins. What it holds under the prefix is erased
        #[arg(value_name = "ADDRESS")]
        new: String,
        #[command(flatten)]
        how: LongArgs,
    },
    /// Commit every key again under the present configuration
    Rescan(LongArgs),
    /// Finish what an interrupted command has left half done
    Resume(LongArgs),
    /// Give up what was begun; the acceptors stay that there are after the step under way
    Cancel(LongArgs),
    /// Erase deleted keys from every acceptor, once
    Collect(LongArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// How something that takes long is done.
#[derive(Debug, Args)]
pub(crate) struct LongArgs {
    /// When to stop, with what was done left as it is: `gryadka cluster resume` goes on
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub(crate) within: Duration,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}
