//! Which units of the scenarios a block of a campaign file names.

use swap_path::PathKind;

use super::file::{CampaignError, Source, Text, UnitsFile};
use crate::scenario::{self, Definition};
use crate::{Role, Unit};

/// The word for every scenario.
const ALL: &str = "all";

/// The scenarios of a block.
pub(super) fn definitions(
    source: &Source<'_>,
    block: &UnitsFile,
) -> Result<Vec<&'static Definition>, CampaignError> {
    let mut found = Vec::new();
    for name in &block.scenarios {
        if name.get_ref() == ALL {
            found.extend(scenario::ALL.iter());
            continue;
        }
        found.push(scenario::find(name.get_ref()).ok_or_else(|| {
            let known: Vec<_> = scenario::ALL.iter().map(Definition::name).collect();
            unknown(source, "scenario", name, &format!("all, {}", known.join(", ")))
        })?);
    }
    if found.is_empty() {
        return Err(source.error(&(0..0), "scenarios = [] names nothing: write [\"all\"]"));
    }
    Ok(found)
}

/// The units of a block that the scenarios predict something of, controls left out.
pub(super) fn experiments(
    source: &Source<'_>,
    block: &UnitsFile,
    definitions: &[&Definition],
) -> Result<Vec<Unit>, CampaignError> {
    let paths = paths(source, block)?;
    check_cases(source, block, definitions)?;
    let takes_case = |unit: &Unit| {
        block.cases.as_ref().is_none_or(|cases| cases.iter().any(|c| c.get_ref() == &unit.case))
    };
    let takes_path =
        |unit: &Unit| paths.as_ref().is_none_or(|paths| paths.contains(&unit.spec.path));
    let all = definitions.iter().flat_map(|definition| definition.units());
    let units = all.filter(|unit| unit.role == Role::Experiment);
    Ok(units.filter(|unit| takes_case(unit) && takes_path(unit)).cloned().collect())
}

/// The controls of the scenarios of a block.
pub(super) fn controls(block: &UnitsFile, definitions: &[&Definition]) -> Vec<Unit> {
    if !block.controls {
        return Vec::new();
    }
    let all = definitions.iter().flat_map(|definition| definition.units());
    all.filter(|unit| unit.role != Role::Experiment).cloned().collect()
}

fn paths(source: &Source<'_>, block: &UnitsFile) -> Result<Option<Vec<PathKind>>, CampaignError> {
    let Some(names) = &block.paths else { return Ok(None) };
    let path = |name: &Text| {
        name.get_ref()
            .parse::<PathKind>()
            .map_err(|error| source.error(&name.span(), format!("{:?}: {error}", name.get_ref())))
    };
    names.iter().map(path).collect::<Result<_, _>>().map(Some)
}

fn check_cases(
    source: &Source<'_>,
    block: &UnitsFile,
    definitions: &[&Definition],
) -> Result<(), CampaignError> {
    let units = || definitions.iter().flat_map(|definition| definition.units());
    for case in block.cases.iter().flatten() {
        if !units().any(|unit| unit.case == *case.get_ref()) {
            let mut known: Vec<_> = units().map(|unit| unit.case.as_str()).collect();
            known.dedup();
            return Err(unknown(source, "case", case, &known.join(", ")));
        }
    }
    Ok(())
}

pub(super) fn unknown(source: &Source<'_>, what: &str, word: &Text, known: &str) -> CampaignError {
    source.error(&word.span(), format!("unknown {what} {:?}: known are {known}", word.get_ref()))
}
