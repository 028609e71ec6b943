use super::*;
use crate::engine::HostEngine;
use crate::scenario;

/// A healthy unit with one fault that matters among others that do not.
fn noisy() -> Unit {
    let definition = scenario::find("healthy").expect("a shipped scenario");
    let unit = definition.units().iter().find(|unit| unit.label == "swap");
    let mut unit = unit.expect("a unit by that path").clone();
    for rule in [
        "read every=3 => delay=50us",
        "write nth=5 => delay=20us",
        "write lba=265..300 nth=3 => lost-write",
        "flush => delay=1us",
    ] {
        unit.faults.rules.push(rule.parse().expect("a rule"));
    }
    unit
}

const LIMITS: Limits = Limits { runs_max: 400, deadline: None };

#[test]
fn one_fault_of_many_is_left_as_the_nth_command_and_the_failure_is_the_same() {
    let unit = noisy();
    let mut engine = HostEngine::new();
    let shrunk = shrink(&mut engine, &unit, &LIMITS).expect("it fails");
    assert!(shrunk.is_minimal, "{} runs", shrunk.runs);
    let rules: Vec<_> = shrunk.unit.faults.rules.iter().map(ToString::to_string).collect();
    assert_eq!(rules.len(), 1, "{rules:?}");
    assert!(rules[0].starts_with("write nth=") && rules[0].ends_with("=> lost-write"), "{rules:?}");
    assert_eq!(signature(&shrunk.result), shrunk.signature);
    let words = |unit: &Unit| unit.spec.script.words().len();
    assert!(words(&shrunk.unit) < words(&unit), "{}", shrunk.unit.spec.script);
    let again = shrink(&mut engine, &unit, &LIMITS).expect("it fails");
    assert_eq!(again.unit.text(), shrunk.unit.text(), "a search is exact, too");
}

#[test]
fn a_search_without_budget_still_has_a_result_that_fails() {
    let shrunk = shrink(&mut HostEngine::new(), &noisy(), &Limits { runs_max: 4, ..LIMITS });
    let shrunk = shrunk.expect("it fails");
    assert!(!shrunk.is_minimal);
    assert_eq!(signature(&shrunk.result), shrunk.signature);
}

#[test]
fn what_does_not_fail_is_not_shrunk() {
    let mut unit = noisy();
    unit.faults.rules.clear();
    let error = shrink(&mut HostEngine::new(), &unit, &LIMITS).expect_err("it passes");
    assert!(error.to_string().contains("PASS"), "{error}");
}

#[test]
fn the_fault_that_sealed_it_is_named_and_nothing_before_it_was_enough() {
    let found = point_of_no_return(&mut HostEngine::new(), &noisy()).expect("it runs");
    let sealed = found.sealed().expect("the whole run fails");
    assert!(sealed.what.ends_with("=> lost-write"), "{found:?}");
    assert!(!found.forks[0].is_failing && found.forks.last().is_some_and(|fork| fork.is_failing));
}

#[test]
fn without_faults_the_shutdown_is_what_seals_it() {
    let definition = scenario::find("shutdown").expect("a shipped scenario");
    let unit = definition.units().iter().find(|unit| unit.label == "dio").expect("by dio");
    let mut unit = unit.clone();
    unit.prediction = Prediction::NothingLost;
    unit.learned_by = None;
    let found = point_of_no_return(&mut HostEngine::new(), &unit).expect("it runs");
    assert_eq!(found.sealed().map(|fork| &*fork.what), Some("shutdown"), "{found:?}");
    assert!(found.sealed().is_some_and(|fork| fork.event > 0));
}
