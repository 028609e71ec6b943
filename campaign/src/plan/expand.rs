//! The product of a block's lists.

use std::collections::BTreeSet;

use nvme_model::CachePolicy;
use results::{PlannedUnit, SpaceLine};

use super::faults::{self, Injected};
use super::file::{CampaignError, CampaignFile, Source, UnitsFile};
use super::{select, soak};
use crate::{Role, Unit};

/// Every unit of the campaign, and the space that they cover.
pub(super) fn expand(
    source: &Source<'_>,
    campaign: &CampaignFile,
) -> Result<(Vec<PlannedUnit>, Vec<SpaceLine>), CampaignError> {
    let mut units = Vec::new();
    let mut injections = Injections::default();
    for block in &campaign.units {
        block_units(source, block, &mut units, &mut injections)?;
    }
    if let Some(file) = &campaign.soak {
        let (fresh, controls) = soak::units(source, file)?;
        units.extend(fresh);
        units.extend(controls);
    }
    for text in &campaign.controls {
        let unit = Unit::from_text(text.get_ref());
        let unit = unit.map_err(|error| source.error(&text.span(), error))?;
        if unit.role == Role::Experiment {
            return Err(source.error(&text.span(), "a control has role=control:ORACLE"));
        }
        units.push(unit);
    }
    if !units.iter().any(|unit| unit.role != Role::Experiment) {
        let message = "there is no control: without one that fails, no verdict can be believed; \
                       leave out `controls = false`, or add to `controls`";
        return Err(source.error(&campaign.name.span(), message));
    }
    let mut space = space(&units);
    space.extend(injections.space());
    Ok((units.iter().map(planned).collect(), space))
}

/// A unit as a plan has it.
#[must_use]
pub fn planned(unit: &Unit) -> PlannedUnit {
    PlannedUnit::new(unit.text(), unit.role_word(), unit.expected_label())
}

fn block_units(
    source: &Source<'_>,
    block: &UnitsFile,
    units: &mut Vec<Unit>,
    injections: &mut Injections,
) -> Result<(), CampaignError> {
    let definitions = select::definitions(source, block)?;
    let experiments = select::experiments(source, block, &definitions)?;
    if experiments.is_empty() {
        let message = "no unit of these scenarios is of these cases and paths";
        let place = block.scenarios.first().map_or(0..0, serde_spanned::Spanned::span);
        return Err(source.error(&place, message));
    }
    let seeds = block.seeds.clone().unwrap_or_else(|| vec![1]);
    let with_seeds = |all: &[Unit]| -> Vec<Unit> {
        seeds
            .iter()
            .flat_map(|seed| all.iter().map(|unit| with_seed(unit.clone(), *seed)))
            .collect()
    };
    let experiments = with_seeds(&with_policies(source, block, &experiments)?);
    match &block.faults {
        None => units.extend(experiments),
        Some(file) => {
            for injected in faults::inject(source, file, &experiments)? {
                injections.add(&injected);
                units.push(injected.unit);
            }
        }
    }
    units.extend(with_seeds(&select::controls(block, &definitions)));
    Ok(())
}

/// The units, each with every policy of the block.
fn with_policies(
    source: &Source<'_>,
    block: &UnitsFile,
    units: &[Unit],
) -> Result<Vec<Unit>, CampaignError> {
    let Some(texts) = &block.cache_policies else { return Ok(units.to_vec()) };
    let mut all = Vec::new();
    for text in texts {
        let cache_policy: CachePolicy =
            text.get_ref().parse().map_err(|error: String| source.error(&text.span(), error))?;
        all.extend(units.iter().cloned().map(|unit| Unit { cache_policy, ..unit }));
    }
    Ok(all)
}

/// The faults and points of a campaign.
#[derive(Debug, Default)]
struct Injections {
    faults: BTreeSet<String>,
    points: BTreeSet<String>,
}

impl Injections {
    fn add(&mut self, injected: &Injected) {
        self.faults.insert(injected.fault.clone());
        self.points.insert(injected.point.clone());
    }

    fn space(self) -> Vec<SpaceLine> {
        if self.faults.is_empty() {
            return Vec::new();
        }
        [("fault", self.faults), ("point", self.points)]
            .into_iter()
            .map(|(axis, values)| SpaceLine {
                axis: axis.to_owned(),
                size: values.len() as u64,
                values: shown(values),
            })
            .collect()
    }
}

fn with_seed(mut unit: Unit, seed: u64) -> Unit {
    unit.spec.seed = seed;
    unit
}

/// The axes of what was planned. The product of their sizes is no count of units: not every scenario
/// is on every path.
fn space(units: &[Unit]) -> Vec<SpaceLine> {
    let axis = |axis: &str, value: &dyn Fn(&Unit) -> String| {
        let values: BTreeSet<String> = units.iter().map(value).collect();
        let size = values.len() as u64;
        SpaceLine { axis: axis.to_owned(), size, values: shown(values) }
    };
    let policies = axis("cache policy", &|unit| unit.cache_policy.to_string());
    let has_policies = units.iter().any(|unit| unit.cache_policy != CachePolicy::default());
    let mut space = vec![
        axis("scenario", &|unit| unit.scenario.clone()),
        axis("case", &|unit| format!("{}/{}", unit.scenario, unit.case)),
        axis("path", &|unit| unit.spec.path.name().to_owned()),
        axis("seed", &|unit| unit.spec.seed.to_string()),
    ];
    space.extend(Some(policies).filter(|_| has_policies));
    space
}

/// Values in a line: many are cut short.
fn shown(values: BTreeSet<String>) -> String {
    const SHOWN: usize = 12;
    let more = values.len().saturating_sub(SHOWN);
    let mut text = values.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(", and {more} more"));
    }
    text
}
