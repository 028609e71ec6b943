//! `swaplab bench campaign`: how many units a core runs in a second, on either engine, and what one costs.
//!
//! Rates are of processor time: on a machine that does other work besides, they are what a quiet one
//! gives. There are two: that of the worker's own thread, and that of all of its threads, which is what a core gives: under
//! KVM a worker has a second thread that answers its guest. Latencies are of the wall clock, so they are not. The
//! gain of a second worker is a ratio of wall times (`workers`) and means something on a quiet machine only.

use std::time::{Duration, Instant};

use campaign::engine::{EngineError, EngineKind, Shortcuts};
use campaign::run::run_unit_into;
use campaign::trace::TraceLog;
use campaign::{Role, Unit, scenario};
use rustix::time::{ClockId, clock_gettime};

use super::BenchResult;
use super::results::merge_and_report;
use super::{sample::Sample, workers};

/// How long each row is measured.
const ROW: Duration = Duration::from_millis(1500);

/// Scenarios whose units are made small: one that goes well, one with a fault, one with a shutdown.
const SMALL: [&str; 3] = ["healthy", "read-error", "shutdown"];

/// A workload of so many pages, half of which fit in memory.
#[derive(Clone, Copy)]
struct Size(u64);

impl Size {
    /// As few as `mkswap` makes an area for, and one more, on which the fault of `read-error` is. With fewer nothing
    /// is swapped, or no fault fires, and every verdict is NOT_EXERCISED.
    const SMALL: Self = Self(10);
    const MIDDLING: Self = Self(16);
    /// For these there is no swap area: what a unit costs before it swaps.
    const TOO_SMALL: Self = Self(4);
}

pub(super) fn campaign() -> BenchResult {
    println!(
        "{:<6} {:<22} {:>8} {:>8} {:>8} {:>8} {:>7} {:>8} {:>6} {:>7}",
        "", "", "units/s", "and core", "p50 us", "p99 us", "events", "us/1000", "exits", "learned"
    );
    let mut is_met = true;
    for kind in [EngineKind::Host, EngineKind::Kvm] {
        row(kind, "4 pages: no swap", &sized(Size::TOO_SMALL))?;
        let small = row(kind, "small units (10 pages)", &sized(Size::SMALL))?;
        let middling = row(kind, "units of 16 pages", &sized(Size::MIDDLING))?;
        row(kind, "the shipped scenarios", &shipped_units())?;
        let limit = match kind {
            EngineKind::Host => 10_000.0,
            EngineKind::Kvm => 1000.0,
        };
        println!("{:<6} limit: small units >= {limit} a second and core, all of them learn", "");
        is_met &= small.rate >= limit && small.all_learn && middling.all_learn;
        is_met &= workers::compare(kind, &sized(Size::SMALL))?;
    }
    Ok(is_met & merge_and_report(&shipped_units())?)
}

fn experiments(name: &str) -> impl Iterator<Item = Unit> {
    let units = scenario::find(name).map(|definition| definition.units().to_vec());
    units.unwrap_or_default().into_iter().filter(|unit| unit.role == Role::Experiment)
}

fn sized(Size(pages): Size) -> Vec<Unit> {
    let small = |mut unit: Unit| {
        (unit.spec.pages, unit.spec.resident_pages) = (pages, pages / 2);
        unit
    };
    SMALL.iter().flat_map(|name| experiments(name)).map(small).collect()
}

fn shipped_units() -> Vec<Unit> {
    scenario::ALL.iter().flat_map(|definition| definition.units()).cloned().collect()
}

/// What a row says.
struct Row {
    /// Units in a second of processor time, of all threads.
    rate: f64,
    /// Every unit came to the verdict that its scenario predicts.
    all_learn: bool,
}

fn row(kind: EngineKind, what: &str, units: &[Unit]) -> Result<Row, EngineError> {
    let mut engine = workers::engine(kind, Shortcuts::for_one_of(1))?;
    let mut trace = TraceLog::default();
    let mut micros = Vec::new();
    let (mut events, mut learned) = (0, 0);
    let start = Instant::now();
    let own = seconds_of(ClockId::ThreadCPUTime);
    let all = seconds_of(ClockId::ProcessCPUTime);
    for unit in units.iter().cycle() {
        let begin = Instant::now();
        let result = run_unit_into(engine.as_mut(), unit, trace)?;
        micros.push(begin.elapsed().as_secs_f64() * 1e6);
        events += result.events;
        learned += usize::from(result.is_expected());
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
        "{:<6} {what:<22} {:>8.0} {:>8.0} {:>8.0} {:>8.0} {:>7} {:>8.0} {:>6} {:>5} %",
        kind.name(),
        count as f64 / own,
        count as f64 / all,
        sample.median(),
        sample.percentile(99),
        events / count,
        own * 1e9 / events as f64,
        engine.exits() / count as u64,
        100 * learned / count,
    );
    Ok(Row { rate: count as f64 / all, all_learn: learned == count })
}

/// Processor time of this thread or of all; a guest's time is its thread's.
fn seconds_of(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
