//! The matrix scenario x path x fault: a green cell means exercised and passed, because it says what fired.

use std::collections::BTreeSet;
use std::fmt::Write;

use results::VerdictWord;
use results::summary::{Cell, CellKey, Summary};

use super::super::escaped;

pub(super) fn matrix(summary: &Summary) -> String {
    let paths: BTreeSet<&str> = summary.matrix.keys().map(|key| &*key.path).collect();
    let rows: BTreeSet<(&str, &str)> =
        summary.matrix.keys().map(|key| (&*key.scenario, &*key.fault)).collect();
    let mut out = "<h2>Matrix</h2>\n<p class=\"soft\">Units, and how often the faults fired of what was planned at the least. A path with \
                   a knob in brackets is a control.</p>\n<div class=\"wide\"><table class=\"sort\"><thead><tr><th>scenario</th>\
                   <th>fault</th>"
        .to_owned();
    paths.iter().for_each(|path| {
        let _ = write!(out, "<th>{}</th>", escaped(path));
    });
    out += "</tr></thead><tbody>\n";
    for (scenario, fault) in rows {
        let _ = write!(
            out,
            "<tr><td>{}</td><td><code>{}</code></td>",
            escaped(scenario),
            escaped(fault)
        );
        for path in &paths {
            let key = CellKey {
                scenario: scenario.to_owned(),
                path: (*path).to_owned(),
                fault: fault.to_owned(),
            };
            out += &cell(summary.matrix.get(&key));
        }
        out += "</tr>\n";
    }
    out + "</tbody></table></div>\n"
}

fn cell(cell: Option<&Cell>) -> String {
    let Some(cell) = cell else { return "<td class=\"soft\">-</td>".to_owned() };
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
