//! What the end-to-end tests share.
//!
//! The tests run on every engine that the machine offers: `host` always, `kvm` where /dev/kvm can be
//! used. A test that cannot use KVM says so on standard error and counts as passed; `cargo xtask test`
//! names what was left out.
#![forbid(unsafe_code)]

mod mix;

pub use mix::{mixed_units, soak_units};

use campaign::engine::{Engine, EngineKind, HostEngine, KvmEngine};
use campaign::run::{UnitResult, run_unit};
use campaign::{Unit, scenario};

/// Names the engines to use, such as `host,kvm`. What is named must be usable.
const ENGINES_VARIABLE: &str = "SWAPLAB_ENGINES";

/// Every engine that this machine can run, the host engine first; exactly those that
/// `SWAPLAB_ENGINES` names if it is set.
///
/// # Panics
/// If a named engine is unknown or cannot be used: a test on it must not pass by leaving it out.
#[must_use]
pub fn engines() -> Vec<Box<dyn Engine>> {
    if let Ok(names) = std::env::var(ENGINES_VARIABLE) {
        return names.split(',').map(named_engine).collect();
    }
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(HostEngine::new())];
    match KvmEngine::new() {
        Ok(engine) => engines.push(Box::new(engine)),
        Err(error) => eprintln!("SKIPPED on kvm: {error}"),
    }
    engines
}

fn named_engine(name: &str) -> Box<dyn Engine> {
    match name.parse() {
        Ok(EngineKind::Host) => Box::new(HostEngine::new()),
        Ok(EngineKind::Kvm) => match KvmEngine::new() {
            Ok(engine) => Box::new(engine),
            Err(error) => panic!("{ENGINES_VARIABLE} names kvm: {error}"),
        },
        Err(error) => panic!("{ENGINES_VARIABLE}: {error}"),
    }
}

/// The units of a scenario.
///
/// # Panics
/// If there is no scenario of that name.
#[must_use]
pub fn units_of(name: &str) -> Vec<Unit> {
    let definition = scenario::find(name).unwrap_or_else(|| panic!("no scenario {name}"));
    definition.units().to_vec()
}

/// Runs `unit` on `engine`.
///
/// # Panics
/// If the engine fails: tests have no other way to say so.
#[must_use]
pub fn run(engine: &mut dyn Engine, unit: &Unit) -> UnitResult {
    run_unit(engine, unit).unwrap_or_else(|error| panic!("{}: {error}", unit.label))
}
