//! Faults end to end: the same on every engine, and no finding about our own driver without them.

use campaign::trace::{Entry, Source};
use campaign::{Unit, Verdict};
use nvme_model::{Event, FaultPlan};
use swaplab_tests::{engines, run, units_of};

/// A unit of the swap path with one rule.
fn unit_with(rule: &str) -> Unit {
    let units = units_of("shutdown");
    let mut unit = units.into_iter().find(|unit| unit.label.contains("swap")).expect("a unit");
    let rules = vec![rule.parse().unwrap_or_else(|error| panic!("{rule}: {error}"))];
    unit.faults = FaultPlan { seed: 3, rules };
    unit
}

fn has_event(entries: &[Entry], is_it: fn(&Event) -> bool) -> bool {
    entries.iter().any(|entry| matches!(&entry.source, Source::Controller(event) if is_it(event)))
}

#[test]
fn our_driver_gives_no_findings_where_nothing_is_wrong() {
    for mut engine in engines() {
        let units = ["healthy", "shutdown", "workloads", "folios"].into_iter().flat_map(units_of);
        for unit in units.filter(|unit| unit.faults.rules.is_empty()) {
            let _ = run(engine.as_mut(), &unit);
            let controller = engine.controller().expect("a controller");
            let findings: Vec<_> = controller.findings().last().collect();
            assert!(findings.is_empty(), "{}: {findings:?}", unit.label);
        }
    }
}

#[test]
fn a_power_cut_by_a_rule_ends_the_life_and_the_next_one_begins() {
    for rule in [
        "write nth=25 => power-cut",
        "doorbell nth=60 => power-cut",
        "write nth=25 => power-cut-at=700B",
    ] {
        for mut engine in engines() {
            let result = run(engine.as_mut(), &unit_with(rule));
            let entries = result.trace.entries();
            let name = engine.kind().name();
            assert!(has_event(entries, |event| *event == Event::PowerLost), "{rule} on {name}");
            let is_cut = |event: &Event| matches!(event, Event::PowerCut { .. });
            assert!(has_event(entries, is_cut), "{rule} on {name}");
            let verdict = &result.verdict;
            assert!(!matches!(verdict, Verdict::Infra(_)), "{rule} on {name}: {verdict:?}");
        }
    }
}

#[test]
fn faults_of_every_sort_leave_the_same_trace_on_every_engine() {
    for rule in [
        "write nth=25 => power-cut",
        "doorbell nth=60 => power-cut",
        "doorbell nth=60 => ignore-write",
        "register-read reg=0..8 nth=1 => lie=0:0f00/ffff",
        "read every=3 => early-completion=1ms",
        "write nth=30 => stall=5ms",
        "write nth=25 => read-only",
        "write nth=25 => dma-error=sqe",
        "io nth=50 => interrupt-storm=20",
        "write nth=30 => hang",
        "write nth=30 => cfs",
        "io nth=30 => remove",
    ] {
        let unit = unit_with(rule);
        let hashes: Vec<_> =
            engines().iter_mut().map(|engine| run(engine.as_mut(), &unit).trace_hash).collect();
        assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "{rule}: {hashes:?}");
    }
}
