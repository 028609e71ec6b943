//! Oracles over the life after the power cycle.

use lab::events::Step;

use super::{Facts, object};
use crate::unit::Unit;
use crate::verdict::{Finding, Oracle};

/// The filesystem mounts, still has the swap file, and is consistent.
pub(super) fn recovers(_unit: &Unit, facts: &Facts) -> Option<Finding> {
    for step in [Step::Recover, Step::FindSwapFile, Step::Unmount, Step::Fsck] {
        let result = facts.steps.get(&step);
        if result != Some(&Ok(())) {
            let detail = format!("after the power cycle `{}` gave {result:?}", step.text());
            return object(Oracle::Recovers, detail);
        }
    }
    let findings = facts.counts.get(&Step::Fsck).copied().unwrap_or(0);
    match findings {
        0 => None,
        _ => object(Oracle::Recovers, format!("fsck has {findings} findings")),
    }
}
