//! `gryadka cluster …`.

use super::{PlaceArgs, ReachArgs, duration};
use clap::{Args, Subcommand};
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Make a cluster of all servers that --acceptors names, none of which may belong to one. What they
    /// hold under the prefix is erased
    Init(ClusterArgs),
    /// Print the configuration and the state of each acceptor
    Status(ClusterArgs),
    /// Add acceptors while clients read and write
    Grow {
        /// Their addresses, with user and password if they demand one. What these servers hold under the
        /// prefix is erased
        #[arg(required = true, value_name = "ADDRESS")]
        joining: Vec<String>,
        #[command(flatten)]
        how: LongArgs,
    },
    /// Remove acceptors while clients read and write
    Shrink {
        /// Their ids, as `gryadka cluster status` prints them
        #[arg(required = true, value_name = "ID")]
        leaving: Vec<u32>,
        #[command(flatten)]
        how: LongArgs,
    },
    /// Replace an acceptor by another server; or by the same one, if it has lost its data
    Replace {
        /// The id of the acceptor to remove, as `gryadka cluster status` prints it
        #[arg(value_name = "ID")]
        old: u32,
        /// The address of the server to add. What it holds under the prefix is erased
        #[arg(value_name = "ADDRESS")]
        new: String,
        #[command(flatten)]
        how: LongArgs,
    },
    /// Commit every key again under the present configuration
    Rescan(LongArgs),
    /// Finish a change of the acceptors that was interrupted
    Resume(LongArgs),
    /// Give up a change of the acceptors, once the step in progress is done
    Cancel(LongArgs),
    /// Erase deleted keys from every acceptor, once
    Collect(LongArgs),
    /// Free a server that has left its cluster, so that it may found or join another one. What it holds
    /// under the prefix is erased
    Release(ReleaseArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Which server is to be freed.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// Its address
    pub(crate) address: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
}

/// How something that takes long is done.
#[derive(Debug, Args)]
pub(crate) struct LongArgs {
    /// When to stop; what is done by then stays, and `gryadka cluster resume` continues
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub(crate) within: Duration,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}
