//! Every scenario, every unit, on every engine: the verdict is the expected one, and the trace is the
//! same byte for byte.

use campaign::scenario;
use swaplab_tests::{engines, run};

#[test]
fn every_unit_of_every_scenario_is_as_expected_and_equal_on_every_engine() {
    let mut engines = engines();
    let mut wrong = Vec::new();
    for unit in scenario::ALL.iter().flat_map(|definition| definition.units()) {
        let results: Vec<_> = engines.iter_mut().map(|engine| run(engine.as_mut(), unit)).collect();
        let name = format!("{}/{}", unit.scenario, unit.label);
        for result in &results {
            if !result.is_expected() {
                let verdict = result.verdict.label();
                wrong.push(format!("{name}: {verdict}: {:?}", result.verdict.detail()));
            }
            if result.trace_hash != results[0].trace_hash {
                wrong.push(format!("{name}: another trace on {}", result.engine.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
