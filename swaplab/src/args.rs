//! The arguments, as clap reads them.

use std::path::PathBuf;
use std::time::Duration;

use campaign::engine::EngineKind;
use campaign::scenario;
use clap::{Args as ClapArgs, Parser, Subcommand};
use file_server::ServerRule;
use lab::FileKind;
use nvme_model::fault::Rule;
use swap_path::PathKind;

use crate::campaign::args::CampaignArgs;
use crate::drive::Drive;
use crate::image::args::ImageArgs;
use crate::namespace::args::NamespaceArgs;

/// A laboratory for swap over filesystems on emulated NVMe hardware.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 80, arg_required_else_help = true)]
pub(crate) struct Args {
    /// Say more: the guest's log, what the machine does (repeat for more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the mail's scenarios on every swap path and print checked verdicts
    Reproduce(Reproduce),
    /// Boot an image on the faulty controller and show its console
    Boot(Boot),
    /// Serve the faulty controller to a virtual machine of QEMU's or others
    Serve(Serve),
    /// Faults: what there is, and those of a running machine
    Fault(FaultArgs),
    /// Namespaces of a running machine: list, add, remove, resize
    Namespace(NamespaceArgs),
    /// Many units: plan, run, merge, report, compare
    Campaign(CampaignArgs),
    /// Disk images: make, check and look into filesystems and swap space
    Image(ImageArgs),
    /// Measure: figures with their goals
    Bench(Bench),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Reproduce {
    /// Scenarios to run (all if none is named; --list shows them)
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,

    /// Where the guest runs: kvm (a real virtual machine) or host (in process)
    #[arg(long, default_value = "kvm", value_name = "kvm|host")]
    pub(crate) engine: EngineKind,

    /// Only these swap paths: extents, dio-raw, dio, dio-locked, dio-swapmap, swap (may be repeated)
    #[arg(long, value_name = "PATH", value_delimiter = ',')]
    pub(crate) path: Vec<PathKind>,

    /// Only swap files of these kinds: written, unwritten, hole, extending, dirty, shared (may be repeated)
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = scenario::kind_named)]
    pub(crate) kind: Vec<FileKind>,

    /// Write the report to FILE: one page of HTML (report.html if all scenarios are run)
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,

    /// Play a scenario of your own from a file (the form is that of campaign/scenarios; may be repeated)
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Vec<PathBuf>,

    /// Tell what happened, layer by layer, with virtual times
    #[arg(long)]
    pub(crate) explain: bool,

    /// One JSON object a line instead of the table
    #[arg(long)]
    pub(crate) json: bool,

    /// List the scenarios with their claims and run nothing
    #[arg(long)]
    pub(crate) list: bool,

    /// Write every event of every unit to FILE, as text
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Boot {
    /// What to boot: a PVH ELF or a Linux bzImage (the built-in guest if none is named)
    #[arg(long, value_name = "FILE")]
    pub(crate) image: Option<PathBuf>,

    /// The initial RAM disk of a Linux kernel
    #[arg(long, value_name = "FILE", requires = "image")]
    pub(crate) initrd: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) drive: Drive,

    /// Bytes of a logical block of the drive
    #[arg(long, default_value = "4096", value_name = "512|4096", value_parser = lba_bytes)]
    #[arg(requires = "image")]
    pub(crate) lba: u32,

    /// Give up on a guest that runs longer than this (seconds)
    #[arg(long, default_value = "60", value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Duration,

    /// Guest memory in MiB
    #[arg(long, default_value_t = 64, value_name = "MIB")]
    pub(crate) memory: u64,

    /// The guest's command line; the built-in guest plays the shutdown scenario if nothing is said
    #[arg(long, value_name = "WORDS")]
    pub(crate) append: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Serve {
    /// Where QEMU (10.1 and later) or another client of vfio-user connects
    #[arg(long, value_name = "SOCKET")]
    pub(crate) socket: PathBuf,

    #[command(flatten)]
    pub(crate) drive: Drive,

    /// Bytes of a logical block; firmware often boots from 512 only
    #[arg(long, default_value = "4096", value_name = "512|4096", value_parser = lba_bytes)]
    pub(crate) lba: u32,

    /// When a client hangs up, wait for the next one: the drive keeps what a power cut leaves
    #[arg(long)]
    pub(crate) again: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct FaultArgs {
    #[command(subcommand)]
    pub(crate) command: FaultCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FaultCommand {
    /// List every kind of fault and every word of a rule, with examples
    Kinds,
    /// Print the JSON Schema of a plan in TOML
    Schema,
    /// Read a plan and print its rules in the one-line form
    Check {
        /// The plan
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Read rules of a file server and print them in their one-line form
    CheckServer {
        /// The rules, such as 'read page=10 => error=EIO'
        #[arg(value_name = "RULE", required = true)]
        rules: Vec<ServerRule>,
    },
    /// Arm rules in a running machine
    Arm {
        /// The rules, such as 'read nth=3 => status=media/unrecovered-read dnr'
        #[arg(value_name = "RULE", required = true)]
        rules: Vec<Rule>,
        #[command(flatten)]
        socket: Socket,
    },
    /// Disarm rules of a running machine, by their numbers in the list
    Disarm {
        /// The rules' numbers
        #[arg(value_name = "NUMBER", required = true)]
        rules: Vec<u32>,
        #[command(flatten)]
        socket: Socket,
    },
    /// List the rules of a running machine with how often each matched and fired
    List {
        #[command(flatten)]
        socket: Socket,
    },
    /// Show what fired in a running machine, and what its driver did wrong
    Log {
        /// Begin with the decision of this number
        #[arg(long, default_value_t = 0, value_name = "NUMBER")]
        since: u64,
        #[command(flatten)]
        socket: Socket,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Socket {
    /// The machine's socket: what `--control` of `swaplab boot` or `serve` names
    #[arg(long = "socket", value_name = "SOCKET")]
    pub(crate) path: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Bench {
    /// What to measure
    #[arg(value_enum)]
    pub(crate) what: BenchKind,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum BenchKind {
    /// Process start to first guest output; power cycles per second in place
    Boot,
    /// The controller: random 4 KiB against plain memory copies of the same run
    Nvme,
    /// The filesystem: direct I/O against the drive alone, creates, mounting 1 TiB, lookups in large maps
    Fs,
    /// A swapped page: the paths against each other; folios whole and split
    Swap,
    /// Units per second and core on both engines; what a second worker gains
    Campaign,
    /// What `boot` measures in a process of its own: say `.` at the first output, and stop
    #[value(hide = true)]
    BootOnce,
}

pub(crate) fn lba_bytes(text: &str) -> Result<u32, String> {
    match text {
        "512" => Ok(512),
        "4096" => Ok(4096),
        _ => Err("a block has 512 or 4096 bytes".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
