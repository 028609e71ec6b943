//! Runs one unit: its lives on an engine, then the oracles.

use std::time::{Duration, Instant};

use file_server::FileServer;
use lab::Stage;
use nvme_model::Controller;
use results::FaultCount;

use crate::engine::{self, Engine, EngineError, EngineKind, LifeEnd};
use crate::oracle::{self, Facts, Outcome};
use crate::trace::{TraceHash, TraceLog};
use crate::verdict::{Finding, Oracle};
use crate::{Prediction, Unit, Verdict, fired};

/// A judged run.
#[derive(Debug)]
pub struct UnitResult {
    /// What was run.
    pub unit: Unit,
    /// Where.
    pub engine: EngineKind,
    /// What it means.
    pub verdict: Verdict,
    /// What the trace says, in numbers.
    pub facts: Facts,
    /// Faults armed in the controller and the file server.
    pub faults_planned: usize,
    /// Faults of those that fired as often as planned.
    pub faults_fired: usize,
    /// Every rule: planned, armed, fired, and where.
    pub faults: Vec<FaultCount>,
    /// Virtual time of all lives together.
    pub virtual_ns: u64,
    /// The hash over the whole trace.
    pub trace_hash: TraceHash,
    /// Real time, for the curious; nothing depends on it.
    pub wall: Duration,
    /// Events in the trace.
    pub events: usize,
    /// The trace itself.
    pub trace: TraceLog,
}

impl UnitResult {
    /// True if the verdict is the one that was expected.
    #[must_use]
    pub fn is_expected(&self) -> bool {
        self.verdict.label() == self.unit.expected()
    }

    /// Lets go of the trace; its hash and what was collected from it stay. For runs of many units, which
    /// should rather hand it to the next [`run_unit_into`].
    pub fn forget_trace(&mut self) {
        self.trace = TraceLog::default();
    }

    /// What came out, in one word.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        Outcome::of(&self.facts)
    }
}

/// Runs `unit` on `engine` and judges it.
///
/// # Errors
/// [`EngineError`] when the host fails. A guest that fails is a verdict.
pub fn run_unit(engine: &mut dyn Engine, unit: &Unit) -> Result<UnitResult, EngineError> {
    run_unit_into(engine, unit, TraceLog::default())
}

/// The same with the memory of an earlier trace, which is forgotten: a worker that runs many units touches
/// the same memory again and again.
///
/// # Errors
/// As for [`run_unit`].
pub fn run_unit_into(
    engine: &mut dyn Engine,
    unit: &Unit,
    mut trace: TraceLog,
) -> Result<UnitResult, EngineError> {
    let start = Instant::now();
    trace.clear();
    let controller = engine::controller(unit)
        .map_err(|error| EngineError::Infrastructure(format!("controller: {error}")))?;
    engine.insert(controller)?;
    engine.connect(engine::server(unit));
    let Lives { end, count, virtual_ns } = live(engine, unit, &mut trace)?;
    let facts = Facts::collect(trace.entries());
    let faults = engine.controller().map(Controller::faults);
    let server = engine.server();
    let faults_planned = faults.map_or(0, |faults| faults.counts().count())
        + server.map_or(0, |server| server.fault_counts().len());
    let faults_unfired =
        faults.map_or(0, |faults| faults.unfired().count()) + server.map_or(0, FileServer::unfired);
    let fired = fired::counts(faults, server, trace.entries());
    let verdict = if faults_unfired > 0 && end.is_orderly() {
        Verdict::NotExercised(format!(
            "{faults_unfired} of {faults_planned} planned faults did not fire as often as planned"
        ))
    } else {
        verdict(unit, &facts, end, count)
    };
    Ok(UnitResult {
        unit: unit.clone(),
        engine: engine.kind(),
        verdict,
        faults_planned,
        faults_fired: faults_planned - faults_unfired,
        faults: fired,
        virtual_ns,
        trace_hash: trace.hash(),
        events: trace.entries().len(),
        wall: start.elapsed(),
        facts,
        trace,
    })
}

/// The lives of one unit.
struct Lives {
    end: LifeEnd,
    /// How many there were.
    count: u32,
    virtual_ns: u64,
}

/// Plays the lives of `unit`, the second only if the first came to an orderly end.
fn live(engine: &mut dyn Engine, unit: &Unit, trace: &mut TraceLog) -> Result<Lives, EngineError> {
    let mut lives = Lives { end: LifeEnd::Done, count: 0, virtual_ns: 0 };
    let has_after = !unit.spec.script.lives().1.is_empty();
    let stages: &[Stage] = if has_after { &[Stage::Live, Stage::After] } else { &[Stage::Live] };
    for stage in stages {
        lives.count += 1;
        let mut spec = unit.spec.clone();
        spec.stage = *stage;
        lives.end = engine.live(&spec.to_string(), trace)?;
        lives.virtual_ns += engine.now_ns();
        if !matches!(lives.end, LifeEnd::Done | LifeEnd::PowerLost) {
            break;
        }
    }
    Ok(lives)
}

/// What a run means whose faults all fired; `lives` is how many there were.
fn verdict(unit: &Unit, facts: &Facts, end: LifeEnd, lives: u32) -> Verdict {
    match end {
        LifeEnd::Done => oracle::judge(unit, facts),
        // Who cuts the power of the only life wants to know what was right until then.
        LifeEnd::PowerLost if lives == 1 || is_open(unit.prediction) => oracle::judge(unit, facts),
        LifeEnd::PowerLost => Verdict::Infra(
            "a fault cut the power again, in the life that looks at what is left".into(),
        ),
        LifeEnd::NoDevice if is_open(unit.prediction) => oracle::judge(unit, facts),
        LifeEnd::NoDevice => Verdict::NotExercised("the driver found no usable controller".into()),
        LifeEnd::Panicked => Verdict::Fail(Finding {
            oracle: Oracle::NoPanic,
            detail: format!("the guest panicked in life {lives}"),
        }),
        LifeEnd::WaitsForever => Verdict::Timeout,
        LifeEnd::Failed(how) => Verdict::Infra(how),
    }
}

/// Whether steps may fail and pages be lost.
const fn is_open(prediction: Prediction) -> bool {
    matches!(prediction, Prediction::Told | Prediction::Any)
}
