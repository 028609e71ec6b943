//! W1: the memory side does the same to a local swap file and to a server's.

use campaign::Unit;
use campaign::engine::HostEngine;
use campaign::run::run_unit;
use campaign::scenario;
use campaign::trace::Source;
use hal::trace::Layer;
use swap_path::events::Event;

/// What swap and the workload did, without who answered and which path it was.
fn memory_side(unit: &Unit) -> Vec<String> {
    let mut engine = HostEngine::new();
    let result = run_unit(&mut engine, unit).expect("the engine works");
    assert!(result.is_expected(), "{}: {:?}", unit.label, result.verdict);
    let mut seen = Vec::new();
    for entry in result.trace.entries() {
        let Source::Guest(record) = &entry.source else { continue };
        match record.layer {
            Layer::Workload => seen.push(format!("{record:?}")),
            Layer::Swap => match Event::decode(record).expect("an event of swap") {
                Event::SwapOn { pages, .. } => seen.push(format!("on {pages}")),
                Event::SwapOffBegin { pages, .. } => seen.push(format!("off {pages}")),
                Event::SwapOff { pages_read, pages_lost, .. } => {
                    seen.push(format!("off {pages_read} {pages_lost}"));
                }
                Event::SwapInEnd { entry, pages, error } => {
                    seen.push(format!("in {entry} {pages} {}", error.is_some()));
                }
                Event::SwapOutEnd { entry, pages, error } => {
                    seen.push(format!("out {entry} {pages} {}", error.is_some()));
                }
                Event::ReadError { page, .. } => seen.push(format!("read error {page}")),
                Event::Poison { page, .. } => seen.push(format!("poison {page}")),
                other => seen.push(other.to_string()),
            },
            _ => {}
        }
    }
    seen
}

#[test]
fn swap_and_net_are_told_apart_by_nothing_above_them() {
    let definition = scenario::find("one-interface").expect("there is such a scenario");
    for case in ["healthy", "bad page"] {
        let of = |path| {
            let is_it = |unit: &&Unit| unit.case == case && unit.spec.path.name() == path;
            memory_side(definition.units().iter().find(is_it).expect("a unit"))
        };
        let (swap, net) = (of("swap"), of("net"));
        assert!(swap.len() > 300, "{case}: only {} events", swap.len());
        if let Some(at) = swap.iter().zip(&net).position(|(one, other)| one != other) {
            panic!("{case}: event {at} is `{}` by swap and `{}` by net", swap[at], net[at]);
        }
        assert_eq!(swap.len(), net.len(), "{case}");
    }
}
