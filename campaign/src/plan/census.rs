//! Where a fault can be put: the commands of a run without the fault.
//!
//! Runs are exact, so the commands up to the first fault are those of the run without it. A census runs
//! a unit once on the host engine and writes down, for every command, what the guest was doing and
//! which command of its class it was. Each of them is an injection point, and there are no others.

use std::collections::{BTreeMap, BTreeSet};

use nvme_model::Event as ModelEvent;
use nvme_spec::NvmOpcode;

use crate::Unit;
use crate::engine::{EngineError, HostEngine};
use crate::fired::{Phases, RuleId};
use crate::run::run_unit_into;
use crate::trace::{Entry, Source, TraceLog};

/// The classes of what a fault can be put at, as fault rules name them.
pub(super) const CLASSES: &[&str] = &["read", "write", "flush", "admin", "doorbell"];

/// A command of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Point {
    /// Its class.
    pub(super) class: &'static str,
    /// Which of its class in the whole run, from 1.
    pub(super) nth: u64,
    /// The step of the script in which it came.
    pub(super) phase: &'static str,
    /// Which of its class in that step, from 1.
    pub(super) nth_of_phase: u64,
    /// In which life of the guest, from 1.
    pub(super) life: u32,
    /// Every fault that the unit has of itself has fired before.
    pub(super) is_after_own: bool,
}

/// Takes the census of one unit after the other. Engine and trace keep the memory that they have touched.
#[derive(Debug, Default)]
pub(super) struct Census {
    engine: HostEngine,
    trace: TraceLog,
}

impl Census {
    /// Every point of a run of `unit`.
    ///
    /// # Errors
    /// [`EngineError`] if the engine fails.
    pub(super) fn points(&mut self, unit: &Unit) -> Result<Vec<Point>, EngineError> {
        let trace = std::mem::take(&mut self.trace);
        self.trace = run_unit_into(&mut self.engine, unit, trace)?.trace;
        Ok(points_of(self.trace.entries()))
    }
}

fn points_of(trace: &[Entry]) -> Vec<Point> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut counts_of_phase: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut phases = Phases::default();
    let mut points = Vec::new();
    let own = own_fired_by(trace);
    for (index, entry) in trace.iter().enumerate() {
        phases.entry(entry);
        let (Some(class), phase) = (class_of(entry), phases.name()) else { continue };
        let nth = counts.entry(class).or_default();
        let nth_of_phase = counts_of_phase.entry((class, phase)).or_default();
        (*nth, *nth_of_phase) = (*nth + 1, *nth_of_phase + 1);
        points.push(Point {
            class,
            nth: *nth,
            phase,
            nth_of_phase: *nth_of_phase,
            life: phases.life(),
            is_after_own: index >= own,
        });
    }
    points
}

/// From which entry on every rule that fires at all has fired once.
fn own_fired_by(trace: &[Entry]) -> usize {
    let mut seen = BTreeSet::new();
    let fired = trace.iter().enumerate();
    let fired = fired.filter_map(|(index, entry)| Some((index, RuleId::fired_at(entry)?)));
    fired.filter(|(_, rule)| seen.insert(*rule)).map(|(index, _)| index).last().unwrap_or(0)
}

fn class_of(entry: &Entry) -> Option<&'static str> {
    let Source::Controller(event) = &entry.source else { return None };
    match event {
        ModelEvent::Fetch { sqid: 0, .. } => Some("admin"),
        ModelEvent::Fetch { opcode, .. } => match NvmOpcode(*opcode) {
            NvmOpcode::READ => Some("read"),
            NvmOpcode::WRITE => Some("write"),
            NvmOpcode::FLUSH => Some("flush"),
            _ => None,
        },
        ModelEvent::SqDoorbell { .. } | ModelEvent::CqDoorbell { .. } => Some("doorbell"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::run_unit;
    use crate::scenario;

    #[test]
    fn a_fault_at_a_point_fires_in_the_step_that_the_census_says() {
        let definition = scenario::find("healthy").expect("a scenario");
        let unit = definition.units().first().expect("a unit");
        let points = Census::default().points(unit).expect("a census");
        for class in ["read", "write", "flush", "doorbell", "admin"] {
            let point = points.iter().filter(|point| point.class == class).nth(2).expect(class);
            let mut unit = unit.clone();
            let rule = format!("{class} nth={} => expect", point.nth);
            unit.faults.rules.push(rule.parse().expect("a rule"));
            let result = run_unit(&mut HostEngine::new(), &unit).expect("a run");
            let fired = &result.faults[0];
            assert_eq!((fired.fired, &*fired.fired_at[0].phase), (1, point.phase), "{rule}");
        }
    }
}
