//! A mixture of units: every scenario, path and case with every kind of trouble, seeds and sizes.

use std::path::Path;

use campaign::{Unit, plan, scenario, this_build};
use nvme_model::fault::Rule;
use nvme_model::{CachePolicy, FaultPlan};

/// Faults that units are mixed with; `N` becomes a small number. Not one may crash a guest.
const FAULTS: &[&str] = &[
    "",
    "read nth=N => status=media/unrecovered-read dnr",
    "write nth=N => status=media/write-fault dnr",
    "io nth=N => status=generic/internal-error",
    "flush nth=N => status=generic/internal-error dnr",
    "read nth=N => delay=5ms",
    "write nth=N => drop",
    "io nth=N => hang",
    "write nth=N => lost-write",
    "read nth=N => corrupt=100^0x01",
    "read nth=N => duplicate",
    "read nth=N => wrong-cid=0xffff",
    "io nth=N => lost-interrupt",
    "io nth=N => cfs",
    "io nth=N => remove",
    "write nth=N => power-cut",
    "read => delay=lognormal(80us,0.8)",
];

/// `count` units, the same ones each time. Their verdicts mean nothing: sizes and faults are not those that
/// the predictions were made for.
///
/// # Panics
/// If a fault of the list is no rule.
#[must_use]
pub fn mixed_units(count: usize) -> Vec<Unit> {
    let all: Vec<_> = scenario::ALL.iter().flat_map(|definition| definition.units()).collect();
    (0..count).map(|number| mixed(all[number % all.len()], number as u64)).collect()
}

/// `count` units of a soak with every scenario and every kind of fault, and the controls.
///
/// # Panics
/// If the campaign cannot be planned.
#[must_use]
pub fn soak_units(count: usize) -> Vec<Unit> {
    let campaign = format!(
        "name = 'soak'\nquestion = 'Does any fault make the engines differ?'\n\
         [soak]\nunits = {count}\nseed = 11\nscenarios = ['all']\nkinds = ['all']\n"
    );
    let build = this_build(env!("CARGO_PKG_VERSION")).expect("a program can read itself");
    let planned = plan::plan(Path::new("soak"), &campaign, build);
    let planned = planned.unwrap_or_else(|error| panic!("{error}"));
    let read = |text: &str| Unit::from_text(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    planned.plan.units().iter().map(|planned| read(&planned.unit)).collect()
}

fn mixed(unit: &Unit, number: u64) -> Unit {
    let mut draw = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = |bound: u64| {
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        draw % bound
    };
    let mut unit = unit.clone();
    unit.spec.pages = 16 + below(32);
    unit.spec.resident_pages = 8 + below(8);
    unit.spec.seed = number + 1;
    let fault = FAULTS[below(FAULTS.len() as u64) as usize];
    if !fault.is_empty() {
        let text = fault.replace('N', &(1 + below(120)).to_string());
        let rule: Rule = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        unit.faults = FaultPlan { seed: number, rules: vec![rule] };
    }
    // Every third drive leaves by chance what a power cut may leave.
    if number.is_multiple_of(3) {
        unit.cache_policy = CachePolicy::Sample { seed: number };
    }
    unit.label = format!("unit {number} ({}), {fault}", unit.label);
    unit
}
