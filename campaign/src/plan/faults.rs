//! One fault a unit: every fault of a block at every point of every unit.

use std::collections::BTreeMap;

use lab::Op;
use lab::events::Step;
use nvme_model::fault::Rule;
use serde::Deserialize;

use super::census::{CLASSES, Census, Point};
use super::file::{CampaignError, Source, Text};
use super::obligations::{FaultRow, Owes, ROWS};
use super::select::unknown;
use crate::scenario::named;
use crate::{Prediction, Unit};

/// The faults of a block, as they are written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FaultsFile {
    /// `all`, what is owed (`survive`, `report`, `undetectable`), or what stands behind `=>`.
    pub(super) kinds: Vec<Text>,
    /// Classes of commands; all of a fault's if nothing is said.
    pub(super) on: Option<Vec<Text>>,
    /// Steps; all if nothing is said.
    pub(super) phases: Option<Vec<Text>>,
    /// So many points of each class in each step; all if nothing is said.
    pub(super) points: Option<u64>,
}

/// What a unit with a fault is like, for the space.
#[derive(Clone, Debug)]
pub(super) struct Injected {
    pub(super) unit: Unit,
    pub(super) fault: String,
    pub(super) point: String,
}

impl FaultsFile {
    /// These kinds, everywhere.
    pub(super) const fn of_kinds(kinds: Vec<Text>) -> Self {
        Self { kinds, on: None, phases: None, points: None }
    }
}

/// Puts every fault at every point of every unit.
pub(super) fn inject(
    source: &Source<'_>,
    file: &FaultsFile,
    units: &[Unit],
) -> Result<Vec<Injected>, CampaignError> {
    let rows = rows(source, file)?;
    let classes = classes(source, file)?;
    let mut phases_seen: BTreeMap<&str, ()> = BTreeMap::new();
    let mut injected = Vec::new();
    let mut census = Census::default();
    for unit in units {
        let points = census
            .points(unit)
            .map_err(|error| source.error(&(0..0), format!("{}: {error}", unit.label)))?;
        for point in points.iter().filter(|point| classes.contains(&point.class)) {
            phases_seen.insert(point.phase, ());
            if !is_wanted(file, point) {
                continue;
            }
            for row in rows.iter().filter(|row| row.on.contains(&point.class)) {
                injected.push(at_point(unit, row, point));
            }
        }
    }
    for phase in file.phases.iter().flatten() {
        if !phases_seen.contains_key(&**phase.get_ref()) {
            let known: Vec<_> = phases_seen.keys().copied().collect();
            return Err(unknown(source, "phase", phase, &known.join(", ")));
        }
    }
    Ok(injected)
}

fn is_wanted(file: &FaultsFile, point: &Point) -> bool {
    file.points.is_none_or(|most| point.nth_of_phase <= most)
        && file
            .phases
            .as_ref()
            .is_none_or(|phases| phases.iter().any(|phase| phase.get_ref() == point.phase))
}

fn at_point(unit: &Unit, row: &FaultRow, point: &Point) -> Injected {
    let mut unit = unit.clone();
    predict(&mut unit, owes_at(row, point));
    let rule = format!("{} nth={} name=first => {}", point.class, point.nth, row.does);
    for text in std::iter::once(rule.as_str()).chain(row.with.iter().copied()) {
        unit.faults.rules.push(text.parse().expect("a test reads every row at every class"));
    }
    let with: String = row.with.iter().map(|rule| format!(" ; {rule}")).collect();
    let point = format!("{} of {} in {}", point.nth_of_phase, point.class, point.phase);
    Injected { unit, fault: format!("{}{with}", row.does), point }
}

/// What is owed at a point: a driver that does not know its controller yet may refuse it.
pub(super) fn owes_at(row: &FaultRow, point: &Point) -> Owes {
    if point.phase == Step::Probe.text() { row.owes.max(Owes::Report) } else { row.owes }
}

/// What is left of a prediction under a fault.
pub(super) fn predict(unit: &mut Unit, owes: Owes) {
    // Errors, waits and time-outs take time.
    unit.fault_max_ns = None;
    // A command that is asked again is one more, and tasks take their locks in another order.
    unit.commands = None;
    unit.order_reports = None;
    // Faults that are survived one by one may be too many together. And tasks take turns as completions
    // come: what many of them come to is of one schedule, and a fault makes another one.
    let is_alone = unit.faults.rules.is_empty() && !unit.spec.script.has(Op::PressureOn);
    let owes = if is_alone { owes } else { owes.max(Owes::Report) };
    unit.prediction = match owes {
        Owes::Survive => return,
        // What the scenario's own faults hide stays hidden.
        _ if has_undetectable(unit) => Prediction::Any,
        // What is silent without a fault is so with one.
        Owes::Report if is_silent(unit.prediction) => Prediction::Any,
        Owes::Report => Prediction::Told,
        Owes::Undetectable => Prediction::Any,
    };
    unit.transactions = None;
    unit.learned_by = None;
    unit.user_sees = None;
    unit.lost_in_the_end = None;
}

/// Whether a fault of the scenario itself is one that nobody can notice.
fn has_undetectable(unit: &Unit) -> bool {
    let does = |rule: &Rule, row: &FaultRow| is_called(row, rule.action.kind().name());
    let hidden = || ROWS.iter().filter(|row| row.owes == Owes::Undetectable);
    unit.faults.rules.iter().any(|rule| hidden().any(|row| does(rule, row)))
}

/// Whether the scenario itself shows pages or other files' blocks that are silently wrong, or a machine that stops.
const fn is_silent(prediction: Prediction) -> bool {
    use Prediction::{Died, Hung, Overwrites, PagesSilentZeros, SilentZeros, Stalled};
    matches!(prediction, SilentZeros | PagesSilentZeros(_) | Overwrites | Died | Hung | Stalled)
}

/// The rows that a block names.
pub(super) fn rows(source: &Source<'_>, file: &FaultsFile) -> Result<Vec<FaultRow>, CampaignError> {
    let mut rows = Vec::new();
    for kind in &file.kinds {
        let word = kind.get_ref().as_str();
        let owes = Owes::ALL.iter().find(|owes| owes.name() == word);
        let takes = |row: &&FaultRow| {
            word == "all" || owes.is_some_and(|owes| row.owes == *owes) || is_called(row, word)
        };
        let found: Vec<_> = ROWS.iter().filter(takes).copied().collect();
        if found.is_empty() {
            let mut known: Vec<_> = ROWS.iter().map(|row| row.does).collect();
            known.dedup();
            let known = format!("all, survive, report, undetectable, {}", known.join(", "));
            return Err(unknown(source, "fault", kind, &known));
        }
        rows.extend(found);
    }
    Ok(rows)
}

/// A row is called by all it does, or by its first word without a value.
fn is_called(row: &FaultRow, word: &str) -> bool {
    let first = row.does.split([' ', '=']).next().unwrap_or_default();
    row.does == word || first == word
}

fn classes(source: &Source<'_>, file: &FaultsFile) -> Result<Vec<&'static str>, CampaignError> {
    let Some(names) = &file.on else { return Ok(CLASSES.to_vec()) };
    let class = |name: &Text| {
        named(CLASSES, |class| class, "class", name.get_ref())
            .map_err(|error| source.error(&name.span(), error))
    };
    names.iter().map(class).collect()
}
