//! `swaplab campaign report --html`: one page about results.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use campaign::Unit;
use campaign::engine::{Engine, HostEngine};
use campaign::report::{CampaignPage, Cost, FailureStory, Space};
use campaign::run::{UnitResult, run_unit};
use campaign::shrink::point_of_no_return;
use results::compare::{By, Comparison, compare};
use results::ledger::{LedgerHeader, LedgerReader};
use results::merge::{self, OtherBuilds};
use results::summary::Summary;
use results::{FileError, Outcome, VerdictWord};

use super::{file_error, replay, summary};
use crate::exit::Exit;

/// Distinct failures that are run again for the page, the most frequent first.
const STORIES_MAX: usize = 40;
/// Units whose latencies are drawn: the first of each case and path.
const LATENCIES_MAX: usize = 100;

/// Writes the page about `ledgers`, against `other` results if there are any.
///
/// # Errors
/// Said: results that cannot be read, or a file that cannot be written.
pub(super) fn write(
    ledgers: &[PathBuf],
    other_builds: OtherBuilds,
    other: Option<&Path>,
    page: &Path,
) -> Result<Exit, Exit> {
    let mut gathered = Gathered::default();
    let merged = merge::visit(ledgers, other_builds, &mut |header, record| {
        gathered.header.get_or_insert_with(|| header.clone());
        record.iter().for_each(|record| gathered.add(record));
        Ok(())
    })
    .map_err(file_error)?;
    let Some(header) = &gathered.header else {
        return Err(Exit::Usage.with(&"there are no results in these files"));
    };
    // The host engine gives the same traces, everywhere.
    let mut engine = HostEngine::new();
    let failures = stories(&mut engine, &gathered.summary)?;
    let latencies = latencies(&mut engine, &gathered.timed)?;
    let difference =
        other.map(|other| difference(other, ledgers)).transpose().map_err(file_error)?;
    let other = other.map(|other| other.display().to_string());
    let html = CampaignPage {
        header,
        merged: &merged,
        summary: &gathered.summary,
        failures: &failures,
        latencies: &latencies,
        space: &gathered.space,
        cost: &gathered.cost,
        difference: other.as_deref().zip(difference.as_ref()),
    }
    .html();
    replay::write(page, &html)?;
    println!("the report is in {}", page.display());
    Ok(summary::exit_of(&merged, &gathered.summary))
}

#[derive(Default)]
struct Gathered {
    header: Option<LedgerHeader>,
    summary: Summary,
    space: Space,
    cost: Cost,
    /// Units that passed and are about time, by scenario, case and path.
    timed: BTreeMap<[String; 3], String>,
}

impl Gathered {
    fn add(&mut self, record: &results::Record) {
        let outcome = &record.outcome;
        self.summary.add(outcome);
        self.space.add(outcome);
        self.cost.add(record);
        let is_timed =
            outcome.word("fault-max-ns").is_some() && outcome.verdict.word == VerdictWord::Pass;
        if is_timed && self.timed.len() < LATENCIES_MAX {
            let key =
                ["scenario", "case", "path"].map(|key| outcome.word(key).unwrap_or("").into());
            self.timed.entry(key).or_insert_with(|| outcome.unit.clone());
        }
    }
}

/// Every distinct failure; the most frequent ones are run again.
fn stories(engine: &mut dyn Engine, summary: &Summary) -> Result<Vec<FailureStory>, Exit> {
    let mut failures: Vec<_> = summary.failures.iter().collect();
    failures.sort_by_key(|(_, failure)| std::cmp::Reverse(failure.count));
    let mut stories = Vec::new();
    for (index, (signature, failure)) in failures.into_iter().enumerate() {
        let unit = Unit::from_text(&failure.example.unit).ok().filter(|_| index < STORIES_MAX);
        let (mut run, mut point) = (None, None);
        if let Some(unit) = unit {
            run = Some(run_unit(engine, &unit)?);
            point = point_of_no_return(engine, &unit).ok();
        }
        stories.push(FailureStory {
            signature: signature.clone(),
            failure: failure.clone(),
            run,
            point,
        });
    }
    Ok(stories)
}

fn latencies(
    engine: &mut dyn Engine,
    units: &BTreeMap<[String; 3], String>,
) -> Result<Vec<UnitResult>, Exit> {
    let mut results = Vec::new();
    for unit in units.values().filter_map(|text| Unit::from_text(text).ok()) {
        let mut result = run_unit(engine, &unit)?;
        result.forget_trace();
        results.push(result);
    }
    Ok(results)
}

/// The same units in two sets of results.
fn difference(before: &Path, after: &[PathBuf]) -> Result<Comparison, FileError> {
    let before = outcomes(before)?;
    let mut now = Vec::new();
    for path in after {
        now.extend(outcomes(path)?);
    }
    Ok(compare(before, now, By::Verdict, |outcome| outcome.unit.clone()))
}

fn outcomes(path: &Path) -> Result<Vec<Outcome>, FileError> {
    let mut ledger = LedgerReader::open(path)?;
    let mut outcomes = Vec::new();
    while let Some(record) = ledger.next_record()? {
        outcomes.push(record.outcome);
    }
    Ok(outcomes)
}
