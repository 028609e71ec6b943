//! Oracles over the content of the workload's pages.

use std::collections::BTreeSet;

use lab::events::Step;

use super::{Facts, object};
use crate::report::ranges;
use crate::unit::Unit;
use crate::verdict::{Finding, Oracle};

/// A page read back is the last one written, or its owner was told.
pub(super) fn content(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    let (page, content) = facts.wrong.first()?;
    let count = facts.wrong.len();
    object(
        Oracle::PageContent,
        format!("{count} wrong pages, the first is page {page}: {content:?}"),
    )
}

/// Nobody was answered with a bus error.
pub(super) fn nothing_lost(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    if facts.told.is_empty() {
        return None;
    }
    let lost = &facts.pages_lost;
    object(Oracle::NothingLost, format!("{} pages lost: {}", lost.len(), ranges(lost)))
}

/// The pages that were out at the shutdown are lost, those that were in memory are not, and every loss
/// was first learned of by the filesystem: the device never failed.
pub(super) fn swapped_lost_and_told(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    let in_step = |step| -> BTreeSet<u64> {
        let told = facts.told.iter().filter(|told| told.step == Some(step));
        told.map(|told| told.page).collect()
    };
    for step in [Step::VerifyOld, Step::Refill, Step::VerifyNew, Step::VerifyInMemory] {
        let told = in_step(step);
        if told != facts.out_at_shutdown {
            let detail = format!(
                "in `{}` bus errors for pages {}, but swapped out at the shutdown were {}",
                step.text(),
                ranges(&told),
                ranges(&facts.out_at_shutdown)
            );
            return object(Oracle::SwappedLostAndTold, detail);
        }
    }
    let other = facts.errors.iter().find(|error| error.learned_by != "filesystem");
    if let Some(error) = other {
        let detail = format!("{} failed in the {}", error.operation, error.learned_by);
        return object(Oracle::SwappedLostAndTold, detail);
    }
    if facts.swap_out_failed.is_empty() {
        let detail = "no swap-out failed after the shutdown".to_owned();
        return object(Oracle::SwappedLostAndTold, detail);
    }
    None
}
