//! The line that reproduces a run, and what tells one failure from another.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use results::Build;

use crate::oracle::{Fate, Journey};
use crate::run::UnitResult;
use crate::verdict::Verdict;

/// Digits of a hash that a line to paste has.
const DIGITS: usize = 16;

/// A build in one word: `VERSION/PROGRAM/GUEST`, the hashes cut.
#[must_use]
pub fn build_word(build: &Build) -> String {
    let cut = |hash: &str| hash.chars().take(DIGITS).collect::<String>();
    format!("{}/{}/{}", build.version, cut(&build.program), cut(&build.guest))
}

/// The command that runs the unit again and compares: to paste into a shell.
#[must_use]
pub fn line_to_paste(unit: &str, trace_hash: &str, build: &Build) -> String {
    let hash: String = trace_hash.chars().take(DIGITS).collect();
    let unit = unit.replace('\'', r"'\''");
    format!("swaplab campaign replay '{unit}' --hash {hash} --build {}", build_word(build))
}

/// What distinguishes a finding from others: the verdict, and which errors came how far. Numbers are left out, so
/// that larger and smaller units with one cause have one signature.
#[must_use]
pub fn signature(result: &UnitResult) -> String {
    let mut text = result.verdict.label();
    let is_telling = |journey: &&Journey| matches!(journey.fate, Fate::Told | Fate::Silent);
    let causes: BTreeSet<String> = result
        .facts
        .journeys
        .iter()
        .filter(is_telling)
        .map(|journey| format!("{} {} {}", journey.operation, journey.cause, journey.fate.name()))
        .collect();
    for cause in causes {
        let _ = write!(text, "; {cause}");
    }
    if let (true, Some(detail)) = (result.facts.journeys.is_empty(), finding(&result.verdict)) {
        text += "; ";
        text.extend(detail.chars().filter(|c| !c.is_ascii_digit()));
    }
    text
}

fn finding(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Fail(finding) | Verdict::ExpectedFail(finding) => Some(&finding.detail),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_to_paste_quotes_the_unit_and_names_both_hashes() {
        let build = Build { version: "1".into(), program: "ab".repeat(32), guest: "cd".repeat(32) };
        let line =
            line_to_paste("scenario=a faults=0 read nth=1 => drop", &"ef".repeat(32), &build);
        let (start, rest) = line.split_once(" --hash ").expect("a hash");
        assert_eq!(start, "swaplab campaign replay 'scenario=a faults=0 read nth=1 => drop'");
        assert_eq!(rest, "efefefefefefefef --build 1/abababababababab/cdcdcdcdcdcdcdcd");
    }
}
