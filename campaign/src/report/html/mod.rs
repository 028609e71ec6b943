//! The report as one self-contained page: the matrix, each scenario with its timelines, latency curves.
//!
//! The page has no script and loads nothing. A timeline is drawn when its unit has run, because traces
//! are not kept.

mod campaign;
mod curve;
mod timeline;

use std::collections::BTreeMap;
use std::fmt::Write;

pub use campaign::{CampaignPage, Cost, FailureStory, Space};

use swap_path::PathKind;

use crate::engine::EngineKind;
use crate::oracle::Outcome;
use crate::run::UnitResult;
use crate::scenario::Definition;
use crate::unit::Role;

/// A page that is being written.
#[derive(Debug, Default)]
pub struct Page {
    /// By scenario: the pictures of its first case.
    timelines: BTreeMap<String, Vec<(String, String)>>,
}

impl Page {
    /// Draws the timeline of a unit, which still has its trace, if it is of its scenario's first case.
    pub fn add(&mut self, definitions: &[&Definition], result: &UnitResult) {
        let unit = &result.unit;
        let first = definitions
            .iter()
            .find(|definition| definition.name() == unit.scenario)
            .and_then(|definition| definition.units().first());
        if unit.role == Role::Experiment && first.is_some_and(|first| first.case == unit.case) {
            let picture = timeline::timeline(result.trace.entries());
            let title = format!("{} came to {}", unit.label, result.outcome());
            self.timelines.entry(unit.scenario.clone()).or_default().push((title, picture));
        }
    }

    /// The whole page.
    #[must_use]
    pub fn finish(
        self,
        engine: EngineKind,
        definitions: &[&Definition],
        results: &[UnitResult],
    ) -> String {
        let expected = results.iter().filter(|result| result.is_expected()).count();
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>swaplab</title>\n\
             <style>\n{}</style></head><body>\n<h1>Swap paths, claim by claim</h1>\n\
             <p class=\"soft\">swaplab {} on engine {}: {expected} of {} units as expected</p>\n",
            include_str!("style.css"),
            env!("CARGO_PKG_VERSION"),
            engine.name(),
            results.len(),
        );
        out += &matrix(definitions, results);
        for definition in definitions {
            let here: Vec<_> =
                results.iter().filter(|r| r.unit.scenario == definition.name()).collect();
            out += &self.section(definition, &here);
        }
        out + "</body></html>\n"
    }

    fn section(&self, definition: &Definition, results: &[&UnitResult]) -> String {
        let name = escaped(definition.name());
        let mut out = format!(
            "<h2 id=\"{name}\">{name}</h2>\n<p>{}</p>\n<p class=\"soft\">{}</p>\n",
            escaped(definition.claim()),
            escaped(definition.means())
        );
        let _ = writeln!(
            out,
            "<p class=\"soft\"><code>swaplab reproduce {name} --explain</code> covers {}</p>",
            escaped(&definition.covers().join(", "))
        );
        for (title, picture) in self.timelines.get(definition.name()).into_iter().flatten() {
            let _ = write!(out, "<h3>{}</h3>\n{picture}", escaped(title));
        }
        let timed: Vec<_> = results
            .iter()
            .filter(|r| r.unit.fault_max_ns.is_some() && r.unit.role == Role::Experiment)
            .copied()
            .collect();
        out + &curve::curves(&timed)
    }
}

fn matrix(definitions: &[&Definition], results: &[UnitResult]) -> String {
    let mut out = "<div class=\"wide\"><table>\n<tr><th>scenario</th>".to_owned();
    PathKind::ALL.iter().for_each(|path| out += &format!("<th>{path}</th>"));
    out += "<th>control</th></tr>\n";
    for definition in definitions {
        let here: Vec<_> =
            results.iter().filter(|r| r.unit.scenario == definition.name()).collect();
        out += &rows(definition, &here);
    }
    out + "</table></div>\n"
}

fn rows(definition: &Definition, results: &[&UnitResult]) -> String {
    let (controls, experiments): (Vec<&UnitResult>, Vec<&UnitResult>) =
        results.iter().partition(|r| matches!(r.unit.role, Role::Control { .. }));
    let control = match controls.iter().all(|result| result.is_expected()) {
        true => "<span class=\"ok\">failed as it must</span>",
        false => "<span class=\"bad\">did not fail</span>",
    };
    let name = escaped(definition.name());
    let cases: Vec<_> = experiments.chunk_by(|a, b| a.unit.case == b.unit.case).collect();
    let mut out = String::new();
    for (index, case) in cases.iter().enumerate() {
        let first = case.first().map_or("", |result| &*result.unit.case);
        if index == 0 {
            let cells = match cases.len() {
                1 => cells(case),
                _ => format!("<td colspan=\"{}\"></td>", PathKind::ALL.len()),
            };
            let _ = writeln!(
                out,
                "<tr><td><a href=\"#{name}\">{name}</a></td>{cells}<td>{control}</td></tr>"
            );
        }
        if cases.len() > 1 {
            let cells = cells(case);
            let _ = writeln!(
                out,
                "<tr><td class=\"case\">{}</td>{cells}<td></td></tr>",
                escaped(first)
            );
        }
    }
    out
}

fn cells(case: &[&UnitResult]) -> String {
    let cell = |path: &PathKind| match case.iter().find(|r| r.unit.spec.path == *path) {
        None => "<td class=\"soft\">-</td>".to_owned(),
        Some(result) if result.is_expected() => {
            let outcome = result.outcome();
            format!("<td class=\"{}\">{outcome}</td>", class(outcome))
        }
        Some(result) => format!("<td><span class=\"bad\">{}</span></td>", result.outcome()),
    };
    PathKind::ALL.iter().map(cell).collect()
}

const fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Right => "ok",
        Outcome::Kept => "kept",
        Outcome::Lost(_) => "lost",
        Outcome::Zeros(_) => "zeros",
        Outcome::Wrong(_) | Outcome::Overwrote(_) => "wrong",
        Outcome::OutOfMemory => "oom",
        Outcome::Refused(_) => "refused",
        Outcome::Hung | Outcome::Stalled | Outcome::Died => "wrong",
    }
}

/// Text as HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
