//! The matrix that a run of many scenarios prints: one row a case, one column a path, one word a cell.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use swap_path::PathKind;

use super::table::wrapped;
use crate::engine::EngineKind;
use crate::oracle::{Outcome, layer_name};
use crate::run::UnitResult;
use crate::unit::Role;

const LABEL: usize = 22;
const CELL: usize = 8;

/// The matrix with its legend, one line a surprise, and the totals.
#[must_use]
pub fn matrix(engine: EngineKind, results: &[UnitResult]) -> String {
    let mut out = format!("swaplab {} on engine {}\n\n", env!("CARGO_PKG_VERSION"), engine.name());
    out += &head();
    for rows in scenarios(results) {
        out += &scenario_rows(&rows);
    }
    out += LEGEND;
    for rows in scenarios(results) {
        out += &surprises(&rows);
    }
    for result in results.iter().filter(|result| !result.is_expected()) {
        out += &super::table::unexpected(result);
    }
    out += &super::latency::latency_table(results);
    out.push('\n');
    out + &super::table::totals(results)
}

const LEGEND: &str = "
ok: every page right. kept: swap-outs fail, pages stay in memory. lost N: pages
gone, owners told (SIGBUS). ZEROS: pages read as zeros, nobody told. WRONG: they
hold something else. OTHERS: swap wrote blocks that are not its file's. oom:
memory ran out. E...: swapon refused. HUNG: a circle of waits closed. STALLED:
nobody got on for 120 s. DIED: a program found zeros in its text. +: the control
failed as it must. !: not as predicted.

";

fn head() -> String {
    let mut line = format!("{:<LABEL$}", "scenario");
    for path in PathKind::ALL {
        let name = path.name().trim_start_matches("dio-");
        let _ = write!(line, "{name:<CELL$}");
    }
    line + "+\n"
}

/// The results of one scenario after the other.
fn scenarios(results: &[UnitResult]) -> impl Iterator<Item = Vec<&UnitResult>> {
    let chunks = results.chunk_by(|one, next| one.unit.scenario == next.unit.scenario);
    chunks.map(|chunk| chunk.iter().collect())
}

fn is_control(result: &UnitResult) -> bool {
    matches!(result.unit.role, Role::Control { .. })
}

fn scenario_rows(results: &[&UnitResult]) -> String {
    let Some(first) = results.first() else { return String::new() };
    let mut cases: Vec<&str> = Vec::new();
    for result in results.iter().filter(|result| !is_control(result)) {
        if !cases.contains(&&*result.unit.case) {
            cases.push(&result.unit.case);
        }
    }
    let mut controls = results.iter().filter(|result| is_control(result));
    let control = match controls.next() {
        None => "",
        Some(one) if one.is_expected() && controls.all(|result| result.is_expected()) => "+",
        Some(_) => "!",
    };
    if let [case] = cases[..] {
        return row(&first.unit.scenario, results, case, control);
    }
    let mut out = format!(
        "{:<width$}{control}\n",
        first.unit.scenario,
        width = LABEL + PathKind::ALL.len() * CELL
    );
    for case in cases {
        out += &row(&format!("  {case}"), results, case, "");
    }
    out
}

fn row(label: &str, results: &[&UnitResult], case: &str, control: &str) -> String {
    let mut line = format!("{label:<LABEL$}");
    for path in PathKind::ALL {
        let here = results.iter().find(|result| {
            !is_control(result) && result.unit.case == case && result.unit.spec.path == *path
        });
        let cell = here.map_or("-".to_owned(), |result| {
            let mark = if result.is_expected() { "" } else { "!" };
            format!("{}{mark}", result.outcome())
        });
        let _ = write!(line, "{cell:<CELL$}");
    }
    let line = line + control;
    format!("{}\n", line.trim_end())
}

