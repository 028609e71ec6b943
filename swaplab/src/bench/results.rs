//! Merging and reporting a million results: what it takes of time and memory.
//!
//! The results are those of the shipped units, run once, under as many seeds as if each had been run. They lie in a
//! temporary folder, as four shards. The commands are run as a user runs them, in processes of their own.

use std::path::Path;
use std::process::Command;

use campaign::engine::HostEngine;
use campaign::run::run_unit;
use campaign::{Unit, record, this_build};
use results::ledger::{Ledger, LedgerHeader};
use results::{Assignment, Plan, Record, Shard, UnitId};

use super::BenchResult;
use super::watched::watch;

const RESULTS: usize = 1_000_000;
const SHARDS: usize = 4;
/// Records that are written at once.
const BATCH: usize = 4096;
const SECONDS_MAX: f64 = 30.0;
const MIB_MAX: u64 = 1024;

/// The program itself, also for a process that it starts.
const PROGRAM: &str = "/proc/self/exe";

/// Measures; whether the limits are met. Measures nothing, and says so, where there is no room.
pub(super) fn merge_and_report(units: &[Unit]) -> BenchResult {
    let mut engine = HostEngine::new();
    let run = |unit| Ok::<_, Box<dyn std::error::Error>>(record(&run_unit(&mut engine, unit)?, 1));
    let records: Vec<Record> = units.iter().map(run).collect::<Result<_, _>>()?;
    let folder = tempfile::Builder::new().prefix("swaplab-bench-").tempdir()?;
    if !has_room(folder.path(), &records)? {
        println!("not measured: too little room; the variable TMPDIR names another folder");
        return Ok(true);
    }
    let shards: Vec<_> = (0..SHARDS).map(|n| folder.path().join(format!("{n}.jsonl"))).collect();
    for (number, path) in shards.iter().enumerate() {
        write_shard(path, number, units, &records)?;
    }
    let (merged, page) = (folder.path().join("merged.jsonl"), folder.path().join("report.html"));
    let mut merge = Command::new(PROGRAM);
    merge.args(["campaign", "merge", "--out"]).arg(&merged).args(&shards);
    let mut report = Command::new(PROGRAM);
    report.args(["campaign", "report", "--html"]).arg(&page).arg(&merged);
    let mut seconds = 0.0;
    let mut is_small = true;
    for (name, command) in [("merge", &mut merge), ("report --html", &mut report)] {
        let cost = watch(command)?;
        println!("{name:<14} {cost}");
        seconds += cost.wall.as_secs_f64();
        is_small &= cost.peak_mib < MIB_MAX;
    }
    println!("limit: both < {SECONDS_MAX} s, each < {MIB_MAX} MiB; took {seconds:.1} s\n");
    Ok(is_small && seconds < SECONDS_MAX)
}

/// Says how much it will be: shards, and what they are merged to.
fn has_room(folder: &Path, records: &[Record]) -> Result<bool, Box<dyn std::error::Error>> {
    let lines = records.iter().map(serde_json::to_vec).collect::<Result<Vec<_>, _>>()?;
    let mean_bytes = lines.iter().map(|line| line.len() + 1).sum::<usize>() / lines.len().max(1);
    let needed_mib = (2 * RESULTS * mean_bytes) as u64 >> 20;
    let space = rustix::fs::statvfs(folder)?;
    let free_mib = space.f_bavail.saturating_mul(space.f_frsize) >> 20;
    println!(
        "{RESULTS} results of {mean_bytes} bytes: {needed_mib} MiB in {}, which has {free_mib}",
        folder.display()
    );
    Ok(free_mib > needed_mib + needed_mib / 4)
}

/// Every fourth of the results.
fn write_shard(
    path: &Path,
    number: usize,
    units: &[Unit],
    records: &[Record],
) -> Result<(), Box<dyn std::error::Error>> {
    let plan = Plan::new("bench", this_build(env!("CARGO_PKG_VERSION"))?, Vec::new(), Vec::new());
    let shard = Shard::new(number as u32 + 1, SHARDS as u32, Assignment::Slice);
    let header = LedgerHeader::new(
        plan.header(),
        plan.header().build.clone(),
        shard.unwrap_or(Shard::WHOLE),
    );
    let mut ledger = Ledger::create(path, &header)?;
    let mut batch = Vec::with_capacity(BATCH);
    for index in (number..RESULTS).step_by(SHARDS) {
        batch.push(under_a_seed(&units[index % units.len()], &records[index % units.len()], index));
        if batch.len() == BATCH {
            ledger.append(&batch)?;
            batch.clear();
        }
    }
    ledger.append(&batch)?;
    Ok(())
}

/// The record as if the unit had been run under another seed.
fn under_a_seed(unit: &Unit, record: &Record, index: usize) -> Record {
    let mut unit = unit.clone();
    unit.spec.seed = index as u64;
    let mut record = record.clone();
    record.outcome.unit = unit.text();
    record.outcome.id = UnitId::of(&record.outcome.unit);
    // Another trace: as long a hash, and no two alike.
    record.outcome.trace_hash = format!("{:064x}", (index as u128) << 64 | index as u128);
    record
}
