//! What the end-to-end tests share.
//!
//! The tests run on every engine that the machine offers: `host` always, `kvm` where /dev/kvm can be
//! used. A test that cannot use KVM says so on standard error and counts as passed; `cargo xtask test`
//! names what was left out.
#![forbid(unsafe_code)]

use campaign::engine::{Engine, HostEngine, KvmEngine};
use campaign::run::{UnitResult, run_unit};
use campaign::{Unit, scenario};

/// Every engine that this machine can run, the host engine first.
#[must_use]
pub fn engines() -> Vec<Box<dyn Engine>> {
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(HostEngine::new())];
    match KvmEngine::new() {
        Ok(engine) => engines.push(Box::new(engine)),
        Err(error) => eprintln!("SKIPPED on kvm: {error}"),
    }
    engines
}

/// The units of a scenario.
///
/// # Panics
/// If there is no scenario of that name.
#[must_use]
pub fn units_of(name: &str) -> Vec<Unit> {
    let definition = scenario::find(name).unwrap_or_else(|| panic!("no scenario {name}"));
    (definition.units)()
}

/// Runs `unit` on `engine`.
///
/// # Panics
/// If the engine fails: tests have no other way to say so.
#[must_use]
pub fn run(engine: &mut dyn Engine, unit: &Unit) -> UnitResult {
    run_unit(engine, unit).unwrap_or_else(|error| panic!("{}: {error}", unit.label))
}
