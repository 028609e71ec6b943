//! Oracles over the tasks: whether they got on, and what the watcher of lock orders said.

use tasks::Stuck;

use super::{Facts, object};
use crate::unit::{Prediction, Unit};
use crate::verdict::{Finding, Oracle};

/// Everybody got through, or got stuck in the way that was predicted; and a program dies only where its text was
/// to be lost.
pub(super) fn progress(unit: &Unit, facts: &Facts) -> Option<Finding> {
    let wanted = match unit.prediction {
        Prediction::Hung => Some(Stuck::Deadlock),
        Prediction::Stalled => Some(Stuck::NoProgress),
        _ => None,
    };
    let died = facts.program_died.is_some();
    if facts.stuck == wanted && died == (unit.prediction == Prediction::Died) {
        return None;
    }
    let seen = match facts.stuck {
        None if died => "a program died of what it found in its text".to_owned(),
        None => "every task got through".to_owned(),
        Some(stuck) => {
            let how = match stuck {
                Stuck::Deadlock => "deadlock",
                Stuck::NoProgress => "no progress",
            };
            format!("{how}: {}", facts.circle_lines().join("; "))
        }
    };
    object(Oracle::Progress, seen)
}

/// Who is stuck, is stuck in a circle, and it is known who waits for whom.
pub(super) fn circle_known(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    if facts.circle.is_empty() {
        return object(Oracle::Progress, "nobody waits in a circle".to_owned());
    }
    None
}

/// A program that lost its text found zeros there, and so does everybody who finds something wrong.
pub(super) fn zeros_only(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    match facts.program_died {
        Some(0) => None,
        Some(word) => object(Oracle::PageContent, format!("the text holds {word:#x}, not zeros")),
        None => object(Oracle::Progress, "the program lived".to_owned()),
    }
}

/// The order checker reported as often as predicted.
pub(super) fn lock_order(unit: &Unit, facts: &Facts) -> Option<Finding> {
    let wanted = unit.order_reports?;
    let reports = &facts.order_reports;
    if reports.len() as u64 == wanted {
        return None;
    }
    let detail =
        format!("{} reports of lock orders, not {wanted}: {}", reports.len(), reports.join(", "));
    object(Oracle::LockOrder, detail)
}
