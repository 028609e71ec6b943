//! What a power cut leaves of a namespace.

use std::ops::Range;

use super::Namespace;
use crate::crash::{Atomicity, Change, CrashImage, CrashSpace, Damage, Step, dice};
use crate::media::MediaError;
use crate::{BlockFate, Event, Observer};

/// Keys of commands in flight; cached writes have theirs below.
pub(crate) const IN_FLIGHT: u64 = 1 << 63;

/// How chance decides at one power cut of one namespace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance {
    /// Depends on the policy's seed, the command number, and which cut it is.
    pub(crate) seed: u64,
    /// Blocks are torn, too, and turned to garbage.
    pub(crate) is_violating: bool,
}

impl Chance {
    pub(crate) fn new(seed: u64, command: u64, power_cycle: u64, is_violating: bool) -> Self {
        let seed = dice::draw(dice::draw(seed, command), power_cycle);
        Self { seed, is_violating }
    }
}

impl Namespace {
    /// Loses the cache without a trace of it; returns how many dirty blocks that were.
    pub(crate) fn lose_cache(&mut self) -> u64 {
        // A machine that is switched on may begin with a cut; a log that holds nothing yet loses nothing by it.
        self.is_logging &= self.log.as_ref().is_some_and(crate::crash::WriteLog::is_empty);
        self.cache.clear()
    }

    /// Leaves of the cache, and of the writes in flight, what chance decides. Returns how many blocks
    /// lost their newest version. The media is then what it is after the power cut.
    pub(crate) fn lose_power(
        &mut self,
        chance: Chance,
        in_flight: Vec<Change>,
        now_ns: u64,
        observer: &mut dyn Observer,
    ) -> Result<u64, MediaError> {
        let mut steps = self.cache.steps();
        steps.extend(in_flight.into_iter().map(Step::Open));
        let whole = if chance.is_violating { Atomicity::default() } else { self.atomicity };
        let space = CrashSpace::new(self.size_blocks(), &whole, steps);
        let seed = dice::draw(chance.seed, self.nsid.into());
        let image = space.sample(seed);
        let lost = self.cache.dirty_blocks().saturating_sub(self.kept_newest(&space, &image));
        let mut damaged = Vec::new();
        if chance.is_violating {
            damaged = space.apply_damaged(&image, seed, self.media.as_mut())?;
        } else {
            space.apply(&image, self.media.as_mut())?;
        }
        space.kept(&image).flat_map(|(_, ranges)| ranges).for_each(|range| self.settle(range));
        for fate in space.fates(&image) {
            let what = if fate.is_kept { BlockFate::Kept } else { BlockFate::Lost };
            observer.event(now_ns, &self.fate(fate.key, &fate.blocks, what));
        }
        for block in damaged {
            let what = match block.damage {
                Damage::Torn(bytes) => BlockFate::Torn { bytes },
                Damage::Garbage => BlockFate::Garbage,
            };
            let blocks = block.lba..block.lba.saturating_add(1);
            observer.event(now_ns, &self.fate(block.key, &blocks, what));
        }
        self.lose_cache();
        Ok(lost)
    }

    fn fate(&self, key: u64, blocks: &Range<u64>, fate: BlockFate) -> Event {
        let order = if key < IN_FLIGHT { key } else { 0 };
        let blocks_count = u32::try_from(length(blocks)).unwrap_or(u32::MAX);
        let (nsid, lba) = (self.nsid, blocks.start);
        Event::PowerLoss { nsid, lba, blocks: blocks_count, order, fate }
    }

    /// Dirty blocks whose newest cached version survives.
    fn kept_newest(&self, space: &CrashSpace, image: &CrashImage) -> u64 {
        let cached = space.kept(image).filter(|(change, _)| change.key < IN_FLIGHT);
        let blocks = cached.flat_map(|(change, ranges)| {
            ranges.iter().cloned().flatten().map(|lba| (change.key, lba))
        });
        blocks.filter(|(order, lba)| self.cache.is_newest(*order, *lba)).count() as u64
    }
}

fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}
