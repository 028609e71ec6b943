//! Runs that oracles once judged wrongly.

use hal::trace::Layer;
use swap_path::events::Event as SwapEvent;

use crate::engine::HostEngine;
use crate::run::{UnitResult, run_unit};
use crate::trace::{Entry, Source};
use crate::{Unit, Verdict, scenario};

fn unit(scenario: &str, label: &str) -> Unit {
    let definition = scenario::find(scenario).expect("a shipped scenario");
    definition.units().iter().find(|unit| unit.label == label).expect("a unit of it").clone()
}

fn run(unit: &Unit, rule: &str) -> UnitResult {
    let mut unit = unit.clone();
    unit.faults.rules.push(rule.parse().expect("a rule"));
    run_unit(&mut HostEngine::new(), &unit).expect("the host engine runs")
}

/// Verdicts of runs with `action` at the first, second, ... write, until there is none left.
fn at_every_write(unit: &Unit, action: &str) -> Vec<UnitResult> {
    let runs = (1..).map(|nth| run(unit, &format!("write nth={nth} => {action}")));
    runs.take_while(|result| result.faults_fired > 0).collect()
}

/// Swap-outs that begin and never end.
fn open_swap_outs(entries: &[Entry]) -> i64 {
    let change = |entry: &Entry| match &entry.source {
        Source::Guest(record) if record.layer == Layer::Swap => match SwapEvent::decode(record) {
            Some(SwapEvent::SwapOutBegin { .. }) => 1,
            Some(SwapEvent::SwapOutEnd { .. }) => -1,
            _ => 0,
        },
        _ => 0,
    };
    entries.iter().map(change).sum()
}

#[test]
fn a_write_that_the_driver_sends_again_is_no_other_way_than_that_of_a_user() {
    for path in ["dio", "swap"] {
        let results = at_every_write(&unit("user-io", path), "dma-error=data");
        assert!(results.len() > 10, "{path}: {} writes", results.len());
        for result in results {
            let rules: Vec<_> = result.faults.iter().map(|fault| &fault.rule).collect();
            assert_eq!(result.verdict, Verdict::Pass, "{path}: {rules:?}");
        }
    }
}

#[test]
fn what_recovery_writes_after_a_power_cut_in_a_swap_out_is_not_blamed_on_swap() {
    let mut cut_in_a_swap_out = 0;
    for mut result in at_every_write(&unit("reboot", "swap"), "power-cut") {
        cut_in_a_swap_out += u32::from(open_swap_outs(result.trace.entries()) > 0);
        let own = &result.facts.swap_file_blocks;
        let foreign: Vec<_> = result.facts.written_by_swap.difference(own).collect();
        assert!(own.is_empty() || foreign.is_empty(), "{foreign:?} {:?}", result.faults);
        result.forget_trace();
    }
    assert!(cut_in_a_swap_out > 5, "only {cut_in_a_swap_out} cuts were in a swap-out");
}
