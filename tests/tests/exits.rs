//! How the guest reaches its devices must not matter, only what it costs.

use campaign::Unit;
use campaign::engine::{Engine, KvmEngine};
use campaign::trace::{Source, TraceLog};
use nvme_model::{Event, FaultPlan};
use swaplab_tests::{engines, run, units_of};

/// The engine kvm, if it is among those to be tested.
fn kvm() -> Option<KvmEngine> {
    let is_there = engines().iter().any(|engine| engine.kind().name() == "kvm");
    is_there.then(|| KvmEngine::new().unwrap_or_else(|error| panic!("{error}")))
}

fn commands(trace: &TraceLog) -> u64 {
    let is_fetch = |source: &Source| matches!(source, Source::Controller(Event::Fetch { .. }));
    trace.entries().iter().filter(|entry| is_fetch(&entry.source)).count() as u64
}

#[test]
fn with_and_without_the_call_page_the_trace_is_the_same() {
    let Some(mut with) = kvm() else { return };
    let Some(mut without) = kvm().map(KvmEngine::without_call_page) else { return };
    let rules = [None, Some("io nth=40 => hang"), Some("write nth=9 => lost-interrupt")];
    for rule in rules {
        for unit in units_of("shutdown") {
            let mut faults = FaultPlan::none();
            faults.rules.extend(rule.map(|rule| rule.parse().expect("a rule")));
            let unit = Unit { faults, ..unit };
            let (a, b) = (run(&mut with, &unit), run(&mut without, &unit));
            assert_eq!(a.trace_hash, b.trace_hash, "{} {rule:?}", unit.label);
        }
    }
}

#[test]
fn a_command_costs_hardly_more_than_one_exit() {
    let Some(mut engine) = kvm() else { return };
    let unit = units_of("shutdown").remove(0);
    let before = engine.exits();
    let result = run(&mut engine, &unit);
    let (exits, commands) = (engine.exits() - before, commands(&result.trace));
    assert!(commands > 400, "{commands}");
    assert!(exits * 100 <= commands * 105, "{exits} exits for {commands} commands");
    let mut dear = KvmEngine::new().expect("KVM works").without_call_page();
    let before = dear.exits();
    let _ = run(&mut dear, &unit);
    assert!(dear.exits() - before > 3 * exits, "the page is what saves them");
}
