//! Oracles over swap I/O itself.

use super::{Facts, object};
use crate::unit::Unit;
use crate::verdict::{Finding, Oracle};

/// No transaction, allocation, lock or log wait in the context of swap I/O.
pub(super) fn no_transaction(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    let first = facts.broken_promises.first()?;
    let count = facts.broken_promises.len();
    let detail = format!("{count} times inside swap I/O, first: {first}");
    object(Oracle::NoTransactionInSwapIo, detail)
}

/// A page whose swap-out failed is in memory: its owner never sees an error because of it.
pub(super) fn failed_swap_out_keeps_page(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    let is_kept = |page: &u64| !facts.pages_lost.contains(page);
    let lost = facts.swap_out_failed.iter().find(|page| !is_kept(page))?;
    object(Oracle::FailedSwapOutKeepsPage, format!("page {lost} was lost after a failed swap-out"))
}
