//! A namespace: blocks behind a volatile cache.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::cache::{CachedWrite, WriteCache};
use crate::media::{Media, MediaError};
use crate::sick::SickBlocks;
use crate::{Event, Observer};

/// How a write is to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// In the cache.
    Cached,
    /// On the media.
    Through,
    /// On the media, and the media made durable.
    ForceUnitAccess,
}

/// A namespace. Callers check ranges before they call.
pub(crate) struct Namespace {
    pub(crate) nsid: u32,
    pub(crate) media: Box<dyn Media>,
    pub(crate) cache: WriteCache,
    cache_blocks_max: u64,
    /// Blocks of the media that Write Uncorrectable made unreadable.
    uncorrectable: SickBlocks,
    /// What blocks held before they were written the last time; only kept while a rule wants it.
    previous: BTreeMap<u64, Box<[u8]>>,
}

impl std::fmt::Debug for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Namespace").field("nsid", &self.nsid).finish_non_exhaustive()
    }
}

impl Namespace {
    pub(crate) fn new(nsid: u32, media: Box<dyn Media>, cache_blocks_max: u32) -> Self {
        let cache = WriteCache::new(media.size_blocks(), media.block_bytes());
        Self {
            nsid,
            media,
            cache,
            cache_blocks_max: cache_blocks_max.into(),
            uncorrectable: SickBlocks::default(),
            previous: BTreeMap::new(),
        }
    }

    /// Puts other media, of perhaps another size, in the place of these. The cache must be empty.
    pub(crate) fn replace_media(&mut self, media: Box<dyn Media>) {
        let (size, before) = (media.size_blocks(), self.size_blocks());
        self.cache = WriteCache::new(size, media.block_bytes());
        self.uncorrectable.heal(size, before.saturating_sub(size));
        self.previous.clear();
        self.media = media;
    }

    pub(crate) fn size_blocks(&self) -> u64 {
        self.media.size_blocks()
    }

    pub(crate) fn block_bytes(&self) -> u32 {
        self.media.block_bytes()
    }

    pub(crate) fn size_bytes(&self) -> u128 {
        u128::from(self.size_blocks()).saturating_mul(self.block_bytes().into())
    }

    /// The ranges that Write Uncorrectable made unreadable.
    pub(crate) fn unreadable(&self) -> impl Iterator<Item = Range<u64>> {
        self.uncorrectable.ranges().into_iter()
    }

    fn chunk(&self) -> usize {
        self.block_bytes().max(1) as usize
    }

    /// Whether all the blocks exist.
    pub(crate) fn has_blocks(&self, slba: u64, blocks: u64) -> bool {
        slba.checked_add(blocks).is_some_and(|end| end <= self.size_blocks())
    }

    /// Reads whole blocks, each from the cache or the media.
    pub(crate) fn read(
        &self,
        slba: u64,
        data: &mut [u8],
        now_ns: u64,
        observer: &mut dyn Observer,
    ) -> Result<(), MediaError> {
        let chunk = self.chunk();
        let bytes = |blocks: u64| usize::try_from(blocks).unwrap_or(0).saturating_mul(chunk);
        let blocks = self.blocks_of(data.len());
        let mut rest = data;
        let mut runs = self.cache.runs(slba, blocks).peekable();
        while let Some((first, mut count, cached)) = runs.next() {
            while let Some((_, more, _)) =
                runs.next_if(|(_, _, next)| cached.is_none() && next.is_none())
            {
                count = count.saturating_add(more);
            }
            let Some((to, after)) = rest.split_at_mut_checked(bytes(count)) else {
                break;
            };
            rest = after;
            match cached {
                Some(bytes) => to.copy_from_slice(bytes),
                None => {
                    self.media.read(first, to)?;
                    let blocks = u32::try_from(count).unwrap_or(u32::MAX);
                    let read = Event::MediaRead { nsid: self.nsid, lba: first, blocks };
                    observer.event(now_ns, &read);
                }
            }
        }
        Ok(())
    }

    /// Makes blocks unreadable, on the media and at once, until it is written there again.
    pub(crate) fn spoil(&mut self, slba: u64, blocks: u64) {
        self.cache.forget(slba, blocks);
        self.uncorrectable.add(slba..slba.saturating_add(blocks));
    }

