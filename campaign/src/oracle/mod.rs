//! The oracles: what a trace must and must not contain.
//!
//! [`Facts`] are what one pass over the trace collects; an oracle is a function from facts (and the
//! unit's promise) to a finding or none. Oracles see nothing but the trace.

mod facts;
mod pages;
mod recovery;
mod safety;
mod swap_io;

pub use facts::{ErrorSeen, Facts, PageTold};

use crate::unit::{Prediction, Role, Unit};
use crate::verdict::{Finding, Oracle, Verdict};

/// An oracle: `None` means that it has nothing to object.
type Check = fn(&Unit, &Facts) -> Option<Finding>;

/// What must hold on every path, whatever is predicted.
const ALWAYS: &[Check] = &[
    pages::content,
    safety::fail_safe,
    safety::own_blocks_only,
    swap_io::failed_swap_out_keeps_page,
    recovery::recovers,
];

/// What the paths that promise it must keep.
const PROMISED: &[Check] = &[swap_io::no_transaction];

/// Judges a unit whose lives all ended properly.
#[must_use]
pub fn judge(unit: &Unit, facts: &Facts) -> Verdict {
    if let Some(why) = not_exercised(unit, facts) {
        return Verdict::NotExercised(why);
    }
    let predicted: &[Check] = match unit.prediction {
        Prediction::NothingLost => &[pages::nothing_lost],
        Prediction::SwappedLostAndTold => &[pages::swapped_lost_and_told],
    };
    let promised = if unit.spec.path == swap_path::PathKind::Dio { &[] } else { PROMISED };
    let findings: Vec<_> = [ALWAYS, promised, predicted]
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

/// Did what the unit is about happen at all?
fn not_exercised(unit: &Unit, facts: &Facts) -> Option<String> {
    use lab::events::Step;
    let must_be_out = unit.spec.pages.saturating_sub(unit.spec.resident_pages);
    if facts.steps.get(&Step::Shutdown) != Some(&Ok(())) {
        return Some("the filesystem was not shut down".to_owned());
    }
    let out = facts.out_at_shutdown.len() as u64;
    if must_be_out == 0 || out < must_be_out {
        return Some(format!("{out} pages were swapped out at the shutdown, not {must_be_out}"));
    }
    let missing = Step::ALL.iter().find(|step| {
        let optional = **step == Step::SwapOffByArea;
        !optional && !facts.steps.contains_key(step)
    });
    missing.map(|step| format!("the step `{}` was not reached", step.text()))
}

fn object(oracle: Oracle, detail: String) -> Option<Finding> {
    Some(Finding { oracle, detail })
}
