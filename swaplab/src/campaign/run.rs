//! `swaplab campaign run`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use campaign::fleet::{self, FleetError, Laboratory, Orders, Task};
use results::ledger::{Ledger, LedgerHeader, Standing};
use results::merge::OtherBuilds;
use results::{Build, Plan, Role, Shard, UnitId};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::progress::Progress;
use super::{args, cross, file_error, read_plan, summary, this_build};
use crate::exit::Exit;

/// A unit whose machine fails so often is given up.
const ATTEMPTS_MAX: u32 = 3;

pub(super) fn run(args: &args::Run) -> Result<Exit, Exit> {
    let build = this_build()?;
    let plan = read_plan(&args.file, &build)?;
    check_build(&plan, &build, args)?;
    let shard = shard(args)?;
    let out = args.out.clone().unwrap_or_else(|| default_out(&plan, shard));
    let header = LedgerHeader::new(plan.header(), build, shard);
    let (mut ledger, standings) = if args.resume {
        Ledger::resume(&out, &header).map_err(file_error)?
    } else {
        (Ledger::create(&out, &header).map_err(file_error)?, BTreeMap::new())
    };
    let tasks = tasks(&plan, shard, &standings);
    let jobs = args.jobs.map_or_else(|| args.engine.workers(), usize::from);
    let stop = stop_flag()?;
    let deadline = args.budget.and_then(|budget| Instant::now().checked_add(budget));
    let orders = Orders { jobs, attempts_max: ATTEMPTS_MAX, deadline, stop: &stop };
    let mut progress = Progress::new(tasks.len(), args.until_saturated, &stop);
    let laboratory = Laboratory::new(args.engine, jobs);
    let flown = fleet::run(&tasks, &orders, &laboratory, &mut ledger, &mut progress);
    let is_saturated = progress.end();
    let left = flown.map_err(given_up)?.left;
    let is_stopped = stop.load(Ordering::Relaxed) && !is_saturated;
    if let Some(count) = args.cross.filter(|_| !is_stopped) {
        stop.store(false, Ordering::Relaxed);
        let done = &tasks[..tasks.len() - usize::try_from(left).unwrap_or(tasks.len())];
        let orders = Orders { deadline: None, ..orders };
        cross::check(done, count, args.engine, &orders, &mut ledger)?;
    }
    drop(ledger);
    let campaign = summary::Campaign::read(std::slice::from_ref(&out), OtherBuilds::Refuse)?;
    summary::print(&campaign);
    println!("results {} in {}", summary::short(&campaign.merged.digest), out.display());
    let exit = campaign.exit();
    if left == 0 {
        return Ok(exit);
    }
    if is_saturated {
        println!("saturated: nothing new for so many units; {left} units were not needed");
        return Ok(exit);
    }
    let why = if is_stopped { "stopped" } else { "out of time" };
    println!("{why}: {left} units are left, go on with --resume");
    Ok(if exit == Exit::Expected { Exit::Incomplete } else { exit })
}

/// A fleet that has given up. What it had written is kept.
pub(super) fn given_up(error: FleetError) -> Exit {
    match error {
        FleetError::Engine(error) => error.into(),
        FleetError::Ledger(error) => {
            let kept = format!("{error}; what was written is kept: make room, then --resume");
            Exit::Infrastructure.with(&kept)
        }
    }
}

fn check_build(plan: &Plan, build: &Build, args: &args::Run) -> Result<(), Exit> {
    if plan.header().build == *build || args.allow_other_build {
        return Ok(());
    }
    let message = format!(
        "the plan was made by {}, this is {build}: plan again, or insist with --allow-other-build",
        plan.header().build
    );
    Err(Exit::Usage.with(&message))
}

/// The shard that is asked for, or the one that a batch system gives this process.
fn shard(args: &args::Run) -> Result<Shard, Exit> {
    if let Some(shard) = args.shard {
        return Ok(shard);
    }
    let shard = Shard::from_environment(|name| std::env::var(name).ok());
    shard.map(Option::unwrap_or_default).map_err(|error| Exit::Usage.with(&error))
}

fn default_out(plan: &Plan, shard: Shard) -> PathBuf {
    let name = &plan.header().campaign;
    if shard == Shard::WHOLE {
        return PathBuf::from(format!("{name}.jsonl"));
    }
    let part = shard.to_string().replace([':', '/'], "-");
    PathBuf::from(format!("{name}-{part}.jsonl"))
}

/// What is still to be run.
fn tasks<'a>(
    plan: &'a Plan,
    shard: Shard,
    standings: &BTreeMap<UnitId, Standing>,
) -> Vec<Task<'a>> {
    let task = |unit: &'a results::PlannedUnit| match standings.get(&unit.id) {
        None => Some(Task { unit, attempts: 0 }),
        Some(Standing::Failed { attempts }) if *attempts < ATTEMPTS_MAX => {
            Some(Task { unit, attempts: *attempts })
        }
        Some(Standing::Failed { .. } | Standing::Done) => None,
    };
    let mut tasks: Vec<_> = plan.shard(shard).filter_map(task).collect();
    // Whoever is stopped early has at least seen that the oracles can fail.
    tasks.sort_by_key(|task| task.unit.role != Role::Control);
    tasks
}

/// A flag that the first interrupt sets. The second ends the process at once, which loses a batch.
fn stop_flag() -> Result<Arc<AtomicBool>, Exit> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let status = Exit::Incomplete as i32;
        signal_hook::flag::register_conditional_shutdown(signal, status, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| Exit::Infrastructure.with(&format!("signal handler: {error}")))?;
    }
    Ok(stop)
}
