//! `cargo xtask test`: everything that must hold before a change is good, in one command.
//!
//! A step is a heading, a piece of work and an outcome. Every step runs whatever became of the ones
//! before it, so one run shows all that is wrong. What this machine cannot run is skipped aloud, with
//! what is missing; the last line counts passed, failed and skipped steps.
//!
//! What this does not do: it installs nothing and changes no source file.

mod build;
mod cargo;
mod e2e;
mod equality;
mod linux_guest;
mod linux_namespaces;
mod linux_nvme_cli;
mod report;
mod steps;
mod vfio_user;

use std::time::Instant;

pub use report::Report;

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Passed,
    /// Something is wrong: what.
    Failed(String),
    /// It was not run: why not, and what would change that.
    Skipped(String),
}

/// A step that is still to be run.
struct Step {
    title: &'static str,
    /// An error is a failure of the step, not the end of the run.
    work: fn() -> anyhow::Result<Outcome>,
}

/// Runs every step whose title contains one of `only` (all, if it is empty), telling the reader as it
/// goes.
#[must_use]
pub fn run(only: &[String]) -> Report {
    let mut steps = steps::all_steps();
    steps.retain(|step| only.is_empty() || only.iter().any(|words| step.title.contains(words)));
    let mut report = Report::default();
    for (index, step) in steps.iter().enumerate() {
        println!("\n=== [{}/{}] {}", index + 1, steps.len(), step.title);
        let start = Instant::now();
        let outcome = (step.work)().unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        let line = report.add(step.title, outcome, start.elapsed());
        println!("{line}");
    }
    report
}
