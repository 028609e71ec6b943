//! The story of one unit, from its trace: what happened, layer by layer, in order, with virtual times,
//! and what it means.
//!
//! A trace has thousands of events and few different things happen in it. It is cut into blocks (a
//! fault, a swap-out, a swap-in); the first block of each shape is told in full, the others are counted.

mod blocks;
mod line;

use std::fmt::Write;

use lab::events::{Event as LabEvent, Step};

use super::table::wrapped;
use crate::run::UnitResult;
use crate::scenario::Definition;
use blocks::Blocks;
use line::Line;

/// Steps that only prepare: their end is told, not how they came to it.
const PREPARATION: [Step; 8] = [
    Step::Probe,
    Step::Mkfs,
    Step::Mount,
    Step::Remount,
    Step::MakeSwapFile,
    Step::AddressSpace,
    Step::Recover,
    Step::Fsck,
];

/// Tells the story of `result`, a unit of one of `definitions`.
#[must_use]
pub fn story(definitions: &[&Definition], result: &UnitResult) -> String {
    let definition = definitions.iter().find(|one| one.name() == result.unit.scenario);
    let mut out = beginning(definition.copied(), result);
    out += &middle(result);
    out += &end(definition.copied(), result);
    out
}

fn beginning(definition: Option<&Definition>, result: &UnitResult) -> String {
    let unit = &result.unit;
    let mut out = format!("\n{}: {}\n", unit.scenario, unit.label);
    if let Some(definition) = definition {
        out += &wrapped(definition.claim(), "  ");
    }
    let spec = &unit.spec;
    let _ = writeln!(
        out,
        "  predicted: {} ({}); {} pages, {} resident, a {} file",
        unit.prediction,
        unit.source.text(),
        spec.pages,
        spec.resident_pages,
        spec.kind.name(),
    );
    for (index, rule) in unit.faults.rules.iter().enumerate() {
        let _ = writeln!(out, "  fault {index}: {rule}");
    }
    let _ = writeln!(out, "\n{:>12}  {:<10} what", "us", "layer");
    out
}

/// What happened, without beginning and end.
pub(super) fn told(result: &UnitResult) -> String {
    middle(result)
}

/// Every step, with what was new in it.
fn middle(result: &UnitResult) -> String {
    let mut out = String::new();
    let mut blocks = Blocks::default();
    let mut is_told = false;
    for entry in result.trace.entries() {
        let Some(line) = Line::of(entry, &result.facts.tasks) else { continue };
        match line.lab_event() {
            Some(LabEvent::StepBegin { step }) => {
                out += &blocks.take();
                is_told = !PREPARATION.contains(&step);
            }
            Some(LabEvent::StepEnd { .. }) => {
                out += &blocks.take();
                let _ = writeln!(out, "{line}");
            }
            _ if is_told => blocks.add(line),
            _ => {}
        }
    }
    out + &blocks.take()
}

fn end(definition: Option<&Definition>, result: &UnitResult) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "\n  came to: {} -- {} after {:.3} ms of virtual time, trace {}",
        result.outcome(),
        result.verdict.label(),
        result.virtual_ns as f64 / 1e6,
        result.trace_hash.short(),
    );
    for line in result.facts.circle_lines() {
        out += &wrapped(&line, "    ");
    }
    if let Some(detail) = result.verdict.detail() {
        out += &wrapped(detail, "  ");
    }
    if let Some(definition) = definition {
        out += &wrapped(definition.means(), "  ");
    }
    out
}
