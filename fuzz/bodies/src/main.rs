//! The runner without libFuzzer: `cargo xtask fuzz` calls it.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use fuzz_bodies::runner::{self, Plan};
use fuzz_bodies::targets;

/// Runs fuzz targets on bytes from a seeded generator.
#[derive(Debug, Parser)]
struct Cli {
    /// Operations for each target.
    #[arg(long, default_value_t = 1_000_000)]
    ops: u64,
    /// Where the bytes come from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run this target only.
    #[arg(long)]
    target: Option<String>,
    /// Run the bytes of this file once, instead of generating any.
    #[arg(long, requires = "target")]
    replay: Option<PathBuf>,
    /// Where to keep bytes that break something.
    #[arg(long, default_value = "fuzz/crashes")]
    crashes: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let is_wanted = |name: &str| cli.target.as_ref().is_none_or(|target| target == name);
    let mut is_good = true;
    let mut is_known = false;
    for target in targets::ALL.iter().filter(|target| is_wanted(target.name)) {
        is_known = true;
        if let Some(path) = &cli.replay {
            match std::fs::read(path) {
                Ok(bytes) => println!("{}: {} operations", target.name, (target.run)(&bytes)),
                Err(error) => {
                    eprintln!("{}: {error}", path.display());
                    is_good = false;
                }
            }
            continue;
        }
        let plan = Plan { ops: cli.ops, seed: cli.seed, crashes: cli.crashes.clone() };
        let report = runner::run(target, &plan);
        println!("{:<10} {report}", target.name);
        is_good &= report.findings.is_empty();
    }
    if !is_known {
        let names: Vec<&str> = targets::ALL.iter().map(|target| target.name).collect();
        eprintln!("no such target; known are {}", names.join(", "));
    }
    ExitCode::from(u8::from(!(is_good && is_known)))
}
