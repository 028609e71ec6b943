//! The same unit gives the same trace on every engine, byte for byte: thousands of mixed units, some of a
//! soak, and those that were once different.
//!
//! `SWAPLAB_EQUALITY_UNITS` says how many (a stock KVM under emulation gets fewer).

use campaign::engine::{Engine, EngineKind, KvmEngine, Shortcuts};
use campaign::trace::first_difference;
use campaign::{Unit, Verdict};
use nvme_model::FaultPlan;
use swap_path::PathKind;
use swaplab_tests::{engines, mixed_units, run, soak_units, units_of};

const UNITS: usize = 2009;
/// For so many mixed units, one of a soak. Those are as large as the scenarios.
const MIXED_TO_SOAK: usize = 5;

/// Units that were found by hand or by `campaign run --cross`.
const ONCE_DIFFERENT: &[&str] = &[
    // A write's data were fetched after its pages had been given back, which the host engine alone refused.
    "scenario=folios case=2_MiB role=experiment expect=any \
     script=fs,file,memory,on,fill,verify-old,refill,verify-new,off,verify-in-memory,unmount path=dio-raw \
     kind=written activation=check knobs= readin=1 resident=512 pages=1024 seed=4013781256 folio=9 \
     faults=1566521766 write name=first nth=47 => early-completion=1ms",
];

#[test]
fn mixed_units_give_the_same_trace_and_verdict_on_every_engine() {
    let mut engines = engines();
    if engines.iter().any(|engine| engine.kind() == EngineKind::Kvm) {
        // As a campaign has it. The other one takes real page faults.
        let campaign = KvmEngine::with_shortcuts(Shortcuts::for_one_of(1));
        engines.push(Box::new(campaign.unwrap_or_else(|error| panic!("kvm: {error}"))));
    }
    let Some((first, others)) = engines.split_first_mut() else { return };
    let count = count();
    let (mut kinds, mut hashes) =
        (std::collections::BTreeMap::new(), std::collections::BTreeSet::new());
    for unit in mixed_units(count) {
        let (verdict, hash) = compare(first.as_mut(), others, &unit);
        *kinds.entry(verdict).or_insert(0) += 1;
        hashes.insert(hash);
    }
    // A mixture in which everything comes out alike would compare nothing.
    assert!(hashes.len() * 10 > count * 9, "only {} different traces", hashes.len());
    assert!(kinds.len() >= 4, "too much alike: {kinds:?}");
    eprintln!("{count} units, {} traces: {kinds:?}", hashes.len());
}

#[test]
fn units_of_a_soak_give_the_same_trace_and_verdict_on_every_engine() {
    let mut engines = engines();
    let Some((first, others)) = engines.split_first_mut() else { return };
    let mut hashes = std::collections::BTreeSet::new();
    let units = soak_units(count() / MIXED_TO_SOAK);
    for unit in &units {
        hashes.insert(compare(first.as_mut(), others, unit).1);
    }
    assert!(hashes.len() * 10 > units.len() * 9, "only {} different traces", hashes.len());
}

#[test]
fn units_that_were_once_different_give_the_same_trace_on_every_engine() {
    let mut engines = engines();
    let Some((first, others)) = engines.split_first_mut() else { return };
    for text in ONCE_DIFFERENT {
        let unit = Unit::from_text(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        compare(first.as_mut(), others, &unit);
    }
}

#[test]
fn what_a_power_cut_leaves_by_chance_is_the_same_on_every_engine_and_not_what_losing_all_leaves() {
    let mut engines = engines();
    let Some((first, others)) = engines.split_first_mut() else { return };
    let reboot = units_of("reboot").into_iter().find(|unit| unit.spec.path == PathKind::Swap);
    let reboot = reboot.expect("the scenario has this path");
    let mut unlike_the_first = 0;
    for nth in [3, 9, 27, 81] {
        let rule = format!("write nth={nth} => power-cut").parse().expect("a rule");
        let faults = FaultPlan { seed: 1, rules: vec![rule] };
        let hashes = ["lose-all", "keep-all", "sample:1", "sample:2", "violate:1"].map(|policy| {
            let cache_policy = policy.parse().expect("a policy");
            let unit = Unit { cache_policy, faults: faults.clone(), ..reboot.clone() };
            compare(first.as_mut(), others, &unit).1
        });
        unlike_the_first += hashes.iter().filter(|hash| **hash != hashes[0]).count();
    }
    assert!(unlike_the_first >= 8, "the policy makes nearly no difference: {unlike_the_first}");
}

fn count() -> usize {
    std::env::var("SWAPLAB_EQUALITY_UNITS").map_or(UNITS, |count| {
        count.parse().unwrap_or_else(|_| panic!("SWAPLAB_EQUALITY_UNITS={count}: not a number"))
    })
}

/// Runs the unit everywhere; returns the verdict in a word, and the trace's hash.
fn compare(
    first: &mut dyn Engine,
    others: &mut [Box<dyn Engine>],
    unit: &Unit,
) -> (&'static str, String) {
    let reference = run(first, unit);
    // A second power cut ends a unit early; whatever else ends one is a mistake of ours.
    if let Verdict::Infra(how) = &reference.verdict {
        assert!(how.contains("cut the power again"), "{}: {how}", unit.label);
    }
    for other in others {
        let result = run(other.as_mut(), unit);
        let names = (reference.engine.name(), result.engine.name());
        if result.trace_hash != reference.trace_hash {
            let apart = first_difference((names.0, &reference.trace), (names.1, &result.trace));
            panic!("determinism alarm: {}: {}", unit.label, apart.unwrap_or_default());
        }
        assert_eq!(result.verdict, reference.verdict, "{}", unit.label);
    }
    (reference.verdict.word(), reference.trace_hash.to_string())
}
