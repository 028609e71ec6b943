//! The arguments of `swaplab namespace`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::args::{Socket, lba_bytes};
use crate::drive::SIZE_MIB_MAX;

#[derive(Debug, Args)]
pub(crate) struct NamespaceArgs {
    #[command(subcommand)]
    pub(crate) command: NamespaceCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NamespaceCommand {
    /// List the namespaces, and what is left for the guest to make its own of
    List {
        #[command(flatten)]
        socket: Socket,
    },
    /// Add a namespace, in RAM or in a file, attached: the guest is told
    Add(Add),
    /// Remove namespaces: commands in flight fail, what was in RAM is lost
    Remove {
        /// Their identifiers
        #[arg(value_name = "NSID", required = true)]
        nsids: Vec<u32>,
        #[command(flatten)]
        socket: Socket,
    },
    /// Make a namespace in RAM larger or smaller; what is cut off is lost
    Resize {
        /// Its identifier
        #[arg(value_name = "NSID")]
        nsid: u32,
        /// The size from now on, in MiB
        #[arg(long, value_name = "MIB")]
        #[arg(value_parser = clap::value_parser!(u64).range(1..=SIZE_MIB_MAX))]
        size: u64,
        #[command(flatten)]
        socket: Socket,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Its identifier (the lowest that is free if none is named)
    #[arg(value_name = "NSID")]
    pub(crate) nsid: Option<u32>,

    /// In RAM, of so many MiB; only what is written takes memory
    #[arg(long, value_name = "MIB", required_unless_present = "disk", conflicts_with = "disk")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=SIZE_MIB_MAX))]
    pub(crate) size: Option<u64>,

    /// In a raw or qcow2 file, which is written; the machine opens it
    #[arg(long, value_name = "FILE")]
    pub(crate) disk: Option<PathBuf>,

    /// Bytes of a logical block
    #[arg(long, default_value = "4096", value_name = "512|4096", value_parser = lba_bytes)]
    pub(crate) lba: u32,

    #[command(flatten)]
    pub(crate) socket: Socket,
}
