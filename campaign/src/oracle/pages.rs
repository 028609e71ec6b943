//! Oracles over the content of the workload's pages.

use std::collections::BTreeSet;

use lab::PageContent;
use lab::events::Step;

use super::{Facts, object};
use crate::report::ranges;
use crate::unit::{Prediction, Unit};
use crate::verdict::{Finding, Oracle};

/// The steps that touch every page after the first fill.
const PASSES: [Step; 4] = [Step::VerifyOld, Step::Refill, Step::VerifyNew, Step::VerifyInMemory];

/// A page read back is the last one written, or its owner was told.
pub(super) fn content(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    let wrong = facts.wrong.first()?;
    let (count, page, content) = (facts.wrong.len(), wrong.page, wrong.content);
    let mut detail = format!("{count} wrong pages, the first is page {page}: {content:?}");
    for journey in facts.silent() {
        detail += &format!("; silent: {journey}");
    }
    object(Oracle::PageContent, detail)
}

/// Nobody was answered with a bus error.
pub(super) fn nothing_lost(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    if facts.told.is_empty() {
        return None;
    }
    let lost: BTreeSet<_> = facts.told.iter().map(|told| told.page).collect();
    object(Oracle::NothingLost, format!("{} pages lost: {}", lost.len(), ranges(&lost)))
}

/// The pages that were out when a pass began are lost in it, and those that were in memory are not.
pub(super) fn swapped_lost_and_told(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    let mut has_lost = false;
    for seen in facts.played.iter().filter(|seen| seen.was_down && PASSES.contains(&seen.step)) {
        let told = told_in(facts, seen.step);
        let out = facts.out_at_step.get(&seen.step).cloned().unwrap_or_default();
        has_lost |= !told.is_empty();
        if told != out {
            let detail = format!(
                "in `{}` bus errors for pages {}, but swapped out were {}",
                seen.step.text(),
                ranges(&told),
                ranges(&out)
            );
            return object(Oracle::SwappedLostAndTold, detail);
        }
    }
    if has_lost {
        return None;
    }
    object(Oracle::SwappedLostAndTold, "no page was lost".to_owned())
}

/// Exactly so many pages are lost.
pub(super) fn pages_lost_and_told(unit: &Unit, facts: &Facts) -> Option<Finding> {
    let Prediction::PagesLostAndTold(wanted) = unit.prediction else { return None };
    let lost: BTreeSet<_> = facts.told.iter().map(|told| told.page).collect();
    if lost.len() as u64 == wanted {
        return None;
    }
    let detail = format!("{} pages lost instead of {wanted}: {}", lost.len(), ranges(&lost));
    object(Oracle::PagesLostAndTold, detail)
}

/// Every page that was out when the first pass began (or as many as predicted) reads as zeros, and
/// nobody is told.
pub(super) fn silent_zeros(unit: &Unit, facts: &Facts) -> Option<Finding> {
    if let Some(told) = facts.told.first() {
        let detail = format!("the owner of page {} was told", told.page);
        return object(Oracle::SilentZeros, detail);
    }
    if let Some(other) = facts.wrong.iter().find(|wrong| wrong.content != PageContent::Zeros) {
        let detail = format!("page {} holds {:?}, not zeros", other.page, other.content);
        return object(Oracle::SilentZeros, detail);
    }
    let wrong: BTreeSet<_> = facts.wrong.iter().map(|wrong| wrong.page).collect();
    let out = facts.out_at_step.get(&Step::VerifyOld).cloned().unwrap_or_default();
    let is_right = match unit.prediction {
        Prediction::PagesSilentZeros(pages) => wrong.len() as u64 == pages,
        _ => !wrong.is_empty() && out.is_subset(&wrong),
    };
    if is_right {
        return None;
    }
    let detail = format!("{} pages read as zeros, {} were swapped out", wrong.len(), out.len());
    object(Oracle::SilentZeros, detail)
}

/// There was a swap-out that failed.
pub(super) fn swap_outs_failed(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    if facts.swap_out_failed.is_empty() {
        return object(Oracle::SwapOuts, "no swap-out failed".to_owned());
    }
    None
}

/// There was none. Said only if nothing worse came of it.
pub(super) fn no_swap_out_failed(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    let failed = &facts.swap_out_failed;
    if failed.is_empty() || !facts.told.is_empty() || !facts.wrong.is_empty() {
        return None;
    }
    let detail = format!("swap-outs of {} pages failed: {}", failed.len(), ranges(failed));
    object(Oracle::SwapOuts, detail)
}

/// In the last pass as many pages are lost as predicted.
pub(super) fn lost_in_the_end(unit: &Unit, facts: &Facts) -> Option<Finding> {
    let wanted = unit.lost_in_the_end?;
    let last = facts.played.iter().rev().find(|seen| PASSES.contains(&seen.step))?;
    let lost = told_in(facts, last.step);
    if lost.len() as u64 == wanted {
        return None;
    }
    let detail = format!("{} pages lost in the end, not {wanted}", lost.len());
    object(Oracle::PagesLostAndTold, detail)
}

/// What shares its blocks with the swap file still holds what it held.
pub(super) fn clone_intact(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    let damaged = facts.counts.get(&Step::ReadClone).copied().filter(|pages| *pages > 0)?;
    object(Oracle::CloneIntact, format!("{damaged} pages of the clone were overwritten"))
}

/// A user who read the swap file saw data in as many pages as predicted.
pub(super) fn user_sees(unit: &Unit, facts: &Facts) -> Option<Finding> {
    let wanted = unit.user_sees?;
    let seen = facts.counts.get(&Step::UserRead).copied().unwrap_or(0);
    if seen == wanted {
        return None;
    }
    object(Oracle::UserSees, format!("a user sees data in {seen} pages, not in {wanted}"))
}

/// Memory ran out, and somebody was told.
pub(super) fn out_of_memory(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    if facts.out_of_memory == 0 || facts.told.is_empty() {
        let detail = format!(
            "{} faults found no memory, {} accesses were refused",
            facts.out_of_memory,
            facts.told.len()
        );
        return object(Oracle::OutOfMemory, detail);
    }
    None
}

fn told_in(facts: &Facts, step: Step) -> BTreeSet<u64> {
    let told = facts.told.iter().filter(|told| told.step == Some(step));
    told.map(|told| told.page).collect()
}
