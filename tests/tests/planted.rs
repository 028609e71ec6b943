//! Planted bugs of swap that need several tasks: the units of a scenario under many seeds, with and without the
//! bug. Those that need one are in `swap-path/tests/swap/planted`.

use campaign::engine::HostEngine;
use campaign::{Finding, Oracle, Unit, Verdict};
use swap_path::{Bug, PathKind};
use swaplab_tests::{run, units_of};

/// Units for each case. A seed chooses whose turn it is.
const SEEDS: u64 = 60;

/// The experiment on a written file, by this path and with this seed.
fn unit(path: PathKind, seed: u64) -> Unit {
    let mut units = units_of("pressure-swapoff").into_iter();
    let is_it = |unit: &Unit| unit.case == "written" && unit.spec.path == path;
    let mut unit = units.find(is_it).expect("the scenario has this path");
    unit.spec.seed = seed;
    unit
}

/// In how many units the page oracle objects. No other one does.
fn objections(path: PathKind, bug: Option<Bug>) -> u64 {
    let mut engine = HostEngine::new();
    let mut count = 0;
    for seed in 1..=SEEDS {
        let mut unit = unit(path, seed);
        if let Some(bug) = bug {
            unit.spec.knobs = unit.spec.knobs.with_named(bug.name()).expect("a bug has a name");
        }
        match run(&mut engine, &unit).verdict {
            Verdict::Pass => {}
            Verdict::Fail(Finding { oracle: Oracle::PageContent, .. }) => count += 1,
            other => panic!("{path}, seed {seed}: {other:?}"),
        }
    }
    count
}

#[test]
fn a_swapoff_that_races_faults_puts_old_pages_over_newer_ones() {
    for path in [PathKind::Extents, PathKind::Swap] {
        assert_eq!(objections(path, None), 0, "{path}");
        let caught = objections(path, Some(Bug::SwapoffRacesFault));
        println!("{path}: page content in {caught} of {SEEDS} units");
        assert!(caught * 2 > SEEDS, "{path}: only {caught} of {SEEDS} units");
    }
}
