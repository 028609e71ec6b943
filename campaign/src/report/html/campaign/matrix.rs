//! The matrix scenario x path x fault: a green cell means exercised and passed, because it says what fired.

use std::collections::BTreeSet;
use std::fmt::Write;

use results::VerdictWord;
use results::summary::{Cell, CellKey, Summary};
use swap_path::PathKind;

use super::super::escaped;

pub(super) fn matrix(summary: &Summary) -> String {
    let rows: BTreeSet<(&str, &str)> =
        summary.matrix.keys().map(|key| (&*key.scenario, &*key.fault)).collect();
    let is_there = |path: &&PathKind| summary.matrix.keys().any(|key| key.path == path.name());
    let paths: Vec<_> = PathKind::ALL.iter().filter(is_there).collect();
    let mut out = "<h2>Matrix</h2>\n<p class=\"soft\">Units, and how often their faults fired of what was planned at the least. Units with a \
                   switched knob, controls most of them, are in the last column.</p>\n<div class=\"wide\"><table class=\"sort matrix\">\
                   <thead><tr><th>scenario</th><th>fault</th>"
        .to_owned();
    paths.iter().for_each(|path| {
        let _ = write!(out, "<th>{path}</th>");
    });
    out += "<th>knobs</th></tr></thead><tbody>\n";
    for (scenario, fault) in rows {
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{}</td>",
            escaped(scenario),
            match fault {
                "-" => "<span class=\"soft\">none</span>".to_owned(),
                fault => format!("<code>{}</code>", escaped(fault)),
            }
        );
        let is_row = |key: &CellKey| key.scenario == scenario && key.fault == fault;
        let here: Vec<_> = summary.matrix.iter().filter(|(key, _)| is_row(key)).collect();
        for path in &paths {
            let found = here.iter().filter(|(key, _)| key.path == path.name());
            out += &cell(&sum(found.map(|(_, cell)| *cell)));
        }
        let knobs = here.iter().filter(|(key, _)| paths.iter().all(|path| key.path != path.name()));
        out += &cell(&sum(knobs.map(|(_, cell)| *cell)));
        out += "</tr>\n";
    }
    out + "</tbody></table></div>\n"
}

fn sum<'a>(cells: impl Iterator<Item = &'a Cell>) -> Cell {
    let mut sum = Cell::default();
    for cell in cells {
        for (word, count) in &cell.verdicts {
            *sum.verdicts.entry(*word).or_default() += count;
        }
        sum.surprises += cell.surprises;
        sum.planned += cell.planned;
        sum.fired += cell.fired;
    }
    sum
}

fn cell(cell: &Cell) -> String {
    if cell.units() == 0 {
        return "<td class=\"soft\">-</td>".to_owned();
    }
    let idle = cell.verdicts.get(&VerdictWord::NotExercised).copied().unwrap_or(0);
    let (class, mark) = match (cell.surprises, idle) {
        (0, _) => ("ok", ""),
        (surprises, idle) if surprises == idle => ("kept", " idle"),
        _ => ("lost", " !"),
    };
    let fired = match cell.planned {
        0 => String::new(),
        planned => format!(" <span class=\"soft\">{}/{planned}</span>", cell.fired),
    };
    let words: Vec<_> =
        cell.verdicts.iter().map(|(word, count)| format!("{count} {}", word.name())).collect();
    format!(
        "<td class=\"{class}\" title=\"{}\">{}{mark}{fired}</td>",
        words.join(", "),
        cell.units()
    )
}
