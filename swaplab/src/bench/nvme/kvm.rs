//! The controller under KVM in the wall clock: the guest polls, the VMM polls its shadow doorbells.

use nvme_model::{Controller, FaultPlan};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::copies::Copies;
use super::load::Way;
use super::print_row;
use super::rig::{DISK_BLOCKS, ram_disk};
use crate::bench::guest;
use crate::bench::sample::Sample;

/// Commands of a round.
const COMMANDS: u64 = 20_000;
/// Rounds. Where a limit is, there are enough for a second or two: what else the host does lasts a part of that.
const ROUNDS: u64 = 99;
/// Rounds of commands one by one, each of which is an exit if there is one processor.
const ROUNDS_ONE_BY_ONE: u64 = 9;
/// Rounds of copies before and after those of commands.
const COPY_ROUNDS: usize = 20;

/// The least part of the copies' speed at a depth of 32 with two processors.
const KVM_MIN: f64 = 0.80;
/// With one processor: degrade, not collapse. Two threads that only spin reach 8 k commands a second.
const ONE_CORE_NS_MAX: f64 = 20_000.0;

type Error = Box<dyn std::error::Error>;

/// Measures with all processors and with one; whether the limits are met.
pub(super) fn run(copies: &mut Copies) -> Result<bool, Error> {
    let all = sched_getaffinity(None)?;
    println!(
        "under KVM, wall clock, shadow doorbells, hybrid polling, {} processors:",
        all.count()
    );
    let mut is_met = rows(copies, |_, ratio| ratio >= KVM_MIN, ">= 80 %")?;
    let mut one = CpuSet::new();
    let first = (0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu)).ok_or("no processor")?;
    one.set(first);
    println!("the same on one processor:");
    sched_setaffinity(None, &one)?;
    let rows = rows(copies, |ns, _| ns <= ONE_CORE_NS_MAX, ">= 0.050 M/s");
    sched_setaffinity(None, &all)?;
    is_met &= rows?;
    Ok(is_met)
}

fn rows(
    copies: &mut Copies,
    is_enough: impl Fn(f64, f64) -> bool,
    limit: &str,
) -> Result<bool, Error> {
    let mut is_met = true;
    for way in [Way::Read, Way::Write] {
        for depth in [1, 32, 255] {
            // The guest has as many buffers as commands in flight.
            let mut copy = || (0..COPY_ROUNDS).map(|_| copies.run(way, depth, COMMANDS)).collect();
            let mut copy_ns: Vec<f64> = copy();
            let sample = measure(way, depth)?;
            copy_ns.extend(copy());
            let ratio = Sample::new(copy_ns).median() / sample.median();
            let verdict = (depth == 32).then(|| (limit, is_enough(sample.median(), ratio)));
            is_met &= print_row(way, depth, &sample, ratio, verdict);
        }
    }
    Ok(is_met)
}

/// Nanoseconds a command, round by round.
fn measure(way: Way, depth: usize) -> Result<Sample, Error> {
    let controller = Controller::new(
        guest::immediate_drive(),
        Box::new(ram_disk(DISK_BLOCKS)?),
        FaultPlan::none(),
    )?;
    let rounds = if depth == 1 { ROUNDS_ONE_BY_ONE } else { ROUNDS };
    let write = if way == Way::Write { "on" } else { "off" };
    let words = format!(
        "program=bench-nvme trace=off write={write} depth={depth} commands={COMMANDS} rounds={rounds}"
    );
    let mut times = guest::rounds(controller, words)?;
    // The first round touches memory for the first time.
    times.remove(0);
    Ok(Sample::new(times.iter().map(|ns| *ns as f64 / COMMANDS as f64).collect()))
}
