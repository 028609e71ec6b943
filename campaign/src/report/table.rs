//! The table that `reproduce` prints: 80 columns, one row a unit, one sentence a surprise.

use std::collections::BTreeSet;
use std::fmt::Write;

use iomap::Errno;
use lab::events::Step;

use crate::engine::EngineKind;
use crate::oracle::{Outcome, layer_name};
use crate::run::UnitResult;
use crate::scenario::Definition;
use crate::unit::Unit;

const WIDTH: usize = 80;

/// The lines above the first row.
#[must_use]
pub fn header(engine: EngineKind, definitions: &[&Definition], units: &[Unit]) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "swaplab {} on engine {}", env!("CARGO_PKG_VERSION"), engine.name());
    for definition in definitions {
        let _ = writeln!(out, "\n{}", definition.name());
        out += &wrapped(definition.claim(), "  ");
    }
    if let Some(spec) = units.first().map(|unit| &unit.spec) {
        let _ = writeln!(
            out,
            "  {} pages of memory, {} resident, seed {}",
            spec.pages, spec.resident_pages, spec.seed
        );
    }
    let _ =
        writeln!(out, "\n{:<25} {:<29} {:<7} {:<7} trace", "path", "verdict", "came to", "swapoff");
    out
}

/// One result.
#[must_use]
pub fn row(result: &UnitResult) -> String {
    let step = |step| match result.facts.steps.get(&step) {
        None => "-".to_owned(),
        Some(Ok(())) => "ok".to_owned(),
        Some(Err(errno)) => errno.to_string(),
    };
    format!(
        "{} {} {:<7} {:<7} {}\n",
        cell(&result.unit.label, 25, 25),
        cell(&result.verdict.label(), 29, 55),
        result.outcome(),
        format!("{}/{}", step(Step::SwapOffByPath), step(Step::SwapOffByArea)),
        result.trace_hash.short(),
    )
}

/// A cell of so many columns that ends in column `end`; what is wider gets a line of its own.
fn cell(text: &str, width: usize, end: usize) -> String {
    if text.len() <= width { format!("{text:<width$}") } else { format!("{text}\n{:end$}", "") }
}

/// The lines below the last row: what was lost and who learned of it, what is not as expected, totals.
#[must_use]
pub fn footer(results: &[UnitResult]) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "\nlost N: pages whose owner got SIGBUS; swapoff: by path / by area\n");
    for result in results {
        out += &surprises(result);
    }
    out += super::latency::latency_table(results).trim_start();
    out + &totals(results)
}

/// The last line.
pub(super) fn totals(results: &[UnitResult]) -> String {
    let expected = results.iter().filter(|result| result.is_expected()).count();
    let wall: f64 = results.iter().map(|result| result.wall.as_secs_f64()).sum();
    let virtual_ns: u64 = results.iter().map(|result| result.virtual_ns).sum();
    format!(
        "{expected} of {} as expected, {:.3} s of virtual time in {wall:.2} s\n",
        results.len(),
        virtual_ns as f64 / 1e9,
    )
}

fn surprises(result: &UnitResult) -> String {
    let mut out = String::new();
    let name = &result.unit.label;
    if !result.facts.pages_lost.is_empty() {
        let text = format!(
            "{name}: {} of {} pages lost to their owner: {}{}",
            result.facts.pages_lost.len(),
            result.unit.spec.pages,
            ranges(&result.facts.pages_lost),
            if matches!(result.outcome(), Outcome::Lost(_)) && result.is_expected() {
                ", as predicted"
            } else {
                ""
            },
        );
        out += &wrapped(&text, "  ");
    }
    for error in &result.facts.errors {
        let text = format!(
            "{name}: {} {} failed with {}, first learned by the {}",
            error.count,
            error.operation,
            error.errno,
            layer_name(error.learned_by)
        );
        out += &wrapped(&text, "  ");
    }
    if !result.is_expected() {
        out += &unexpected(result);
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// What came out otherwise than it was expected, and why.
pub(super) fn unexpected(result: &UnitResult) -> String {
    let text = format!(
        "{}/{}: NOT AS EXPECTED: {} instead of {}",
        result.unit.scenario,
        result.unit.label,
        result.verdict.label(),
        result.unit.expected()
    );
    let mut out = wrapped(&text, "  ");
    if let Some(detail) = result.verdict.detail() {
        detail.lines().for_each(|line| out += &wrapped(line, "    "));
    }
    out + "    --trace FILE writes every event of the run\n"
}

/// Page numbers as ranges: `0-95, 97`.
pub(crate) fn ranges(pages: &BTreeSet<u64>) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &page in pages {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == page => *last = page,
            _ => runs.push((page, page)),
        }
    }
    let texts: Vec<_> = runs
        .into_iter()
        .map(
            |(first, last)| {
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            },
        )
        .collect();
    texts.join(", ")
}

/// The words of a text in lines of at most 80 columns, all indented, those behind the first by two columns more.
#[must_use]
pub fn wrapped(text: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut line = indent.to_owned();
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH && line.len() > indent.len() {
            out += &line;
            out.push('\n');
            line = format!("{indent}  ");
        }
        if !line.is_empty() && !line.ends_with(' ') {
            line.push(' ');
        }
        line += word;
    }
    out + &line + "\n"
}

/// How a step's outcome reads in JSON: `ok` or the errno's name.
pub(crate) fn outcome_name(result: Result<(), Errno>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(errno) => errno.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_numbers_are_grouped() {
        assert_eq!(ranges(&BTreeSet::from([0, 1, 2, 5, 7, 8])), "0-2, 5, 7-8");
        assert_eq!(ranges(&BTreeSet::new()), "");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let text = "word ".repeat(100);
        assert!(wrapped(&text, "  ").lines().all(|line| line.len() <= WIDTH));
    }
}
