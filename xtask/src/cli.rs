//! The command line: what is typed, and the exit status that answers.
//!
//! 0: all is well. 1: a check failed. 2: wrong usage, or something this machine lacks. 125: the stock
//! KVM host did not finish.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use xtask::stock_kvm::{self, Ended};
use xtask::{fuzz, suite, tidy, workspace};

/// Exit status for wrong usage or a machine that lacks something.
const EXIT_ENVIRONMENT: u8 = 2;

/// The tasks of a swaplab developer.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run every check and every test that this machine can run, and say what it could not.
    Test {
        /// Run only the steps whose title contains TEXT; may be repeated.
        #[arg(long, value_name = "TEXT")]
        only: Vec<String>,
    },
    /// Check the rules of the repository that no compiler knows.
    Tidy,
    /// Write docs/nvme-coverage.md anew: what of NVMe there is, where, and which tests check it.
    Coverage,
    /// Feed the fuzz targets with bytes from a seeded generator: no nightly compiler, the same every time.
    Fuzz {
        /// Operations for each target.
        #[arg(long, default_value_t = 1_000_000)]
        ops: u64,
        /// The generator's seed.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Run this target only.
        #[arg(long)]
        target: Option<String>,
    },
    /// Run COMMAND on a stock KVM host (QEMU TCG with AMD SVM): right semantics, meaningless timing.
    ///
    /// COMMAND sees this machine's files; changes are kept in the current folder only. Exits with
    /// COMMAND's status, or with 125 when the host did not finish.
    StockKvm {
        /// Memory of the host in MiB.
        #[arg(long, env = "STOCK_KVM_MEMORY_MIB", default_value_t = 4096)]
        memory_mib: u32,
        /// Processors of the host.
        #[arg(long, env = "STOCK_KVM_CPUS", default_value_t = 2)]
        cpus: u32,
        /// Seconds until the host is given up.
        #[arg(long, env = "STOCK_KVM_TIMEOUT_S", default_value_t = 1500)]
        timeout_s: u64,
        /// The command and its arguments.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

/// Parses the command line and does what it says.
pub(crate) fn run() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Test { only } => run_suite(&only),
        Task::Tidy => run_tidy(),
        Task::Coverage => tidy::write_coverage(&workspace::root()).map(|()| ExitCode::SUCCESS),
        Task::Fuzz { ops, seed, target } => fuzz::run(ops, seed, target.as_deref()),
        Task::StockKvm { memory_mib, cpus, timeout_s, command } => {
            let timeout = Duration::from_secs(timeout_s);
            run_stock_kvm(memory_mib, cpus, timeout, command)
        }
    };
    result.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::from(EXIT_ENVIRONMENT)
    })
}

fn run_suite(only: &[String]) -> Result<ExitCode> {
    let report = suite::run(only);
    anyhow::ensure!(!report.is_empty(), "no step's title contains {}", only.join(" or "));
    println!("\n{report}");
    Ok(ExitCode::from(u8::from(!report.is_good())))
}

fn run_tidy() -> Result<ExitCode> {
    let findings = tidy::check(&workspace::root())?;
    for finding in &findings {
        println!("{finding}");
    }
    println!("tidy: {} findings of {} checks", findings.len(), tidy::names().len());
    Ok(ExitCode::from(u8::from(!findings.is_empty())))
}

fn run_stock_kvm(
    memory_mib: u32,
    cpus: u32,
    timeout: Duration,
    command: Vec<OsString>,
) -> Result<ExitCode> {
    let folder = std::env::current_dir().context("there is no current folder")?;
    let env = stock_kvm::passed_env();
    match stock_kvm::run(&stock_kvm::Options { memory_mib, cpus, timeout, folder, env, command })? {
        Ended::Status(status) => Ok(ExitCode::from(status)),
        Ended::HostDied { why, console } => {
            eprintln!("stock-kvm: the host did not finish: {why}");
            eprintln!("stock-kvm: the end of its serial console:\n{console}");
            Ok(ExitCode::from(stock_kvm::EXIT_HOST_DIED))
        }
    }
}
