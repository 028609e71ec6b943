//! A namespace: blocks behind a volatile cache.

mod history;
mod log;
mod power;
mod store;

use crate::admin::format::FormatRun;
use crate::block_set::BlockSet;
use crate::buffer::Spares;
use crate::cache::WriteCache;
use crate::crash::{Atomicity, WriteLog};
use crate::format::NamespaceFormat;
use crate::media::{Media, MediaError};
use crate::reservation::Reservations;
use crate::sick::SickBlocks;
use crate::{Event, GuestMemory, Observer};

use history::History;
pub(crate) use power::{Chance, IN_FLIGHT};

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
#[derive(Clone)]
pub(crate) struct Namespace {
    pub(crate) nsid: u32,
    pub(crate) format: NamespaceFormat,
    pub(crate) media: Box<dyn Media>,
    pub(crate) cache: WriteCache,
    pub(crate) reservations: Reservations,
    /// A Format NVM that is under way.
    pub(crate) format_run: Option<FormatRun>,
    /// Blocks of the media that were written and not deallocated since. What media held before the
    /// controller knew it counts as written, but if it was blank. What is only in the cache is not here.
    // Spec: NVM-CS-1.0c 3.2.3.2.1 "Deallocated or Unwritten Logical Blocks"
    allocation: BlockSet,
    cache_blocks_max: u64,
    pub(crate) atomicity: Atomicity,
    /// What was stored since somebody asked for it.
    pub(crate) log: Option<WriteLog>,
    /// The power was on ever since.
    pub(crate) is_logging: bool,
    /// The command that is executed; only kept up while logging.
    pub(crate) command: u64,
    /// Likewise: the volatile cache is switched on.
    pub(crate) is_cache_on: bool,
    /// Blocks of the media that Write Uncorrectable made unreadable.
    uncorrectable: SickBlocks,
    /// Blocks that were ever written, or made zeros, on the media.
    written: BlockSet,
    history: History,
    /// What the next writes are fetched into.
    pub(crate) spares: Spares,
}

impl std::fmt::Debug for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Namespace").field("nsid", &self.nsid).finish_non_exhaustive()
    }
}

impl Namespace {
    pub(crate) fn new(
        nsid: u32,
        media: Box<dyn Media>,
        cache_blocks_max: u32,
        atomicity: Atomicity,
    ) -> Self {
        let cache = WriteCache::new(media.size_blocks(), media.block_bytes());
        let written = BlockSet::new(media.size_blocks(), false);
        Self {
            nsid,
            format: NamespaceFormat::plain(media.block_bytes()),
            allocation: allocation_of(media.as_ref()),
            media,
            cache,
            format_run: None,
            reservations: Reservations::default(),
            cache_blocks_max: cache_blocks_max.into(),
            atomicity,
            log: None,
            is_logging: false,
            command: 0,
            is_cache_on: false,
            uncorrectable: SickBlocks::default(),
            written,
            history: History::default(),
            spares: Spares::default(),
        }
    }

    /// A namespace of this format, none of whose blocks was ever written.
    pub(crate) fn fresh(
        nsid: u32,
        media: Box<dyn Media>,
        format: NamespaceFormat,
        cache_blocks_max: u32,
        atomicity: Atomicity,
    ) -> Self {
        let blocks = media.size_blocks();
        let mut namespace = Self { format, ..Self::new(nsid, media, cache_blocks_max, atomicity) };
        namespace.allocation.remove(0..blocks);
        namespace
    }

    /// Puts other media, of perhaps another size, in the place of these. The cache must be empty. What is beyond the old
    /// end was never written.
    pub(crate) fn replace_media(&mut self, media: Box<dyn Media>) {
        let (size, before) = (media.size_blocks(), self.size_blocks());
        self.cache = WriteCache::new(size, media.block_bytes());
        self.written = self.written.resized(before, size);
        // A log is of one drive of one size.
        (self.log, self.is_logging) = (None, false);
        self.uncorrectable.heal(size, before.saturating_sub(size));
        self.allocation = self.allocation.resized(before, size);
        self.history = History::default();
        self.media = media;
    }

    pub(crate) fn size_blocks(&self) -> u64 {
        self.media.size_blocks()
    }

    /// Bytes of a block as it is stored: data and metadata.
    pub(crate) fn block_bytes(&self) -> u32 {
        self.media.block_bytes()
    }

    /// Bytes of all data, without metadata.
    pub(crate) fn size_bytes(&self) -> u128 {
        u128::from(self.size_blocks()).saturating_mul(self.format.data_bytes().into())
    }

    fn chunk(&self) -> usize {
        self.block_bytes().max(1) as usize
    }

