//! The way of a block to the media: through the cache or past it.

use std::ops::Range;

use super::{Durability, Namespace};
use crate::buffer::Buffer;
use crate::cache::CachedWrite;
use crate::crash::{Content, Op};
use crate::media::MediaError;
use crate::{Event, Observer};

impl Namespace {
    /// Writes whole blocks; returns how many.
    pub(crate) fn write(
        &mut self,
        slba: u64,
        data: Buffer,
        durability: Durability,
        now_ns: u64,
        observer: &mut dyn Observer,
    ) -> Result<u64, MediaError> {
        let count = self.blocks_of(data.len());
        let (nsid, data) = (self.nsid, data.share());
        self.log_write(slba, &data, durability)?;
        if durability == Durability::Cached {
            let order = self.cache.store(slba, data);
            let blocks = u32::try_from(count).unwrap_or(u32::MAX);
            observer.event(now_ns, &Event::CacheStore { nsid, lba: slba, blocks, order });
            return self.evict(now_ns, observer).map(|()| count);
        }
        self.cache.forget(slba, count);
        let whole = slba..slba.saturating_add(count);
        let before = self.media.write_shared(slba, data)?;
        before.into_iter().for_each(|bytes| self.spares.give(bytes));
        self.note_written(&whole, now_ns, observer);
        if durability == Durability::ForceUnitAccess {
            self.media.flush()?;
        }
        Ok(count)
    }

    /// Makes blocks read as zeros, at once and on the media.
    pub(crate) fn zero(
        &mut self,
        slba: u64,
        blocks: u64,
        now_ns: u64,
        observer: &mut dyn Observer,
    ) -> Result<(), MediaError> {
        let is_durable = !self.is_cache_on;
        self.make_zeros(slba, blocks, is_durable, now_ns, observer)
    }

    /// Makes all blocks read as zeros, for good: no power cut brings back anything that was there.
    pub(crate) fn erase(
        &mut self,
        now_ns: u64,
        observer: &mut dyn Observer,
    ) -> Result<(), MediaError> {
        self.make_zeros(0, self.size_blocks(), true, now_ns, observer)?;
        self.media.flush()
    }

    fn make_zeros(
        &mut self,
        slba: u64,
        blocks: u64,
        is_durable: bool,
        now_ns: u64,
        observer: &mut dyn Observer,
    ) -> Result<(), MediaError> {
        if blocks == 0 {
            return Ok(());
        }
        let content = Content::Zeros;
        self.log_op(Op::Change { slba, blocks, content, is_durable })?;
        self.cache.forget(slba, blocks);
        self.media.discard(slba, blocks)?;
        self.settle(&(slba..slba.saturating_add(blocks)));
        self.allocation.remove(slba..slba.saturating_add(blocks));
        observer.event(now_ns, &Event::MediaDiscard { nsid: self.nsid, lba: slba, blocks });
        Ok(())
    }

    /// Empties the cache to the media, oldest write first, and makes the media durable.
    pub(crate) fn flush(
        &mut self,
        now_ns: u64,
        observer: &mut dyn Observer,
    ) -> Result<(), MediaError> {
        let blocks = self.cache.dirty_blocks();
        while let Some(leaving) = self.cache.take_oldest(&self.atomicity) {
            for run in &leaving.runs {
                self.write_run(&leaving.write, run, now_ns, observer)?;
            }
        }
        self.media.flush()?;
        self.log_op(Op::Flush)?;
        observer.event(now_ns, &Event::Flush { nsid: self.nsid, blocks });
        Ok(())
    }

    fn evict(&mut self, now_ns: u64, observer: &mut dyn Observer) -> Result<(), MediaError> {
        while self.cache.held_blocks() > self.cache_blocks_max {
            let Some(leaving) = self.cache.take_oldest(&self.atomicity) else {
                break;
            };
            let (lba, order) = (leaving.write.slba, leaving.order);
            let blocks = u32::try_from(leaving.blocks).unwrap_or(u32::MAX);
            observer.event(now_ns, &Event::CacheEvict { nsid: self.nsid, lba, blocks, order });
            for run in &leaving.runs {
                self.write_run(&leaving.write, run, now_ns, observer)?;
            }
            self.spares.give(leaving.write.data);
        }
        Ok(())
    }

    /// These blocks are new on the media: what was bad there is good.
    pub(super) fn settle(&mut self, range: &Range<u64>) {
        let count = range.end.saturating_sub(range.start);
        self.uncorrectable.heal(range.start, count);
        self.allocation.add(range.clone());
        self.written.add(range.clone());
    }

    /// The blocks of a range that were never written on the media.
    pub(crate) fn never_written(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let end = range.end.min(self.size_blocks());
        self.written.parts(range.start..end, false)
    }

    /// Writes some blocks of a write to the media.
    fn write_run(
        &mut self,
        write: &CachedWrite,
        run: &Range<u64>,
        now_ns: u64,
        observer: &mut dyn Observer,
    ) -> Result<(), MediaError> {
        let Some(bytes) = write.blocks(run, self.chunk()) else {
            unreachable!("the cache hands out runs of the write itself");
        };
        if bytes.len() == write.data.len() {
            let before = self.media.write_shared(run.start, write.data.clone())?;
            before.into_iter().for_each(|bytes| self.spares.give(bytes));
        } else {
            self.media.write(run.start, bytes)?;
        }
        self.note_written(run, now_ns, observer);
        Ok(())
    }

    /// Blocks were written to the media.
    fn note_written(&mut self, run: &Range<u64>, now_ns: u64, observer: &mut dyn Observer) {
        self.settle(run);
        let count = run.end.saturating_sub(run.start);
        let blocks = u32::try_from(count).unwrap_or(u32::MAX);
        observer.event(now_ns, &Event::MediaWrite { nsid: self.nsid, lba: run.start, blocks });
    }
}
