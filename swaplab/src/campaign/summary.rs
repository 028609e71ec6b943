//! What is said at the end of a campaign, worst first.

use std::path::PathBuf;

use results::merge::{self, MergeSummary, OtherBuilds};
use results::summary::{DistinctFailure, Summary};
use results::{Outcome, VerdictWord};

use super::file_error;
use crate::exit::Exit;

/// Distinct failures that are shown in full.
const FAILURES_SHOWN: usize = 10;

/// The results of a campaign, taken together.
#[derive(Debug)]
pub(super) struct Campaign {
    pub(super) name: String,
    pub(super) merged: MergeSummary,
    pub(super) summary: Summary,
    /// Units that learned nothing because the machine failed; the first few.
    infra: Vec<Outcome>,
}

impl Campaign {
    /// Reads ledgers.
    pub(super) fn read(ledgers: &[PathBuf], other_builds: OtherBuilds) -> Result<Self, Exit> {
        let mut name = String::new();
        let mut summary = Summary::default();
        let mut infra = Vec::new();
        let merged = merge::visit(ledgers, other_builds, &mut |header, record| {
            name.clone_from(&header.campaign);
            if let Some(record) = record {
                summary.add(&record.outcome);
                if record.outcome.is_infra() && infra.len() < FAILURES_SHOWN {
                    infra.push(record.outcome.clone());
                }
            }
            Ok(())
        })
        .map_err(file_error)?;
        Ok(Self { name, merged, summary, infra })
    }

    /// What the results mean to a script.
    pub(super) fn exit(&self) -> Exit {
        exit_of(&self.merged, &self.summary)
    }
}

/// What results mean to a script: an alarm, a control that passed or a machine that failed voids
/// everything else; without a finding, units in which a planned fault did not fire are still to be run
/// otherwise.
pub(super) fn exit_of(merged: &MergeSummary, summary: &Summary) -> Exit {
    let is_void = !summary.controls.not_caught.is_empty();
    let has_infra = merged.verdicts.contains_key(&VerdictWord::Infra);
    if !merged.alarms.is_empty() || is_void || has_infra {
        Exit::Infrastructure
    } else if !summary.failures.is_empty() {
        Exit::Findings
    } else if summary.not_exercised > 0 {
        Exit::Incomplete
    } else {
        Exit::Expected
    }
}

/// Prints everything that a person wants to know first.
pub(super) fn print(campaign: &Campaign) {
    troubles(&campaign.merged);
    controls(campaign);
    let Campaign { summary, merged, .. } = campaign;
    let words: Vec<_> =
        merged.verdicts.iter().map(|(word, count)| format!("{count} {}", word.name())).collect();
    println!(
        "{}: {} units: {}; {} distinct failures; no more than {:.3} % of such units fail (95 %)",
        campaign.name,
        merged.units,
        words.join(", "),
        summary.failures.len(),
        summary.failure_rate_bound() * 100.0
    );
    let (planned, fired) = summary
        .matrix
        .values()
        .fold((0, 0), |(planned, fired), cell| (planned + cell.planned, fired + cell.fired));
    if planned > 0 {
        println!(
            "faults: {planned} planned, {fired} fired; {} units not exercised",
            summary.not_exercised
        );
    }
    failures(summary);
    for outcome in &campaign.infra {
        println!("INFRA: {}", outcome.detail.as_deref().unwrap_or("no word"));
        println!("  {}", outcome.unit);
    }
}

/// Prints what is wrong with the files or with determinism; returns the exit that this means.
pub(super) fn troubles(merged: &MergeSummary) -> Exit {
    for path in &merged.torn {
        println!("{}: the last line was torn and is ignored", path.display());
    }
    if merged.alarms.is_empty() {
        return Exit::Expected;
    }
    println!(
        "DETERMINISM ALARM: {} units have more than one outcome; nothing below can be believed",
        merged.alarms.len()
    );
    merged.alarms.iter().take(FAILURES_SHOWN).for_each(|id| println!("  {id}"));
    Exit::Infrastructure
}

/// A control that passes voids the campaign, and so does a campaign without any.
fn controls(campaign: &Campaign) {
    let controls = &campaign.summary.controls;
    if !controls.not_caught.is_empty() {
        println!(
            "INVALID: {} of {} controls did not fail as they must; no PASS below means anything",
            controls.not_caught.len(),
            controls.run
        );
        controls.not_caught.iter().for_each(|id| println!("  {id}"));
    } else if controls.run == 0 {
        println!("no control among these results: whether an oracle can fail is not known");
    } else {
        println!("{} controls, all caught", controls.run);
    }
}

fn failures(summary: &Summary) {
    let mut failures: Vec<&DistinctFailure> = summary.failures.values().collect();
    failures.sort_by_key(|failure| std::cmp::Reverse(failure.count));
    for failure in failures.iter().take(FAILURES_SHOWN) {
        let outcome = &failure.example;
        println!(
            "{} x {}: {}",
            failure.count,
            outcome.verdict,
            outcome.detail.as_deref().unwrap_or("-")
        );
        for fault in &outcome.faults {
            let places: Vec<_> = fault
                .fired_at
                .iter()
                .map(|at| format!("{} (event {})", at.phase, at.event))
                .collect();
            println!("    {} fired {} times: {}", fault.rule, fault.fired, places.join(", "));
        }
        let trace = short(&outcome.trace_hash);
        println!("    {}", outcome.id);
        println!("    swaplab campaign replay --hash {trace} '{}'", outcome.unit);
    }
    if failures.len() > FAILURES_SHOWN {
        println!("and {} more distinct failures", failures.len() - FAILURES_SHOWN);
    }
}

/// The first digits of a hash.
pub(super) fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
