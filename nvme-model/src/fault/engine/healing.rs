//! Blocks that rules keep bad until they are written again.

use std::ops::Range;

use super::FaultEngine;
use crate::sick::SickBlocks;

impl FaultEngine {
    /// These blocks were written: rules until a rewrite lose them.
    pub(crate) fn on_rewrite(&mut self, nsid: u32, slba: u64, blocks: u64) {
        for index in &self.healing {
            let index = usize::try_from(*index).unwrap_or(usize::MAX);
            let (Some(rule), Some(progress)) =
                (self.plan.rules.get(index), self.progress.get_mut(index))
            else {
                continue;
            };
            let is_here = rule.matcher.nsid.is_none_or(|only| only == nsid);
            if is_here {
                progress.heal(slba, blocks);
            }
        }
    }

    /// Blocks of a namespace that rules made unreadable until they are written again, as far as the host
    /// was told: a drive knows of a bad block once it tried to read it.
    pub(crate) fn told_unreadable(&self, nsid: u32) -> SickBlocks {
        let mut all = SickBlocks::default();
        let places = self.healing.iter().filter_map(|index| usize::try_from(*index).ok());
        let rules =
            places.filter_map(|at| Some((self.plan.rules.get(at)?, self.progress.get(at)?)));
        rules
            .filter(|(rule, _)| rule.matcher.nsid.is_none_or(|only| only == nsid))
            .flat_map(|(_, progress)| progress.told_unreadable.ranges())
            .for_each(|range| all.add(range));
        all
    }

    /// The power was lost: blocks that rules keep bad until a rewrite are bad again if no rewrite ever
    /// reached the media. `never_written` says which of a range those are.
    pub(crate) fn on_power_loss(
        &mut self,
        nsid: u32,
        never_written: &dyn Fn(Range<u64>) -> Vec<Range<u64>>,
    ) {
        for (rule, progress) in self.plan.rules.iter().zip(&mut self.progress) {
            let is_here = rule.matcher.nsid.is_none_or(|only| only == nsid);
            let (Some(sick), Some(lba)) = (progress.sick.as_mut(), rule.matcher.lba.clone()) else {
                continue;
            };
            if !is_here {
                continue;
            }
            let was_healed = sick.is_empty();
            never_written(lba).into_iter().for_each(|range| sick.add(range));
            let is_done = rule.until.count.is_some_and(|count| progress.counts.fired >= count);
            if was_healed && !sick.is_empty() && !rule.until.is_until_reset && !is_done {
                progress.is_over = false;
            }
        }
    }
}
