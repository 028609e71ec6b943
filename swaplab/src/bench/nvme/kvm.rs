//! The controller under KVM in the wall clock: the guest polls, the VMM polls its shadow doorbells.

use std::time::Duration;

use machine::ports;
use nvme_model::{Config, Controller, FaultPlan, Timing};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use vmm::{Clock, Exit, KernelImage, Machine, MachineConfig, MachineObserver};

use super::load::{Copies, Way};
use super::{print_row, ram_disk};
use crate::bench::sample::Sample;

/// Commands of a round, and rounds.
const COMMANDS: u64 = 20_000;
const ROUNDS: u64 = 9;

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
    let mut is_met =
        rows(copies, |depth, _, ratio| depth != 32 || ratio >= KVM_MIN, "80 % of copies")?;
    let mut one = CpuSet::new();
    let first = (0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu)).ok_or("no processor")?;
    one.set(first);
    println!("the same on one processor:");
    sched_setaffinity(None, &one)?;
    let rows = rows(copies, |depth, ns, _| depth != 32 || ns <= ONE_CORE_NS_MAX, "50 k/s");
    sched_setaffinity(None, &all)?;
    is_met &= rows?;
    Ok(is_met)
}

fn rows(
    copies: &mut Copies,
    is_enough: impl Fn(usize, f64, f64) -> bool,
    limit: &str,
) -> Result<bool, Error> {
    let mut is_met = true;
    for way in [Way::Read, Way::Write] {
        let copy_ns = Sample::new((0..5).map(|_| copies.run(way, COMMANDS)).collect()).median();
        for depth in [1, 32, 255] {
            let sample = measure(way, depth)?;
            let ratio = copy_ns / sample.median();
            let limit = if depth == 32 { format!("limit: >= {limit}") } else { String::new() };
            print_row(way, depth, &sample, ratio, &limit);
            is_met &= is_enough(depth, sample.median(), ratio);
        }
    }
    Ok(is_met)
}

/// Nanoseconds a command, round by round.
fn measure(way: Way, depth: usize) -> Result<Sample, Error> {
    let timing = Timing {
        admin_ns: 0,
        read_ns: 0,
        write_ns: 0,
        block_ns: 0,
        flush_ns: 0,
        deallocate_ns: 0,
        ..Timing::default()
    };
    let config = Config { has_volatile_cache: false, channels: 1024, timing, ..Config::default() };
    let controller = Controller::new(config, Box::new(ram_disk()?), FaultPlan::none())?;
    let write = if way == Way::Write { "on" } else { "off" };
    let words = format!(
        "program=bench-nvme trace=off write={write} depth={depth} commands={COMMANDS} rounds={ROUNDS}"
    );
    let mut config =
        MachineConfig::new(KernelImage::new("built-in guest", images::kernel()), words);
    config.memory_bytes = 64 << 20;
    config.controller = Some(controller);
    config.clock = Clock::Wall;
    config.limits.total = Some(Duration::from_secs(120));
    let mut rounds = Rounds::default();
    let exit = Machine::new(config)?.run(&mut rounds)?;
    if !matches!(exit, Exit::Code(ports::EXIT_OK)) {
        return Err(format!("{exit}: {}", String::from_utf8_lossy(&rounds.console)).into());
    }
    // The first round touches memory for the first time.
    rounds.times.remove(0);
    Ok(Sample::new(rounds.times.iter().map(|ns| *ns as f64 / COMMANDS as f64).collect()))
}

/// How long each round took.
#[derive(Default)]
struct Rounds {
    begun_ns: u64,
    times: Vec<u64>,
    console: Vec<u8>,
}

impl MachineObserver for Rounds {
    fn console(&mut self, _now_ns: u64, bytes: &[u8]) {
        self.console.extend(bytes);
    }

    fn controller_event(&mut self, _now_ns: u64, _event: &nvme_model::Event) {}

    fn boot_stage(&mut self, now_ns: u64, stage: u32) {
        match stage {
            ports::STAGE_ROUND_BEGINS => self.begun_ns = now_ns,
            ports::STAGE_ROUND_ENDS => self.times.push(now_ns - self.begun_ns),
            _ => {}
        }
    }
}
