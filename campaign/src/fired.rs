//! Fired-fault accounting: how far each rule of a unit came, and where it fired.
//!
//! The counts are the controller's; the places are read from the trace, so that both engines name the
//! same ones.

use std::collections::BTreeMap;

use file_server::{Event as ServerEvent, FileServer};
use hal::trace::Layer;
use lab::events::{Event as LabEvent, Step};
use nvme_model::{Event as ModelEvent, FaultEngine};
use results::{FaultCount, FiredAt};

use crate::trace::{Entry, Source};

/// A rule that fires at every command would fill the ledger with its places.
const PLACES_MAX: usize = 4;

/// A rule of one of those that have faults, by its number in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RuleId {
    /// One of the controller's.
    Controller(u16),
    /// One of the file server's.
    Server(u32),
}

impl RuleId {
    /// The rule whose firing an entry reports.
    pub(crate) fn fired_at(entry: &Entry) -> Option<Self> {
        match &entry.source {
            Source::Controller(ModelEvent::Fault { rule, .. }) => Some(Self::Controller(*rule)),
            Source::Server(ServerEvent::Fault { rule, .. }) => Some(Self::Server(*rule)),
            _ => None,
        }
    }
}

/// Every rule of the plan, in its order: the controller's, then the file server's.
pub(crate) fn counts(
    faults: Option<&FaultEngine>,
    server: Option<&FileServer>,
    trace: &[Entry],
) -> Vec<FaultCount> {
    let controller = faults.into_iter().flat_map(|faults| (0..).zip(faults.counts()));
    let controller = controller.map(|(number, (rule, counts))| {
        let count = count(rule, counts.planned, counts.armed, counts.fired);
        (RuleId::Controller(number), count)
    });
    let server = server.into_iter().flat_map(|server| (0..).zip(server.faults()));
    let server = server.map(|(number, (rule, counts))| {
        let count = count(rule, counts.planned, counts.matched, counts.fired);
        (RuleId::Server(number), count)
    });
    let mut all: Vec<(RuleId, FaultCount)> = controller.chain(server).collect();
    if all.iter().any(|(_, count)| count.fired > 0) {
        let mut places = places(trace);
        for (rule, count) in &mut all {
            count.fired_at = places.remove(rule).unwrap_or_default();
        }
    }
    all.into_iter().map(|(_, count)| count).collect()
}

fn count(rule: &impl ToString, planned: u64, armed: u64, fired: u64) -> FaultCount {
    FaultCount { rule: rule.to_string(), planned, armed, fired, fired_at: Vec::new() }
}

/// The first places of each rule that fired.
fn places(trace: &[Entry]) -> BTreeMap<RuleId, Vec<FiredAt>> {
    let mut places: BTreeMap<RuleId, Vec<FiredAt>> = BTreeMap::new();
    let mut phases = Phases::default();
    for (event, entry) in (1..).zip(trace) {
        phases.entry(entry);
        if let Some(rule) = RuleId::fired_at(entry) {
            let places = places.entry(rule).or_default();
            if places.len() < PLACES_MAX {
                places.push(FiredAt { event, phase: phases.name().to_owned() });
            }
        }
    }
    places
}

/// Follows the guest's steps through a trace.
#[derive(Debug, Default)]
pub(crate) struct Phases {
    steps: Vec<Step>,
    lives: u32,
}

impl Phases {
    /// The next entry of the trace.
    pub(crate) fn entry(&mut self, entry: &Entry) {
        let Source::Guest(record) = &entry.source else { return };
        if record.layer != Layer::Program {
            return;
        }
        match LabEvent::decode(record) {
            // A life that was cut off leaves its steps open.
            Some(LabEvent::StepBegin { step: Step::Probe }) => {
                self.steps = vec![Step::Probe];
                self.lives += 1;
            }
            Some(LabEvent::StepBegin { step }) => self.steps.push(step),
            Some(LabEvent::StepEnd { .. }) => {
                self.steps.pop();
            }
            _ => {}
        }
    }

    /// Which life it is, from 1; 0 before the first probes its controller.
    pub(crate) const fn life(&self) -> u32 {
        self.lives
    }

    /// The innermost step that is under way.
    pub(crate) fn name(&self) -> &'static str {
        self.steps.last().map_or("-", |step| step.text())
    }
}
