//! The workshop that builds real machines.

use results::{PlannedUnit, Record};

use super::{Worker, Workshop};
use crate::Unit;
use crate::engine::{Engine, EngineError, EngineKind, HostEngine, KvmEngine, Shortcuts};
use crate::run::run_unit_into;
use crate::trace::TraceLog;

/// Machines of one kind of engine, one a worker.
#[derive(Clone, Copy, Debug)]
pub struct Laboratory {
    kind: EngineKind,
    workers: usize,
}

impl Laboratory {
    /// A workshop for engines of this kind, for so many workers at a time.
    #[must_use]
    pub const fn new(kind: EngineKind, workers: usize) -> Self {
        Self { kind, workers }
    }
}

impl Workshop for Laboratory {
    fn worker(&self) -> Result<Box<dyn Worker>, EngineError> {
        let engine: Box<dyn Engine> = match self.kind {
            EngineKind::Host => Box::new(HostEngine::new()),
            EngineKind::Kvm => {
                let shortcuts = Shortcuts::for_one_of(self.workers);
                Box::new(KvmEngine::with_shortcuts(shortcuts)?)
            }
        };
        Ok(Box::new(Machine { engine, trace: TraceLog::default() }))
    }
}

#[derive(Debug)]
struct Machine {
    engine: Box<dyn Engine>,
    /// The memory of the last unit's trace.
    trace: TraceLog,
}

impl Worker for Machine {
    fn run(&mut self, planned: &PlannedUnit, attempt: u32) -> Result<Record, EngineError> {
        // A plan of this build has no such unit: nothing that is tried again would help.
        let unit = Unit::from_text(&planned.unit).map_err(|error| {
            EngineError::Environment(format!(
                "unit {}: {error}; plan the campaign again with this build",
                planned.id
            ))
        })?;
        let trace = std::mem::take(&mut self.trace);
        let result = run_unit_into(self.engine.as_mut(), &unit, trace)?;
        let record = crate::record(&result, attempt);
        self.trace = result.trace;
        Ok(record)
    }
}
