//! What never ends is ended: by virtual time and waits at the same event on every engine, and by the host's clock
//! where time does not move. The next unit on the same machine is none the worse.

use std::time::Duration;

use campaign::engine::{Engine, HostEngine};
use campaign::{Unit, Verdict};
use nvme_model::FaultPlan;
use swaplab_tests::{engines, run, units_of};

fn healthy() -> Unit {
    units_of("healthy").into_iter().find(|unit| unit.label == "swap").expect("the plain unit")
}

/// The planted livelock: a block is read again and again, and the drive never gives it.
fn livelock() -> Unit {
    let mut faults = FaultPlan::none();
    let rule = "read lba=8191 => status=media/unrecovered-read dnr";
    faults.rules.push(rule.parse().expect("a rule"));
    let mut unit = Unit { faults, ..healthy() };
    unit.spec.script = "fs mark-until-read unmount".parse().expect("a script");
    unit
}

#[test]
fn a_livelock_is_a_timeout_with_one_trace_on_every_engine_and_the_rest_goes_on() {
    let mut hashes = Vec::new();
    for mut engine in engines() {
        let result = run(engine.as_mut(), &livelock());
        assert_eq!(result.verdict, Verdict::Timeout, "{}", engine.kind().name());
        assert!(result.events > 100_000, "{} events are no livelock", result.events);
        let next = run(engine.as_mut(), &healthy());
        assert!(next.is_expected(), "{:?}", next.verdict);
        hashes.push((result.trace_hash, next.trace_hash));
    }
    assert!(hashes.iter().all(|pair| *pair == hashes[0]), "{hashes:?}");
}

#[test]
fn whoever_runs_longer_than_the_host_has_patience_has_no_verdict_and_the_rest_goes_on() {
    let mut engine = HostEngine::new().with_patience(Duration::ZERO);
    let result = run(&mut engine, &healthy());
    assert!(
        matches!(&result.verdict, Verdict::Infra(how) if how.contains("runs on and on")),
        "{:?}",
        result.verdict
    );
    let mut engine = engine.with_patience(Duration::from_secs(600));
    assert!(run(&mut engine, &healthy()).is_expected());
    assert_eq!(engine.kind().name(), "host");
}