    /// Whether all the blocks exist.
    pub(crate) fn has_blocks(&self, slba: u64, blocks: u64) -> bool {
        slba.checked_add(blocks).is_some_and(|end| end <= self.size_blocks())
    }

    /// Whether what is written comes from `memory` past the processor's caches: nobody looks at it on the way, since it has no
    /// protection information to be checked, nor soon.
    pub(crate) fn is_written_past_caches(&self, memory: &dyn GuestMemory) -> bool {
        self.format.protection.is_none() && memory.passes_caches() && self.media.outgrows_caches()
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

    /// Whole blocks, so many bytes, where they lie, if that is one piece of memory; otherwise they have to be read.
    pub(crate) fn view(
        &self,
        slba: u64,
        blocks: u64,
        length: usize,
        now_ns: u64,
        observer: &mut dyn Observer,
    ) -> Option<&[u8]> {
        if self.cache.dirty_blocks() > 0 {
            let (_, count, cached) = self.cache.runs(slba, blocks).next()?;
            if count < blocks || cached.is_some() {
                return cached.filter(|_| count >= blocks);
            }
        }
        let bytes = self.media.view(slba, length)?;
        let blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
        observer.event(now_ns, &Event::MediaRead { nsid: self.nsid, lba: slba, blocks });
        Some(bytes)
    }

    /// Makes blocks unreadable, on the media and at once, until it is written there again.
    pub(crate) fn spoil(&mut self, slba: u64, blocks: u64) {
        self.cache.forget(slba, blocks);
        self.allocation.add(slba..slba.saturating_add(blocks));
        self.uncorrectable.add(slba..slba.saturating_add(blocks));
    }

    /// Every block that cannot be read: it is bad on the media, and not in the cache.
    pub(crate) fn unreadable(&self) -> SickBlocks {
        let mut bad = self.uncorrectable.clone();
        for range in self.uncorrectable.ranges() {
            let blocks = range.end.saturating_sub(range.start);
            let runs = self.cache.runs(range.start, blocks);
            runs.filter(|(.., cached)| cached.is_some())
                .for_each(|(first, count, _)| bad.heal(first, count));
        }
        bad
    }

    /// The first of these blocks that cannot be read.
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

    /// The first of these blocks that was never written or deallocated since.
    pub(crate) fn first_deallocated(&self, slba: u64, blocks: u64) -> Option<u64> {
        let end = slba.saturating_add(blocks);
        let mut from = slba;
        loop {
            let hole = self.allocation.first(from..end, false)?;
            if !self.cache.has(hole) {
                return Some(hole);
            }
            from = hole.saturating_add(1);
        }
    }

    /// Blocks of zeros are there because somebody wrote them.
    pub(crate) fn keep_allocated(&mut self, slba: u64, blocks: u64) {
        self.allocation.add(slba..slba.saturating_add(blocks));
    }

    /// How many blocks so many bytes are.
    pub(crate) fn blocks_of(&self, bytes: usize) -> u64 {
        bytes.checked_div(self.chunk()).unwrap_or(0) as u64
    }

    /// Reads blocks unobserved: it is the bench that looks, not the controller.
    pub(crate) fn peek(&self, slba: u64, data: &mut [u8]) -> Result<(), MediaError> {
        self.read(slba, data, 0, &mut ())
    }

    /// Gives the namespace other blocks, all of them deallocated, for as many bytes of data as before if
    /// the media has room;
    /// `false` if the media cannot have such blocks.
    pub(crate) fn reformat(
        &mut self,
        format: NamespaceFormat,
        now_ns: u64,
        observer: &mut dyn Observer,
    ) -> Result<bool, MediaError> {
        self.format_run = None;
        let bytes = self.size_blocks().saturating_mul(self.format.data_bytes().into());
        let blocks = bytes.checked_div(format.data_bytes().into()).unwrap_or(0);
        let blocks = self.media.reshape(blocks, format.stored_bytes())?;
        if blocks == 0 {
            return Ok(false);
        }
        self.format = format;
        self.written = BlockSet::new(blocks, true);
        // A log is of one drive of one shape.
        (self.log, self.is_logging) = (None, false);
        self.cache = WriteCache::new(blocks, format.stored_bytes());
        self.uncorrectable = SickBlocks::default();
        self.history = History::default();
        self.allocation = BlockSet::new(blocks, false);
        observer.event(now_ns, &Event::MediaDiscard { nsid: self.nsid, lba: 0, blocks });
        Ok(true)
    }
}

/// What a controller that does not know media takes for written.
fn allocation_of(media: &dyn Media) -> BlockSet {
    BlockSet::new(media.size_blocks(), !media.is_blank())
}
