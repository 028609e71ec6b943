//! KTAP, the kernel's test format: version 1, one level of subtests.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Standing, counts, standing, test_name};
use crate::summary::{Cell, CellKey, Summary};

/// The summary as KTAP: a test for each scenario, a subtest for each cell, and one for the controls.
#[must_use]
pub fn ktap(summary: &Summary) -> String {
    let mut scenarios: BTreeMap<&str, Vec<(&CellKey, &Cell)>> = BTreeMap::new();
    for (key, cell) in &summary.matrix {
        scenarios.entry(&key.scenario).or_default().push((key, cell));
    }
    let mut text = String::from("KTAP version 1\n");
    line(&mut text, format_args!("1..{}", scenarios.len() + 1));
    for (number, (scenario, cells)) in (1..).zip(&scenarios) {
        line(&mut text, format_args!("  KTAP version 1\n  1..{}", cells.len()));
        for (number, (key, cell)) in (1..).zip(cells) {
            subtest(&mut text, number, key, cell);
        }
        let is_bad = cells.iter().any(|(_, cell)| standing(cell) == Standing::Failed);
        line(&mut text, format_args!("{} {number} {}", result(!is_bad), escaped(scenario)));
    }
    let controls = &summary.controls;
    line(
        &mut text,
        format_args!("# {} controls run, {} not caught", controls.run, controls.not_caught.len()),
    );
    let number = scenarios.len() + 1;
    line(&mut text, format_args!("{} {number} controls", result(summary.is_valid())));
    text
}

fn subtest(text: &mut String, number: usize, key: &CellKey, cell: &Cell) {
    line(text, format_args!("  # {}", counts(cell)));
    let standing = standing(cell);
    let skip = if standing == Standing::Skipped { " # SKIP nothing was learned" } else { "" };
    let result = result(standing != Standing::Failed);
    line(text, format_args!("  {result} {number} {}{skip}", escaped(&test_name(key))));
}

const fn result(is_ok: bool) -> &'static str {
    if is_ok { "ok" } else { "not ok" }
}

/// A hash sign would start a directive.
fn escaped(name: &str) -> String {
    name.replace('#', "_")
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{arguments}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use crate::merge::testing::record;

    #[test]
    fn every_level_says_how_many_tests_follow_and_numbers_them() {
        let mut summary = Summary::default();
        for (number, unit, verdict) in [
            (1, "scenario=a path=dio", "PASS"),
            (2, "scenario=a path=swap", "FAIL(x)"),
            (3, "scenario=b path=swap", "NOT_EXERCISED"),
        ] {
            let mut outcome = record(number).outcome;
            outcome.unit = unit.into();
            outcome.verdict = verdict.parse().expect("a verdict");
            summary.add(&outcome);
        }
        let mut control = record(4).outcome;
        control.unit = "scenario=b path=swap".into();
        control.role = Role::Control;
        summary.add(&control);
        let expected = "KTAP version 1\n1..3\n  KTAP version 1\n  1..2\n  # 1 PASS\n  ok 1 dio [-]\n  \
                        # 1 FAIL\n  not ok 2 swap [-]\nnot ok 1 a\n  KTAP version 1\n  1..1\n  \
                        # 1 PASS, 1 NOT_EXERCISED\n  not ok 1 swap [-]\nnot ok 2 b\n\
                        # 1 controls run, 0 not caught\nok 3 controls\n";
        assert_eq!(ktap(&summary), expected);
    }
}
