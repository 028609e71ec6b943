//! The mail's shutdown scenario, end to end, on every engine.

use std::collections::BTreeSet;

use campaign::engine::HostEngine;
use campaign::trace::first_difference;
use campaign::{Oracle, Role, Unit, Verdict};
use hal::trace::Layer;
use iomap::Errno;
use lab::events::Step;
use swap_path::PathKind;
use swaplab_tests::{engines, run, units_of};

#[test]
fn every_unit_gives_the_expected_verdict_on_every_engine() {
    for mut engine in engines() {
        for unit in units_of("shutdown") {
            let result = run(engine.as_mut(), &unit);
            assert!(
                result.is_expected(),
                "{} on {}: {} instead of {}: {:?}",
                unit.label,
                engine.kind().name(),
                result.verdict.label(),
                unit.expected(),
                result.verdict.detail(),
            );
        }
    }
}

#[test]
fn both_engines_write_the_same_trace_byte_for_byte() {
    let mut engines = engines();
    let Some((host, others)) = engines.split_first_mut() else {
        unreachable!("host is always there")
    };
    for unit in units_of("shutdown") {
        let reference = run(host.as_mut(), &unit);
        for other in &mut *others {
            let result = run(other.as_mut(), &unit);
            if result.trace_hash != reference.trace_hash {
                let logs = (("host", &reference.trace), ("kvm", &result.trace));
                panic!("{}: {:?}", unit.label, first_difference(logs.0, logs.1));
            }
        }
    }
}

#[test]
fn the_same_unit_gives_the_same_trace_twice_and_another_seed_another() {
    for mut engine in engines() {
        for mut unit in units_of("shutdown") {
            let first = run(engine.as_mut(), &unit).trace_hash;
            assert_eq!(run(engine.as_mut(), &unit).trace_hash, first, "{}", unit.label);
            unit.spec.pages += 1;
            assert_ne!(run(engine.as_mut(), &unit).trace_hash, first, "{}", unit.label);
        }
    }
}

#[test]
fn on_the_dio_path_exactly_the_swapped_out_pages_are_lost() {
    for mut engine in engines() {
        let unit = unit_labelled("dio");
        let result = run(engine.as_mut(), &unit);
        let lost = u64::try_from(result.facts.pages_lost.len()).unwrap_or(u64::MAX);
        assert_eq!(lost, unit.spec.pages - unit.spec.resident_pages);
        let learned_by: BTreeSet<_> = result.facts.errors.iter().map(|e| e.learned_by).collect();
        assert_eq!(learned_by, BTreeSet::from([Layer::Filesystem]), "the device never failed");
    }
}

#[test]
fn the_fail_safe_of_the_mail_holds_on_every_path() {
    for mut engine in engines() {
        for unit in units_of("shutdown") {
            let steps = run(engine.as_mut(), &unit).facts.steps;
            let name = &unit.label;
            assert_eq!(steps.get(&Step::UnmountBusy), Some(&Err(Errno::EBUSY)), "{name}");
            // The path leads through the filesystem that is down, but for `net`: there the server's is.
            let (by_path, by_area) = match unit.spec.path {
                PathKind::Net => (Ok(()), None),
                _ => (Err(Errno::EIO), Some(&Ok(()))),
            };
            assert_eq!(steps.get(&Step::SwapOffByPath), Some(&by_path), "{name}");
            assert_eq!(steps.get(&Step::SwapOffByArea), by_area, "{name}");
            assert_eq!(steps.get(&Step::Unmount), Some(&Ok(())), "{name}");
        }
    }
}

#[test]
fn the_control_fails_by_losing_pages() {
    for mut engine in engines() {
        let result = run(engine.as_mut(), &unit_labelled("swap (control)"));
        match result.verdict {
            Verdict::ExpectedFail(finding) => assert_eq!(finding.oracle, Oracle::NothingLost),
            other => panic!("{other:?}"),
        }
    }
}

fn unit_labelled(label: &str) -> Unit {
    let found = units_of("shutdown").into_iter().find(|unit| unit.label == label);
    found.unwrap_or_else(|| panic!("no unit {label}"))
}

/// A checkpoint is many writes, and a shutdown may come between any two of them. (A soak found it.)
#[test]
fn whichever_write_a_shutdown_interrupts_no_other_one_follows_from_the_filesystem() {
    let mut engine = HostEngine::new();
    let units = units_of("shutdown-phases");
    let is_meant = |unit: &&Unit| unit.case == "during swapoff" && unit.role == Role::Experiment;
    for unit in units.iter().filter(is_meant) {
        for nth in 1..=60 {
            let mut unit = unit.clone();
            let rule = format!("write name=first nth={nth} => read-only");
            unit.faults.rules = vec![rule.parse().expect("a rule")];
            let facts = run(&mut engine, &unit).facts;
            let foreign = facts.foreign(&facts.written_while_down);
            assert!(foreign.is_empty(), "{}, {rule}: {foreign:?}", unit.label);
        }
    }
}
