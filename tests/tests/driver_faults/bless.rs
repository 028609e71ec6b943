//! Writes the table's cells again, as they come out; rules, reasons and comments stay.
//!
//! For a change that is meant. What it wrote is to be read, cell by cell, before it is believed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use exercise::Op;
use nvme_driver::Completion;

use crate::table::{Case, FILE};

/// How one case came out.
pub(crate) struct Found {
    row: String,
    op: Op,
    completion: Completion,
    said: String,
    has_fired: bool,
}

impl Found {
    pub(crate) fn new(case: &Case<'_>, said: &str, has_fired: bool) -> Self {
        let (row, said) = (case.row.to_owned(), said.to_owned());
        Self { row, op: case.words.op, completion: case.words.completion, said, has_fired }
    }
}

/// The keys of cells, and of what is known from playing them.
const WRITTEN: [&str; 6] = ["read", "write", "flush", "admin", "polled", "never"];

/// Writes the table with these cells.
pub(crate) fn write(found: &[Found]) {
    let text = std::fs::read_to_string(FILE).expect("the table can be read");
    std::fs::write(FILE, rewritten(&text, found)).expect("the table can be written");
}

fn rewritten(text: &str, found: &[Found]) -> String {
    let mut rows: BTreeMap<&str, Vec<&Found>> = BTreeMap::new();
    for cell in found {
        rows.entry(&cell.row).or_default().push(cell);
    }
    let mut blocks: Vec<String> = text.trim_end().split("\n\n").map(str::to_owned).collect();
    for block in &mut blocks {
        let name = block.lines().next().and_then(name_of_row).map(str::to_owned);
        if let Some(cells) = name.and_then(|name| rows.get(name.as_str())) {
            *block = rewritten_row(block, cells);
        }
    }
    blocks.join("\n\n") + "\n"
}

/// `a b` of `["a b"]` and `a` of `[a]`.
fn name_of_row(line: &str) -> Option<&str> {
    Some(line.strip_prefix('[')?.strip_suffix(']')?.trim_matches('"'))
}

fn rewritten_row(block: &str, cells: &[&Found]) -> String {
    let is_kept = |line: &&str| {
        let key = line.split([' ', '.', '=']).next().unwrap_or_default();
        !WRITTEN.contains(&key)
    };
    let mut lines: Vec<String> = block.lines().filter(is_kept).map(str::to_owned).collect();
    let said = |op, completion| {
        let mut cells = cells.iter().filter(|cell| cell.op == op);
        cells.find(|cell| cell.completion == completion).map_or("", |cell| &cell.said)
    };
    let quoted = |text: &str| toml::Value::from(text).to_string();
    for op in Op::ALL {
        lines.push(format!("{} = {}", op.name(), quoted(said(op, Completion::Interrupts))));
    }
    for op in Op::ALL {
        let polled = said(op, Completion::Polled);
        if polled != said(op, Completion::Interrupts) {
            lines.push(format!("polled.{} = {}", op.name(), quoted(polled)));
        }
    }
    lines.extend(never(cells));
    lines.join("\n")
}

/// The requests at which not every rule fired.
fn never(cells: &[&Found]) -> Option<String> {
    let fired: BTreeSet<_> = cells.iter().map(|cell| (cell.op.name(), cell.has_fired)).collect();
    let is_never = |op: &&str| fired.contains(&(*op, false));
    let ops: Vec<&str> = Op::ALL.iter().map(|op| op.name()).filter(|op| is_never(op)).collect();
    let mut line = "never = [".to_owned();
    for (index, op) in ops.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(line, "{comma}\"{op}\"").expect("a string takes everything");
    }
    (!ops.is_empty()).then(|| line + "]")
}

#[test]
fn cells_are_written_again_and_the_rest_of_the_table_stays() {
    let case = |op, completion, said: &str, has_fired| {
        let (row, said) = ("a b".to_owned(), said.to_owned());
        Found { row, op, completion, said, has_fired }
    };
    let mut found: Vec<Found> =
        Op::ALL.map(|op| case(op, Completion::Interrupts, "fine", op != Op::Admin)).into();
    found.extend(Op::ALL.map(|op| case(op, Completion::Polled, "fine", op != Op::Admin)));
    found[5].said = "gone; 1 \"write\"".to_owned();
    let row = "[\"a b\"]\nrules = [\"x\"]\n# Kept.\n";
    let other = "[other]\nread = \"told\"\n";
    let old = format!("# Head.\n\n{row}read = \"told\"\npolled = {{ read = \"gone\" }}\n\n{other}");
    let cells = "read = \"fine\"\nwrite = \"fine\"\nflush = \"fine\"\nadmin = \"fine\"\n\
                 polled.write = 'gone; 1 \"write\"'\nnever = [\"admin\"]\n";
    assert_eq!(rewritten(&old, &found), format!("# Head.\n\n{row}{cells}\n{other}"));
}
