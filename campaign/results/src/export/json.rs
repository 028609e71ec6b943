//! One JSON object: the summary for scripts. Fields are added, never renamed or removed.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::merge::MergeSummary;
use crate::summary::{Cell, CellKey, DistinctFailure, Summary};
use crate::{Outcome, UnitId};

#[derive(Debug, Serialize)]
struct Report<'a> {
    campaign: &'a str,
    digest: &'a str,
    is_valid: bool,
    units: u64,
    verdicts: BTreeMap<&'static str, u64>,
    surprises: u64,
    not_exercised: u64,
    failure_rate_bound: f64,
    determinism_alarms: &'a [UnitId],
    controls_run: u64,
    controls_not_caught: &'a [UnitId],
    failures: Vec<Failure<'a>>,
    matrix: Vec<CellLine<'a>>,
}

#[derive(Debug, Serialize)]
struct Failure<'a> {
    signature: &'a str,
    count: u64,
    example: &'a Outcome,
}

#[derive(Debug, Serialize)]
struct CellLine<'a> {
    scenario: &'a str,
    path: &'a str,
    fault: &'a str,
    verdicts: BTreeMap<&'static str, u64>,
    surprises: u64,
    faults_planned: u64,
    faults_fired: u64,
}

/// The summary as one line of JSON, without a newline.
///
/// # Panics
/// Never: plain data with text keys is always JSON.
#[must_use]
pub fn json(campaign: &str, merged: &MergeSummary, summary: &Summary) -> String {
    let report = Report {
        campaign,
        digest: &merged.digest,
        is_valid: summary.is_valid() && merged.alarms.is_empty(),
        units: merged.units,
        verdicts: summary.verdicts.iter().map(|(word, count)| (word.name(), *count)).collect(),
        surprises: summary.surprises,
        not_exercised: summary.not_exercised,
        failure_rate_bound: summary.failure_rate_bound(),
        determinism_alarms: &merged.alarms,
        controls_run: summary.controls.run,
        controls_not_caught: &summary.controls.not_caught,
        failures: summary.failures.iter().map(failure_line).collect(),
        matrix: summary.matrix.iter().map(cell_line).collect(),
    };
    serde_json::to_string(&report).expect("plain data with text keys is always JSON")
}

fn failure_line<'a>((signature, failure): (&'a String, &'a DistinctFailure)) -> Failure<'a> {
    Failure { signature, count: failure.count, example: &failure.example }
}

fn cell_line<'a>((key, cell): (&'a CellKey, &'a Cell)) -> CellLine<'a> {
    CellLine {
        scenario: &key.scenario,
        path: &key.path,
        fault: &key.fault,
        verdicts: cell.verdicts.iter().map(|(word, count)| (word.name(), *count)).collect(),
        surprises: cell.surprises,
        faults_planned: cell.planned,
        faults_fired: cell.fired,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::testing::record;

    #[test]
    fn a_script_finds_counts_failures_and_validity() {
        let mut summary = Summary::default();
        let mut bad = record(1).outcome;
        bad.unit = "scenario=b path=swap".into();
        bad.verdict = "FAIL(x)".parse().expect("a verdict");
        summary.add(&bad);
        let merged = MergeSummary { units: 1, ..MergeSummary::default() };
        let text = json("mail", &merged, &summary);
        let value: serde_json::Value = serde_json::from_str(&text).expect("json");
        assert_eq!(value["is_valid"], false);
        assert_eq!(value["verdicts"]["FAIL"], 1);
        assert_eq!(value["failures"][0]["example"]["unit"], "scenario=b path=swap");
        assert_eq!(value["matrix"][0]["path"], "swap");
    }
}
