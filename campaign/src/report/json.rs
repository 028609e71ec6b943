//! The JSON form: one object a line, keys in a fixed order.

use serde::Serialize;
use tasks::{Resource, Stuck, TaskId};

use super::latency::Latency;
use super::table::outcome_name;
use crate::oracle::{Facts, Journey, Station, layer_name};
use crate::run::UnitResult;

/// One result, as scripts see it. Fields are added, never renamed or removed.
#[derive(Debug, Serialize)]
struct Line<'a> {
    scenario: &'a str,
    case: &'a str,
    path: &'a str,
    kind: &'a str,
    label: &'a str,
    unit: String,
    role: &'static str,
    engine: &'static str,
    verdict: String,
    expected: String,
    outcome: String,
    predicted: String,
    source: &'static str,
    as_expected: bool,
    detail: Option<&'a str>,
    pages_lost: Vec<u64>,
    errors: Vec<ErrorSeen>,
    who_learned: Vec<Learned>,
    is_silent_and_wrong: bool,
    steps: Vec<StepSeen>,
    fault_in: Option<Latency>,
    faults_planned: usize,
    faults_fired: usize,
    virtual_ns: u64,
    events: usize,
    trace_hash: String,
    wall_us: u64,
    stuck: Option<&'static str>,
    waits: Vec<Wait<'a>>,
}

/// One task of a circle of waits, or of those that get nowhere.
#[derive(Debug, Serialize)]
struct Wait<'a> {
    task: &'a str,
    resource: String,
    holder: Option<&'a str>,
}

/// One kind of error, and the layer that learned of it first.
#[derive(Debug, Serialize)]
struct ErrorSeen {
    operation: &'static str,
    errno: &'static str,
    learned_by: &'static str,
    count: u64,
}

/// Errors that went the same way, see [`crate::oracle::Journey`].
#[derive(Debug, Serialize)]
struct Learned {
    operation: &'static str,
    cause: String,
    learned: Vec<&'static str>,
    fate: &'static str,
    count: u64,
    first_event: usize,
}

impl From<&Journey> for Learned {
    fn from(journey: &Journey) -> Self {
        Self {
            operation: journey.operation,
            cause: journey.cause.clone(),
            learned: journey.learned.iter().map(Station::name).collect(),
            fate: journey.fate.name(),
            count: journey.count,
            first_event: journey.first_event,
        }
    }
}

#[derive(Debug, Serialize)]
struct StepSeen {
    step: &'static str,
    result: &'static str,
}

/// Who waits for whom, if the tasks are stuck.
fn waits(facts: &Facts) -> Vec<Wait<'_>> {
    let name = |task: &TaskId| facts.tasks.get(task).map_or("?", |name| name.as_str());
    let wait = |(task, resource, holder): &'_ (TaskId, Resource, Option<TaskId>)| {
        (name(task), resource.to_string(), holder.as_ref().map(name))
    };
    let waits = facts.circle.iter().map(wait);
    waits.map(|(task, resource, holder)| Wait { task, resource, holder }).collect()
}

/// The result as one line of JSON, without a newline.
#[must_use]
pub fn json_line(result: &UnitResult) -> String {
    let errors = result.facts.errors.iter().map(|error| ErrorSeen {
        operation: error.operation,
        errno: error.errno.name(),
        learned_by: layer_name(error.learned_by),
        count: error.count,
    });
    let steps = result
        .facts
        .steps
        .iter()
        .map(|(step, outcome)| StepSeen { step: step.text(), result: outcome_name(*outcome) });
    let line = Line {
        scenario: &result.unit.scenario,
        case: &result.unit.case,
        path: result.unit.spec.path.name(),
        kind: result.unit.spec.kind.name(),
        label: &result.unit.label,
        unit: result.unit.spec.to_string(),
        role: match result.unit.role {
            crate::Role::Experiment => "experiment",
            crate::Role::Control { .. } => "control",
        },
        engine: result.engine.name(),
        verdict: result.verdict.label(),
        expected: result.unit.expected(),
        outcome: result.outcome().to_string(),
        predicted: result.unit.prediction.to_string(),
        source: result.unit.source.text(),
        as_expected: result.is_expected(),
        detail: result.verdict.detail(),
        pages_lost: result.facts.pages_lost.iter().copied().collect(),
        errors: errors.collect(),
        who_learned: result.facts.journeys.iter().map(Learned::from).collect(),
        is_silent_and_wrong: result.facts.is_silent_and_wrong(),
        steps: steps.collect(),
        fault_in: Latency::of(&result.facts.fault_ns),
        faults_planned: result.faults_planned,
        faults_fired: result.faults_fired,
        virtual_ns: result.virtual_ns,
        events: result.events,
        trace_hash: result.trace_hash.to_string(),
        wall_us: u64::try_from(result.wall.as_micros()).unwrap_or(u64::MAX),
        stuck: result.facts.stuck.map(|stuck| match stuck {
            Stuck::Deadlock => "deadlock",
            Stuck::NoProgress => "no progress",
        }),
        waits: waits(&result.facts),
    };
    serde_json::to_string(&line).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
}