    /// The first of these blocks that cannot be read: it is bad on the media, and not in the cache.
    pub(crate) fn first_unreadable(&self, slba: u64, blocks: u64) -> Option<u64> {
        let end = slba.saturating_add(blocks);
        let mut from = slba;
        loop {
            let bad = self.uncorrectable.first_of(from, end.saturating_sub(from))?;
            if !self.cache.has(bad) {
                return Some(bad);
            }
            from = bad.saturating_add(1);
        }
    }

    /// How many blocks so many bytes are.
    pub(crate) fn blocks_of(&self, bytes: usize) -> u64 {
        bytes.checked_div(self.chunk()).unwrap_or(0) as u64
    }

    /// Reads blocks unobserved: it is the bench that looks, not the controller.
    pub(crate) fn peek(&self, slba: u64, data: &mut [u8]) -> Result<(), MediaError> {
        self.read(slba, data, 0, &mut ())
    }

    /// Keeps what blocks hold that are about to be written.
    pub(crate) fn remember(&mut self, slba: u64, blocks: u64) -> Result<(), MediaError> {
        for lba in slba..slba.saturating_add(blocks) {
            let mut block = vec![0; self.chunk()];
            self.peek(lba, &mut block)?;
            self.previous.insert(lba, block.into());
        }
        Ok(())
    }

    /// Puts what was kept over blocks that were read.
    pub(crate) fn recall(&self, slba: u64, data: &mut [u8]) {
        for (lba, block) in (slba..).zip(data.chunks_mut(self.chunk())) {
            if let Some(previous) = self.previous.get(&lba) {
                block.copy_from_slice(previous);
            }
        }
    }

    /// Writes whole blocks.
    pub(crate) fn write(
        &mut self,
        slba: u64,
        data: Vec<u8>,
        durability: Durability,
        now_ns: u64,
        observer: &mut dyn Observer,
    ) -> Result<(), MediaError> {
        let blocks = data.len().checked_div(self.chunk()).unwrap_or(0);
        let blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
        let nsid = self.nsid;
        if durability == Durability::Cached {
            let order = self.cache.store(slba, Arc::new(data));
            observer.event(now_ns, &Event::CacheStore { nsid, lba: slba, blocks, order });
            return self.evict(now_ns, observer);
        }
        self.cache.forget(slba, blocks.into());
        let whole = slba..slba.saturating_add(blocks.into());
        self.write_run(&CachedWrite { slba, data: Arc::new(data) }, &whole, now_ns, observer)?;
        if durability == Durability::ForceUnitAccess {
            self.media.flush()?;
        }
        Ok(())
    }

    /// Makes blocks read as zeros, at once and on the media.
    pub(crate) fn zero(
        &mut self,
        slba: u64,
        blocks: u64,
        now_ns: u64,
        observer: &mut dyn Observer,
    ) -> Result<(), MediaError> {
        if blocks == 0 {
            return Ok(());
        }
        self.cache.forget(slba, blocks);
        self.media.discard(slba, blocks)?;
        self.uncorrectable.heal(slba, blocks);
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
        while let Some(leaving) = self.cache.take_oldest() {
            for run in &leaving.newest {
                self.write_run(&leaving.write, run, now_ns, observer)?;
            }
        }
        self.media.flush()?;
        observer.event(now_ns, &Event::Flush { nsid: self.nsid, blocks });
        Ok(())
    }

    fn evict(&mut self, now_ns: u64, observer: &mut dyn Observer) -> Result<(), MediaError> {
        while self.cache.held_blocks() > self.cache_blocks_max {
            let Some(leaving) = self.cache.take_oldest() else {
                break;
            };
            let (lba, order) = (leaving.write.slba, leaving.order);
            let blocks = u32::try_from(leaving.blocks).unwrap_or(u32::MAX);
            observer.event(now_ns, &Event::CacheEvict { nsid: self.nsid, lba, blocks, order });
            for run in &leaving.newest {
                self.write_run(&leaving.write, run, now_ns, observer)?;
            }
        }
        Ok(())
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
            self.media.write_shared(run.start, &write.data)?;
        } else {
            self.media.write(run.start, bytes)?;
        }
        let count = run.end.saturating_sub(run.start);
        self.uncorrectable.heal(run.start, count);
        let blocks = u32::try_from(count).unwrap_or(u32::MAX);
        observer.event(now_ns, &Event::MediaWrite { nsid: self.nsid, lba: run.start, blocks });
        Ok(())
    }
}
