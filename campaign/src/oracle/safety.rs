//! Oracles over what the user can still do, and over what was written.

use std::collections::BTreeSet;

use iomap::Errno;
use lab::events::Step;

use super::{Facts, object};
use crate::report::ranges;
use crate::unit::Unit;
use crate::verdict::{Finding, Oracle};

/// Unmount refused while swap is on; swapoff by path impossible as in Linux; swapoff by area possible;
/// unmount possible after it.
pub(super) fn fail_safe(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    let demanded = [
        (Step::UnmountBusy, Err(Errno::EBUSY)),
        (Step::SwapOffByPath, Err(Errno::EIO)),
        (Step::SwapOffByArea, Ok(())),
        (Step::Unmount, Ok(())),
    ];
    let broken = demanded.into_iter().find(|(step, result)| facts.steps.get(step) != Some(result));
    let (step, wanted) = broken?;
    let got = facts.steps.get(&step);
    object(Oracle::FailSafe, format!("`{}` gave {got:?}, not {wanted:?}", step.text()))
}

/// A shut-down filesystem writes nothing, and swap writes nothing but its own file (the header is
/// nobody's to write then either).
pub(super) fn own_blocks_only(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    let foreign: BTreeSet<_> =
        facts.written_while_down.difference(&facts.swap_file_blocks).copied().collect();
    if foreign.is_empty() {
        return None;
    }
    let detail = format!("blocks {} were written after the shutdown", ranges(&foreign));
    object(Oracle::OwnBlocksOnly, detail)
}
