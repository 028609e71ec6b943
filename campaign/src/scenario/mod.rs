//! The scenarios: named experiments with a claim, a prediction per path, and a control.

mod shutdown;

use lab::Scenario;
use swap_path::PathKind;

use crate::unit::Unit;

/// A scenario as it is listed and explained to people.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// What the guest plays.
    pub scenario: Scenario,
    /// The claim under test, in one sentence.
    pub claim: &'static str,
    /// Where the prediction comes from.
    pub source: &'static str,
    /// The units, in report order.
    pub units: fn() -> Vec<Unit>,
}

impl Definition {
    /// The name on the command line.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.scenario.name()
    }
}

/// Every scenario, in report order.
pub const ALL: &[Definition] = &[shutdown::DEFINITION];

/// The scenario with that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Definition> {
    ALL.iter().find(|definition| definition.name() == name)
}

/// The units of `definitions`, restricted to `paths` unless that is empty.
#[must_use]
pub fn units(definitions: &[&Definition], paths: &[PathKind]) -> Vec<Unit> {
    definitions
        .iter()
        .flat_map(|definition| (definition.units)())
        .filter(|unit| paths.is_empty() || paths.contains(&unit.spec.path))
        .collect()
}
