//! The page that compares this laboratory with Linux: generated from the scenario files and from
//! `campaign/rows.toml`, and tested to be up to date.

use std::fmt::Write;
use std::sync::LazyLock;

use serde::Deserialize;
use swap_path::PathKind;

use crate::scenario::{ALL, Definition};
use crate::unit::{Role, Unit};

/// A measured row or a claim.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its name, such as `MB1`.
    pub id: String,
    /// What Linux did, or what the mail claims.
    pub what: String,
    /// Why no scenario covers it.
    pub missing: Option<String>,
}

#[derive(Deserialize)]
struct Rows {
    row: Vec<Row>,
}

/// Every row, in order.
pub static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/rows.toml"));
    toml::from_str::<Rows>(text).unwrap_or_else(|error| panic!("rows.toml: {error}")).row
});

const HEAD: &str = "\
# This laboratory and Linux, row by row

Generated from `campaign/scenarios` and `campaign/rows.toml` (`SWAPLAB_BLESS=1 cargo test -p campaign`
writes it again; a test compares it). What Linux does was measured on Linux 6.1 and on a 6.12 whose XFS had
the swap paths built in, or read in their sources. MA rows are healthy runs, MB shutdowns, MC device errors, MD
memory pressure; W and P are the advantages that were claimed for direct I/O and the deadlocks that were feared.

Verdicts: `ok` every page right; `kept` swap-outs fail and pages stay in memory; `lost` swapped pages gone and
their owners told; `zeros` pages read as zeros and nobody told; `overwrites` swap writes blocks that are not its file's
any more; `any` the drive does what nobody can notice; `oom` memory runs out; `hung` a circle of waits
closes; `stalled` nobody gets on for 120 seconds of virtual time; `died` a program finds zeros in its text; an errno is
swapon's.
Behind each stands where the prediction comes from: **r**un on Linux, **s**ource of Linux, the **m**ail, by
**d**esign. `cargo run -- reproduce` checks every cell.

`net` is a file of another machine's filesystem, which has no blocks here: it takes no part (`-`) where a case is about
blocks of ours (unwritten, shared, delayed, full, converted at swapon), their transactions and locks, or the drive.
A case's faults are the drive's for the other paths and the server's for `net`.
";

/// The whole page.
#[must_use]
pub fn linux_compared() -> String {
    let mut out = HEAD.to_owned();
    out += "\n## The matrix\n\n| scenario | case |";
    PathKind::ALL.iter().for_each(|path| out += &format!(" {path} |"));
    out += "\n|---|---|";
    PathKind::ALL.iter().for_each(|_| out += "---|");
    out.push('\n');
    ALL.iter().for_each(|definition| out += &cells(definition));
    out += "\n## Where it is otherwise than Linux, and why\n\n";
    out += "| scenario | case | path | Linux | here | why |\n|---|---|---|---|---|---|\n";
    ALL.iter().for_each(|definition| out += &differences(definition));
    out += "\n## Rows and claims\n\n| row | what Linux did, or what is claimed | scenario |\n|---|---|---|\n";
    ROWS.iter().for_each(|row| out += &row_line(row));
    out
}

fn experiments(definition: &Definition) -> impl Iterator<Item = &Unit> {
    definition.units().iter().filter(|unit| unit.role == Role::Experiment)
}

fn cells(definition: &Definition) -> String {
    let mut out = String::new();
    let units: Vec<_> = experiments(definition).collect();
    for case in units.chunk_by(|one, next| one.case == next.case) {
        let Some(first) = case.first() else { continue };
        let _ = write!(out, "| `{}` | {} |", definition.name(), first.case);
        for path in PathKind::ALL {
            match case.iter().find(|unit| unit.spec.path == *path) {
                Some(unit) => {
                    let _ = write!(out, " {} {} |", unit.prediction, unit.source.letter());
                }
                None => out += " - |",
            }
        }
        out.push('\n');
    }
    out
}

fn differences(definition: &Definition) -> String {
    let lines = definition.differences().iter().map(|one| {
        let is_it = |unit: &&Unit| unit.case == one.case && unit.spec.path == one.path;
        let here = experiments(definition).find(is_it).map(|unit| unit.prediction.to_string());
        format!(
            "| `{}` | {} | {} | {} | {} | {} |\n",
            definition.name(),
            one.case,
            one.path,
            one.linux,
            here.unwrap_or_default(),
            one.because
        )
    });
    lines.collect()
}

fn row_line(row: &Row) -> String {
    let covering = ALL.iter().filter(|definition| definition.covers().contains(&row.id));
    let names: Vec<_> = covering.map(|definition| format!("`{}`", definition.name())).collect();
    let where_ = match &row.missing {
        Some(why) => format!("no scenario: {why}"),
        None => names.join(", "),
    };
    format!("| {} | {} | {where_} |\n", row.id, row.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_covered_or_says_why_not() {
        for row in &*ROWS {
            let is_covered = ALL.iter().any(|definition| definition.covers().contains(&row.id));
            assert_ne!(is_covered, row.missing.is_some(), "{}", row.id);
        }
    }

    #[test]
    fn every_scenario_covers_rows_that_there_are() {
        for definition in &*ALL {
            for id in definition.covers() {
                assert!(ROWS.iter().any(|row| row.id == *id), "{}: {id}", definition.name());
            }
        }
    }

    #[test]
    fn the_page_in_the_repository_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/linux-compared.md");
        let page = linux_compared();
        if std::env::var_os("SWAPLAB_BLESS").is_some() {
            std::fs::write(path, &page).expect("docs is there");
        }
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(there, page, "SWAPLAB_BLESS=1 cargo test -p campaign writes it again");
    }
}
