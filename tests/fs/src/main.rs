//! The long runs of the proof, for whoever has the time. Each line says how to have it again.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use fs_proof::crash::{Effort, Explorer};
use fs_proof::random::{Plan, run};
use fs_proof::session::Tally;
use fs_proof::{Failure, ace};

/// Proves the filesystem: power cuts and random histories.
#[derive(Debug, Parser)]
#[command(max_term_width = 80, arg_required_else_help = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Cut the power at every media event of sequences of operations
    Crash {
        /// Operations of a sequence: 1, 2 or 3
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=3))]
        length: u32,
        /// The first sequence
        #[arg(long, default_value_t = 0)]
        first: u64,
        /// Every so manyth one
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        step: u64,
        /// The most images of one cut
        #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u64).range(2..))]
        images_max: u64,
        /// Of so many images, one has its recovery cut again
        #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..))]
        recut_every: u64,
        /// What a cut never tears, in bytes: 512 or 4096
        #[arg(long, default_value_t = 4096, value_parser = block_bytes)]
        block_bytes: u32,
    },
    /// Ask for mappings of a file of many extents, under a tool that counts
    Lookup {
        /// Extents of the file
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=4_000_000))]
        extents: u64,
        /// Mappings of each kind
        #[arg(long, default_value_t = 10_000)]
        lookups: u64,
        /// Wait for a line of input before, so that the tool can be told to begin
        #[arg(long)]
        wait: bool,
    },
    /// Random histories with faults, full drives, remounts and power cuts
    Random {
        /// Operations of each history
        #[arg(long, default_value_t = 50_000)]
        ops: u64,
        /// The first seed
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many seeds
        #[arg(long, default_value_t = 20)]
        seeds: u64,
        /// Of a thousand operations, so many meet a fault
        #[arg(long, default_value_t = 20)]
        faults: u64,
        /// Of a thousand operations, so many are shutdowns by the user
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(..=500))]
        shutdowns: u64,
        /// Nothing goes through the page cache
        #[arg(long)]
        direct: bool,
    },
}

fn block_bytes(text: &str) -> Result<u32, String> {
    match text {
        "512" => Ok(512),
        "4096" => Ok(4096),
        _ => Err("expected 512 or 4096".into()),
    }
}

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Crash { length, first, step, images_max, recut_every, block_bytes } => {
            let effort = Effort { block_bytes, images_max, recut_every, seed: first };
            crash(effort, length, first, step)
        }
        Command::Lookup { extents, lookups, wait } => {
            let begin = || {
                if wait {
                    println!("{extents} extents are there");
                    // An end of input is as good as a line.
                    std::io::stdin().read_line(&mut String::new()).unwrap_or_default();
                }
            };
            let looks = fs_proof::lookup::lookup(extents, lookups, begin);
            looks.map(|looks| println!("{looks:?}")).map_err(|failure| failure.to_string())
        }
        Command::Random { ops, seed, seeds, faults, shutdowns, direct } => {
            let (disk_blocks, is_cached) = (0, !direct);
            let plan = Plan { seed, ops, disk_blocks, faults, shutdowns, is_cached };
            random(&plan, seeds)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("fs-proof: {what}");
            ExitCode::from(1)
        }
    }
}

fn crash(effort: Effort, length: u32, first: u64, step: u64) -> Result<(), String> {
    let mut explorer = Explorer::new(effort, None).map_err(|failure| failure.to_string())?;
    let mut index = first;
    while let Some(sequence) = ace::sequence(length, index) {
        let explored = explorer.explore(&ace::setup(), &sequence.ops, sequence.from);
        let place = |failure: Failure| format!("--length {length} --first {index}: {failure}");
        explored.map_err(place)?;
        index += step;
    }
    println!("length {length}, first {first}, step {step}, {effort:?}:\n{:?}", explorer.space);
    Ok(())
}

/// Plays `seeds` histories from the plan's seed on, each on a drive of another size.
fn random(plan: &Plan, seeds: u64) -> Result<(), String> {
    let mut sum = Tally::default();
    for seed in plan.seed..plan.seed.saturating_add(seeds) {
        let plan = Plan { seed, disk_blocks: 345 + seed % 8 * 60, ..*plan };
        let tally = run(&plan, None);
        let tally = tally.map_err(|(n, failure)| format!("{plan:?}, operation {n}: {failure}"))?;
        println!("{plan:?}: {tally:?}");
        sum.add(&tally);
    }
    println!("all: {sum:?}");
    Ok(())
}
