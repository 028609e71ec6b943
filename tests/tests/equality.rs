//! The same unit gives the same trace on every engine, byte for byte: thousands of mixed units.
//!
//! `SWAPLAB_EQUALITY_UNITS` says how many (a stock KVM under emulation gets fewer).

use campaign::engine::Engine;
use campaign::trace::first_difference;
use campaign::{Unit, Verdict};
use swaplab_tests::{engines, mixed_units, run};

const UNITS: usize = 2009;

#[test]
fn mixed_units_give_the_same_trace_and_verdict_on_every_engine() {
    let mut engines = engines();
    let Some((first, others)) = engines.split_first_mut() else { return };
    let count = std::env::var("SWAPLAB_EQUALITY_UNITS").map_or(UNITS, |count| {
        count.parse().unwrap_or_else(|_| panic!("SWAPLAB_EQUALITY_UNITS={count}: not a number"))
    });
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
