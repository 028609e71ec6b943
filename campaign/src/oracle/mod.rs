//! The oracles: what a trace must and must not contain.
//!
//! [`Facts`] are what one pass over the trace collects; an oracle is a function from facts (and the
//! unit's promise) to a finding or none. Oracles see nothing but the trace.

mod collect;
mod deeds;
mod exercised;
mod facts;
mod journey;
mod layers;
mod outcome;
mod pages;
mod progress;
mod shape;
mod steps;
mod swap_io;
#[cfg(test)]
mod tests;

pub(crate) use deeds::context_of_deed;
pub use facts::{ErrorSeen, Facts, PageTold, PageWrong, StepSeen, SwapOutCost};
pub use journey::{Fate, Journey, Station, Stations};
pub(crate) use layers::layer_called;
pub use layers::layer_name;
pub use outcome::Outcome;

use crate::unit::{Prediction, Role, Unit};
use crate::verdict::{Finding, Oracle, Verdict};

/// An oracle: `None` means that it has nothing to object.
type Check = fn(&Unit, &Facts) -> Option<Finding>;

/// What must hold on every path, whatever is predicted.
const ALWAYS: &[Check] = &[
    steps::activation,
    steps::fail_safe,
    steps::others,
    steps::recovers,
    progress::progress,
    progress::lock_order,
    pages::lost_in_the_end,
    pages::user_sees,
    pages::clone_intact,
    swap_io::own_blocks_only,
    swap_io::filesystem_sees_swap,
    swap_io::failed_swap_out_keeps_page,
    swap_io::transactions,
    swap_io::commands_per_folio,
    swap_io::learned_by,
    swap_io::errors_are_told,
    swap_io::fault_in_time,
    swap_io::same_as_user_io,
];

/// What must hold when a fault may cost something and everybody concerned is told.
const TOLD: &[Check] = &[
    pages::content,
    steps::swap_can_be_turned_off,
    steps::recovers_if_it_was_there,
    swap_io::own_blocks_only,
    swap_io::filesystem_sees_swap,
];

/// What the paths that promise it must keep.
const PROMISED: &[Check] = &[swap_io::no_transaction];

/// Judges a unit whose lives all ended properly.
#[must_use]
pub fn judge(unit: &Unit, facts: &Facts) -> Verdict {
    let is_open = matches!(unit.prediction, Prediction::Told | Prediction::Any);
    // Whether its faults fired is all that counts then: a step that failed is a way to be told.
    if let Some(why) = exercised::why_not(unit, facts).filter(|_| !is_open) {
        return Verdict::NotExercised(why);
    }
    let predicted: &[Check] = match unit.prediction {
        Prediction::NothingLost => {
            &[pages::content, pages::nothing_lost, pages::no_swap_out_failed]
        }
        Prediction::SwapOutsFail => &[pages::content, pages::nothing_lost, pages::swap_outs_failed],
        Prediction::SwappedLostAndTold => &[pages::content, pages::swapped_lost_and_told],
        Prediction::PagesLostAndTold(_) => &[pages::content, pages::pages_lost_and_told],
        Prediction::SilentZeros | Prediction::PagesSilentZeros(_) => &[pages::silent_zeros],
        Prediction::Overwrites => &[swap_io::overwrites_others, pages::nothing_lost],
        Prediction::OutOfMemory => &[pages::content, pages::out_of_memory],
        Prediction::SwaponRefused(_) => &[],
        Prediction::Hung | Prediction::Stalled => &[pages::content, progress::circle_known],
        Prediction::Died => &[progress::zeros_only],
        Prediction::Told => TOLD,
        Prediction::Any => &[swap_io::filesystem_sees_swap],
    };
    let always = if is_open { &[] } else { ALWAYS };
    let promised = if unit.spec.path.is_pure_overwrite() { PROMISED } else { &[] };
    let findings: Vec<_> = [predicted, promised, always]
        .into_iter()
        .flatten()
        .filter_map(|check| check(unit, facts))
        .collect();
    match unit.role {
        Role::Experiment => first_or_pass(findings),
        Role::Control { must_fail } => judge_control(must_fail, findings),
    }
}

fn first_or_pass(findings: Vec<Finding>) -> Verdict {
    findings.into_iter().next().map_or(Verdict::Pass, Verdict::Fail)
}

/// A control must fail by the oracle it was made for, and by no other: otherwise it controls nothing.
fn judge_control(must_fail: Oracle, mut findings: Vec<Finding>) -> Verdict {
    let Some(index) = findings.iter().position(|finding| finding.oracle == must_fail) else {
        let detail = "the control passed: the experiment cannot fail".to_owned();
        return findings
            .pop()
            .map_or(Verdict::Fail(Finding { oracle: must_fail, detail }), Verdict::Fail);
    };
    let expected = findings.swap_remove(index);
    match findings.pop() {
        None => Verdict::ExpectedFail(expected),
        Some(other) => Verdict::Fail(other),
    }
}

fn object(oracle: Oracle, detail: String) -> Option<Finding> {
    Some(Finding { oracle, detail })
}
