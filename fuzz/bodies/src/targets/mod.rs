//! The targets.

mod commands;
pub mod driver;
pub mod faults;
pub mod model;
pub mod pointers;
mod prepared;
pub mod rules;

/// A target of the runner.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Runs bytes; returns how many operations they were.
    pub run: fn(&[u8]) -> u64,
    /// Inputs to begin with.
    pub seeds: &'static [&'static [u8]],
}

/// All of them.
pub const ALL: &[Target] = &[
    Target { name: "model", run: model::run, seeds: &[] },
    Target { name: "faults", run: faults::run, seeds: &[] },
    Target { name: "driver", run: driver::run, seeds: &[] },
    Target { name: "rules", run: rules::run, seeds: rules::SEEDS },
    Target { name: "pointers", run: pointers::run, seeds: &[] },
];