/// One line for each kind of thing that came out otherwise than "every page right".
fn surprises(results: &[&UnitResult]) -> String {
    let mut groups: Vec<(String, Vec<&UnitResult>)> = Vec::new();
    for result in results.iter().filter(|result| !is_control(result)) {
        for text in sentences(result) {
            match groups.iter_mut().find(|(known, _)| *known == text) {
                Some((_, members)) => members.push(result),
                None => groups.push((text, vec![result])),
            }
        }
    }
    let name = results.first().map_or("", |result| &*result.unit.scenario);
    let lines = groups
        .iter()
        .map(|(text, members)| wrapped(&format!("{name}: {}: {text}", who(members)), ""));
    lines.collect()
}

/// The paths of `members`, with their cases where there are several.
fn who(members: &[&UnitResult]) -> String {
    let mut by_paths: BTreeMap<Vec<PathKind>, Vec<&str>> = BTreeMap::new();
    for cases in members.chunk_by(|one, next| one.unit.case == next.unit.case) {
        let paths = cases.iter().map(|result| result.unit.spec.path).collect();
        by_paths.entry(paths).or_default().extend(cases.first().map(|one| &*one.unit.case));
    }
    let texts = by_paths.iter().map(|(paths, cases)| {
        let names: Vec<_> = paths.iter().map(|path| path.name()).collect();
        let names =
            if paths.len() == PathKind::ALL.len() { "all".to_owned() } else { names.join(", ") };
        match &cases[..] {
            ["written" | "unwritten" | "hole" | "extending" | "dirty" | "shared"] => names,
            cases => format!("{names} ({})", cases.join("; ")),
        }
    });
    texts.collect::<Vec<_>>().join(", ")
}

fn sentences(result: &UnitResult) -> Vec<String> {
    let facts = &result.facts;
    let learned: BTreeSet<&str> =
        facts.errors.iter().map(|error| layer_name(error.learned_by)).collect();
    let learned: Vec<_> = learned.into_iter().collect();
    let learned = learned.join(" and the ");
    let pages = result.unit.spec.pages;
    let mut out = Vec::new();
    match result.outcome() {
        Outcome::Right => {}
        Outcome::Kept => out.push(format!(
            "swap-outs fail, first learned by the {learned}; every page stays and is right"
        )),
        Outcome::Lost(lost) => out.push(format!(
            "{lost} of {pages} pages lost, owners told; first learned by the {learned}"
        )),
        Outcome::Zeros(zeros) => {
            out.push(format!("{zeros} of {pages} pages read back as zeros, and nobody was told"));
        }
        Outcome::Wrong(wrong) => {
            out.push(format!("{wrong} of {pages} pages wrong, and nobody was told"));
        }
        Outcome::Overwrote(blocks) => {
            out.push(format!("{blocks} blocks that are not the swap file's are overwritten"));
        }
        Outcome::OutOfMemory => out.push(format!(
            "memory ran out; errors first learned by the {learned}; no page is wrong"
        )),
        Outcome::Refused(errno) => out.push(format!("swapon gives {errno}")),
        Outcome::Hung => {
            out.push(format!("a circle of waits closes: {}", facts.circle_lines().join("; ")));
        }
        Outcome::Stalled => {
            out.push(format!("no progress: {}", facts.circle_lines().join("; ")));
        }
        Outcome::Died => out.push("zeros reach program text, and the program dies".to_owned()),
    }
    if let Some(cost) = facts.first_cost().filter(|cost| cost.transactions > 0) {
        let (transactions, swap_outs) = (cost.transactions, cost.swap_outs);
        out.push(format!("{transactions} transactions inside of {swap_outs} swap-outs"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ALL;

    #[test]
    fn every_row_fits_into_80_columns() {
        assert!(head().trim_end().len() <= 80);
        assert!(LABEL + PathKind::ALL.len() * CELL < 80);
        for definition in &*ALL {
            assert!(definition.name().len() < LABEL, "{}", definition.name());
            for unit in definition.units() {
                assert!(unit.case.len() + 2 < LABEL, "{}: {}", definition.name(), unit.case);
            }
        }
    }
}
