//! The oracles: what a trace must and must not contain.
//!
//! [`Facts`] are what one pass over the trace collects; an oracle is a function from facts (and the
//! unit's promise) to a finding or none. Oracles see nothing but the trace.

mod collect;
mod deeds;
mod exercised;
mod facts;
mod journey;
mod outcome;
mod pages;
mod shape;
mod steps;
mod swap_io;

pub(crate) use deeds::REMOTE_CLIENT;
pub use facts::{ErrorSeen, Facts, PageTold, PageWrong, StepSeen, SwapOutCost};
pub use journey::{Fate, Journey, Station, Stations};
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
    pages::lost_in_the_end,
    pages::user_sees,
    pages::clone_intact,
    swap_io::own_blocks_only,
    swap_io::filesystem_sees_swap,
    swap_io::failed_swap_out_keeps_page,
    swap_io::transactions,
    swap_io::learned_by,
    swap_io::errors_are_told,
    swap_io::fault_in_time,
    swap_io::same_as_user_io,
];

/// What the paths that promise it must keep.
const PROMISED: &[Check] = &[swap_io::no_transaction];

/// Judges a unit whose lives all ended properly.
#[must_use]
pub fn judge(unit: &Unit, facts: &Facts) -> Verdict {
    if let Some(why) = exercised::why_not(unit, facts) {
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
        Prediction::OutOfMemory => &[pages::content, pages::out_of_memory],
        Prediction::SwaponRefused(_) => &[],
    };
    let promised = if unit.spec.path.is_pure_overwrite() { PROMISED } else { &[] };
    let findings: Vec<_> = [predicted, promised, ALWAYS]
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
