//! `swaplab bench campaign`: how many units a core runs in a second, on either engine, and what one costs.
//!
//! Rates are of processor time: on a machine that does other work besides, they are what a quiet one
//! gives. There are two: that of the worker's own thread, and that of all of its threads, which is what a core gives: under
//! KVM a worker has a second thread that answers its guest. Latencies are of the wall clock, so they are not. The
//! gain of a second worker is a ratio of wall times and means something on a quiet machine only.

use std::thread;
use std::time::{Duration, Instant};

use campaign::engine::{Engine, EngineError, EngineKind, HostEngine, KvmEngine, Shortcuts};
use campaign::run::run_unit_into;
use campaign::trace::TraceLog;
use campaign::{Role, Unit, scenario};
use rustix::time::{ClockId, clock_gettime};

use super::BenchResult;
use super::results::merge_and_report;
use super::sample::Sample;

/// How long each row is measured.
const ROW: Duration = Duration::from_millis(1500);

/// Scenarios whose units are made small: one that goes well, one with a fault, one with a shutdown.
const SMALL: [&str; 3] = ["healthy", "read-error", "shutdown"];
const SMALL_PAGES: u64 = 16;
const SMALL_RESIDENT_PAGES: u64 = 8;
/// What of a unit does not depend on its size is most of the smallest.
const SMALLEST_PAGES: u64 = 4;
const SMALLEST_RESIDENT_PAGES: u64 = 2;

pub(super) fn campaign() -> BenchResult {
    println!(
        "{:<6} {:<22} {:>8} {:>8} {:>8} {:>8} {:>7} {:>8} {:>6}",
        "", "", "units/s", "and core", "p50 us", "p99 us", "events", "us/1000", "exits"
    );
    let mut is_met = true;
    for kind in [EngineKind::Host, EngineKind::Kvm] {
        row(kind, "units of 4 pages", &sized(SMALLEST_PAGES, SMALLEST_RESIDENT_PAGES))?;
        let small = row(kind, "small units (16 pages)", &small_units())?;
        row(kind, "the shipped scenarios", &shipped_units())?;
        let limit = match kind {
            EngineKind::Host => 10_000.0,
            EngineKind::Kvm => 1000.0,
        };
        println!("{:<6} limit: small units >= {limit} a second and core", "");
        is_met &= small >= limit;
        is_met &= is_second_worker_worth_it(kind)?;
    }
    Ok(is_met & merge_and_report(&shipped_units())?)
}

fn experiments(name: &str) -> impl Iterator<Item = Unit> {
    let units = scenario::find(name).map(|definition| definition.units().to_vec());
    units.unwrap_or_default().into_iter().filter(|unit| unit.role == Role::Experiment)
}

/// Compares the wall times of one worker and two, and says what a campaign does if nobody asks.
fn is_second_worker_worth_it(kind: EngineKind) -> Result<bool, EngineError> {
    let gain = wall_rate(kind, 2)? / wall_rate(kind, 1)?;
    let (name, default) = (kind.name(), kind.workers());
    println!(
        "{name:<6} two workers: {gain:.2} times as many units; limit: >= 1.7; --jobs {default} if nobody asks\n"
    );
    Ok(gain >= 1.7)
}

fn small_units() -> Vec<Unit> {
    sized(SMALL_PAGES, SMALL_RESIDENT_PAGES)
}

/// Their verdicts mean nothing: the predictions are for larger ones.
fn sized(pages: u64, resident_pages: u64) -> Vec<Unit> {
    let small = |mut unit: Unit| {
        (unit.spec.pages, unit.spec.resident_pages) = (pages, resident_pages);
        unit
    };
    SMALL.iter().flat_map(|name| experiments(name)).map(small).collect()
}

fn shipped_units() -> Vec<Unit> {
    scenario::ALL.iter().flat_map(|definition| definition.units()).cloned().collect()
}

/// The engine as one of so many workers of a campaign has it.
fn engine(kind: EngineKind, workers: usize) -> Result<Box<dyn Engine>, EngineError> {
    Ok(match kind {
        EngineKind::Host => Box::new(HostEngine::new()),
        EngineKind::Kvm => Box::new(KvmEngine::with_shortcuts(Shortcuts::for_one_of(workers))?),
    })
}

/// Prints a row and returns the units in a second of processor time, of all threads.
fn row(kind: EngineKind, what: &str, units: &[Unit]) -> Result<f64, EngineError> {
    let mut engine = engine(kind, 1)?;
    let mut trace = TraceLog::default();
    let mut micros = Vec::new();
    let mut events = 0;
    let start = Instant::now();
    let own = seconds_of(ClockId::ThreadCPUTime);
    let all = seconds_of(ClockId::ProcessCPUTime);
    for unit in units.iter().cycle() {
        let begin = Instant::now();
        let result = run_unit_into(engine.as_mut(), unit, trace)?;
        micros.push(begin.elapsed().as_secs_f64() * 1e6);
        events += result.events;
        trace = result.trace;
        if start.elapsed() > ROW && micros.len() >= units.len() {
            break;
        }
    }
    let count = micros.len();
    let own = seconds_of(ClockId::ThreadCPUTime) - own;
    let all = seconds_of(ClockId::ProcessCPUTime) - all;
    let sample = Sample::new(micros);
    println!(
        "{:<6} {what:<22} {:>8.0} {:>8.0} {:>8.0} {:>8.0} {:>7} {:>8.0} {:>6}",
        kind.name(),
        count as f64 / own,
        count as f64 / all,
        sample.median(),
        sample.percentile(99),
        events / count,
        own * 1e9 / events as f64,
        engine.exits() / count as u64,
    );
    Ok(count as f64 / all)
}

/// Small units in a second of the wall clock, by so many workers.
fn wall_rate(kind: EngineKind, workers: usize) -> Result<f64, EngineError> {
    let count = |_| {
        let mut engine = engine(kind, workers)?;
        let units = small_units();
        let mut trace = TraceLog::default();
        let (start, mut done) = (Instant::now(), 0_u32);
        while start.elapsed() < ROW {
            let unit = &units[done as usize % units.len()];
            trace = run_unit_into(engine.as_mut(), unit, trace)?.trace;
            done += 1;
        }
        Ok(f64::from(done) / start.elapsed().as_secs_f64())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|n| scope.spawn(move || count(n))).collect();
        let gone = |_| EngineError::Infrastructure("a worker panicked".to_owned());
        workers.into_iter().map(|worker| worker.join().map_err(gone)?).sum()
    })
}

/// Processor time of this thread or of all; a guest's time is its thread's.
fn seconds_of(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
