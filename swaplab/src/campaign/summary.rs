//! What is said at the end of a campaign.

use std::path::PathBuf;

use results::merge::{self, MergeSummary, OtherBuilds};
use results::summary::Summary;

use super::file_error;
use crate::exit::Exit;

/// Prints what the ledgers say together; returns the exit that this means.
pub(super) fn print(ledgers: &[PathBuf], other_builds: OtherBuilds) -> Result<Exit, Exit> {
    let mut summary = Summary::default();
    let merged = merge::visit(ledgers, other_builds, &mut |_, record| {
        record.iter().for_each(|record| summary.add(&record.outcome));
        Ok(())
    })
    .map_err(file_error)?;
    for path in &merged.torn {
        println!("{}: the last line was torn and is ignored", path.display());
    }
    let words: Vec<_> =
        merged.verdicts.iter().map(|(word, count)| format!("{count} {}", word.name())).collect();
    println!(
        "{} units: {}; {} distinct failures",
        merged.units,
        words.join(", "),
        summary.failures.len()
    );
    let exit = exit_of(&merged, &summary);
    println!("results {} in {}", &merged.digest[..12.min(merged.digest.len())], names(ledgers));
    Ok(exit)
}

fn names(ledgers: &[PathBuf]) -> String {
    ledgers.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// What the results mean to a script.
pub(super) fn exit_of(merged: &MergeSummary, summary: &Summary) -> Exit {
    let is_infra = merged.verdicts.contains_key(&results::VerdictWord::Infra);
    if !merged.alarms.is_empty() || !summary.controls.not_caught.is_empty() || is_infra {
        Exit::Infrastructure
    } else if summary.surprises > 0 {
        Exit::Findings
    } else {
        Exit::Expected
    }
}
