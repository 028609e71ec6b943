//! How the guest reaches its devices must not matter, only what it costs.

use campaign::Unit;
use campaign::engine::{Engine, KvmEngine, Shortcuts};
use campaign::trace::{Source, TraceLog};
use nvme_model::{Event, FaultPlan};
use swaplab_tests::{engines, mixed_units, run, units_of};

/// Only the call page.
const CALL_PAGE: Shortcuts = Shortcuts { call_page: true, ..Shortcuts::NONE };
/// Everything, whatever this machine has.
const ALL: Shortcuts = Shortcuts { call_page: true, attendant: true, walked_tables: true };

/// The engine kvm with these, if it is among those to be tested.
fn kvm(shortcuts: Shortcuts) -> Option<KvmEngine> {
    let is_there = engines().iter().any(|engine| engine.kind().name() == "kvm");
    is_there.then(|| KvmEngine::with_shortcuts(shortcuts).unwrap_or_else(|error| panic!("{error}")))
}

fn commands(trace: &TraceLog) -> u64 {
    let is_fetch = |source: &Source| matches!(source, Source::Controller(Event::Fetch { .. }));
    trace.entries().iter().filter(|entry| is_fetch(&entry.source)).count() as u64
}

/// Whether the attendant is there in time is chance, call by call: the trace must not know.
#[test]
fn with_any_shortcut_and_with_none_the_trace_is_the_same() {
    let Some(mut without) = kvm(Shortcuts::NONE) else { return };
    let some = [
        Shortcuts { attendant: true, ..CALL_PAGE },
        Shortcuts { walked_tables: true, ..Shortcuts::NONE },
        ALL,
    ];
    let mut others: Vec<_> = some.into_iter().filter_map(kvm).collect();
    for unit in mixed_units(40) {
        let expected = run(&mut without, &unit).trace_hash;
        for (other, shortcuts) in others.iter_mut().zip(some) {
            let hash = run(other, &unit).trace_hash;
            assert_eq!(hash, expected, "{} {shortcuts:?}", unit.label);
        }
    }
}

#[test]
fn with_and_without_the_call_page_the_trace_is_the_same() {
    let Some(mut with) = kvm(CALL_PAGE) else { return };
    let Some(mut without) = kvm(Shortcuts::NONE) else { return };
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
    let Some(mut engine) = kvm(CALL_PAGE) else { return };
    let unit = units_of("shutdown").remove(0);
    let before = engine.exits();
    let result = run(&mut engine, &unit);
    let (exits, commands) = (engine.exits() - before, commands(&result.trace));
    assert!(commands > 400, "{commands}");
    assert!(exits * 100 <= commands * 105, "{exits} exits for {commands} commands");
    let mut dear = kvm(Shortcuts::NONE).expect("KVM works");
    let before = dear.exits();
    let _ = run(&mut dear, &unit);
    assert!(dear.exits() - before > 3 * exits, "the page is what saves them");
}
