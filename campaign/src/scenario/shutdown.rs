//! The mail's scenario: the filesystem shuts down under an active swap file.

use lab::{Scenario, UnitSpec};
use nvme_model::FaultPlan;
use swap_path::PathKind;

use super::Definition;
use crate::unit::{Prediction, Role, Unit};
use crate::verdict::Oracle;

/// Claims 7 and 8 of the mail.
pub(super) const DEFINITION: Definition = Definition {
    scenario: Scenario::Shutdown,
    claim: "A shut-down filesystem rejects all direct I/O, so swap through the direct-I/O mapping \
            dies with it; through copied extents or a swap mapping of its own, swap goes on and \
            swapoff makes the unmount possible: fail-safe.",
    source: "run on Linux 6.1 and on a patched 6.12; the mail",
    units,
};

fn units() -> Vec<Unit> {
    let experiment = |path, prediction| Unit {
        spec: UnitSpec::new(Scenario::Shutdown, path),
        label: path.name().to_owned(),
        faults: FaultPlan::none(),
        prediction,
        role: Role::Experiment,
    };
    vec![
        experiment(PathKind::Extents, Prediction::NothingLost),
        experiment(PathKind::Dio, Prediction::SwappedLostAndTold),
        experiment(PathKind::Swap, Prediction::NothingLost),
        control(),
    ]
}

/// The swap mapping as it must not be: it asks for the shutdown state first, as the direct-I/O mapping
/// does. Everything else is the `swap` path, so what fails, fails for this one reason.
fn control() -> Unit {
    let mut spec = UnitSpec::new(Scenario::Shutdown, PathKind::Swap);
    spec.knobs.swap_map_honours_shutdown = true;
    Unit {
        spec,
        label: "swap (control)".to_owned(),
        faults: FaultPlan::none(),
        prediction: Prediction::NothingLost,
        role: Role::Control { must_fail: Oracle::NothingLost },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_an_experiment_and_the_scenario_has_a_control() {
        let units = units();
        for path in PathKind::ALL {
            assert!(units.iter().any(|u| u.spec.path == *path && u.role == Role::Experiment));
        }
        assert!(units.iter().any(|u| matches!(u.role, Role::Control { .. })));
    }
}
