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

/// Every rule of the plan, in its order.
pub(crate) fn counts(faults: &FaultEngine, trace: &[Entry]) -> Vec<FaultCount> {
    let has_fired = faults.counts().any(|(_, counts)| counts.fired > 0);
    let mut places = places(trace, has_fired, |source| match source {
        Source::Controller(ModelEvent::Fault { rule, .. }) => Some(*rule),
        _ => None,
    });
    let rules = (0_u16..).zip(faults.counts());
    rules
        .map(|(number, (rule, counts))| FaultCount {
            rule: rule.to_string(),
            planned: counts.planned,
            armed: counts.armed,
            fired: counts.fired,
            fired_at: places.remove(&number).unwrap_or_default(),
        })
        .collect()
}

/// The same for the file server's rules.
pub(crate) fn server_counts(server: &FileServer, trace: &[Entry]) -> Vec<FaultCount> {
    let has_fired = server.faults().any(|(_, counts)| counts.fired > 0);
    let mut places = places(trace, has_fired, |source| match source {
        Source::Server(ServerEvent::Fault { rule, .. }) => u16::try_from(*rule).ok(),
        _ => None,
    });
    let rules = (0_u16..).zip(server.faults());
    rules
        .map(|(number, (rule, counts))| FaultCount {
            rule: rule.to_string(),
            planned: counts.planned,
            armed: counts.matched,
            fired: counts.fired,
            fired_at: places.remove(&number).unwrap_or_default(),
        })
        .collect()
}

/// The first places of each rule that fired, as `rule_of` finds them.
fn places(
    trace: &[Entry],
    has_fired: bool,
    rule_of: impl Fn(&Source) -> Option<u16>,
) -> BTreeMap<u16, Vec<FiredAt>> {
    let mut places: BTreeMap<u16, Vec<FiredAt>> = BTreeMap::new();
    if !has_fired {
        return places;
    }
    let mut phases = Phases::default();
    for (event, entry) in (1..).zip(trace) {
        phases.entry(entry);
        if let Some(rule) = rule_of(&entry.source) {
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
