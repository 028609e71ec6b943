//! Blocks that rules keep bad until they are written again.

use std::ops::Range;

use super::FaultEngine;
use crate::fault::subject::NamedBlocks;
use crate::sick::SickBlocks;

impl FaultEngine {
    /// These blocks were written: rules until a rewrite lose them. `namespaces` gives all there are.
    pub(crate) fn on_rewrite<I: Iterator<Item = u32>>(
        &mut self,
        written: NamedBlocks,
        namespaces: impl Fn() -> I,
    ) {
        for index in &self.healing {
            let place = usize::try_from(*index).unwrap_or(usize::MAX);
            if let Some(progress) = self.progress.get_mut(place) {
                progress.heal(written, namespaces());
            }
        }
    }

    /// Blocks of a namespace that rules made unreadable until they are written again, as far as the host
    /// was told: a drive knows of a bad block once it tried to read it.
    pub(crate) fn told_unreadable(&self, nsid: u32) -> SickBlocks {
        let mut all = SickBlocks::default();
        let places = self.healing.iter().filter_map(|index| usize::try_from(*index).ok());
        places
            .filter_map(|place| self.progress.get(place)?.bad.as_ref()?.told_unreadable(nsid))
            .flat_map(SickBlocks::ranges)
            .for_each(|range| all.add(range));
        all
    }

    /// A namespace is gone: what is known of its blocks says nothing of those of the next one with its identifier.
    pub(crate) fn forget_namespace(&mut self, nsid: u32) {
        let bad = self.progress.iter_mut().filter_map(|progress| progress.bad.as_mut());
        bad.for_each(|bad| bad.forget(nsid));
    }

    /// The power was lost: blocks that rules keep bad until a rewrite are bad again if no rewrite ever
    /// reached the media. `never_written` says which of a range those are.
    pub(crate) fn on_power_loss(
        &mut self,
        nsid: u32,
        never_written: &dyn Fn(Range<u64>) -> Vec<Range<u64>>,
    ) {
        for (rule, progress) in self.plan.rules.iter().zip(&mut self.progress) {
            let relapse = progress.bad.as_mut().map(|bad| bad.relapse(nsid, never_written));
            let is_done = rule.until.count.is_some_and(|count| progress.counts.fired >= count);
            if relapse == Some(true) && !rule.until.is_until_reset && !is_done {
                progress.is_over = false;
            }
        }
    }
}
