//! Transactions: all of a change or nothing of it.
//!
//! A transaction reserves its share of the next log batch before it does anything; this is where it may
//! wait for the log. After that it only works in memory, on copies, until `commit` puts them in place.
//! Dropped without commit, it gives its allocations back and nothing has changed.
//!
//! Invariant: nothing waits for the device between `begin` and `commit`, so the bitmap never shows
//! half of someone else's transaction.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::mem::take;

use block::BlockDevice;
use iomap::{Context, Errno};

use crate::directory::DirectoryBlock;
use crate::events::Event;
use crate::format::{Image, bitmap, directory};
use crate::inode::{Incore, Inode};
use crate::log::Freed;
use crate::space::{Run, bitmap_indices};
use crate::state::{Core, State};

/// A change in the making.
pub(crate) struct Transaction<'a, D: BlockDevice> {
    core: &'a Core<D>,
    context: Context,
    reserved: u64,
    taken: Vec<Run>,
    freed: Vec<Freed>,
    inodes: BTreeMap<u64, Inode>,
    removed: Vec<u64>,
    directory: BTreeMap<usize, DirectoryBlock>,
    is_open: bool,
}

impl<'a, D: BlockDevice> Transaction<'a, D> {
    /// Reserves room for `blocks` changed blocks in the log. May force the log to make room.
    ///
    /// # Errors
    /// `EIO` after a shutdown; what a log force gives; `EFBIG` for more than a batch can hold.
    pub(crate) fn begin(core: &'a Core<D>, blocks: u64, context: Context) -> Result<Self, Errno> {
        core.check_alive()?;
        if blocks > core.state().log.batch_max() {
            return Err(Errno::EFBIG);
        }
        if !core.state().log.has_room(blocks) {
            core.log_force(context)?;
            core.check_alive()?;
        }
        {
            let mut state = core.state();
            if !state.log.has_room(blocks) {
                // Other open transactions hold the rest; with one task there are none.
                return Err(Errno::EDEADLK);
            }
            state.log.reserved = state.log.reserved.saturating_add(blocks);
        }
        core.emit(Event::TxnBegin { context, reserved: u32::try_from(blocks).unwrap_or(u32::MAX) });
        Ok(Self {
            core,
            context,
            reserved: blocks,
            taken: Vec::new(),
            freed: Vec::new(),
            inodes: BTreeMap::new(),
            removed: Vec::new(),
            directory: BTreeMap::new(),
            is_open: true,
        })
    }

    /// Allocates up to `wanted` blocks in one run, at `goal` if possible.
    ///
    /// # Errors
    /// `ENOSPC`.
    pub(crate) fn alloc(&mut self, ino: u64, goal: Option<u64>, wanted: u64) -> Result<Run, Errno> {
        let run = self.core.state().space.take(goal, wanted).ok_or(Errno::ENOSPC)?;
        self.taken.push(run);
        self.core.emit(Event::Alloc {
            ino,
            context: self.context,
            block: run.start,
            blocks: u32::try_from(run.blocks).unwrap_or(u32::MAX),
        });
        Ok(run)
    }

    /// Allocates a block for metadata of `ino`.
    ///
    /// # Errors
    /// `ENOSPC`.
    pub(crate) fn alloc_metadata(&mut self, ino: u64) -> Result<u64, Errno> {
        self.alloc(ino, None, 1).map(|run| run.start)
    }

    /// Frees a run of `ino` at commit.
    ///
    /// # Errors
    /// `EUCLEAN` and a shutdown if the run is free already.
    pub(crate) fn free(&mut self, ino: u64, run: Run, is_metadata: bool) -> Result<(), Errno> {
        if !self.core.state().space.is_used(run) {
            return Err(self.core.inconsistent("a block that is freed is free already"));
        }
        self.freed.push(Freed { run, is_metadata });
        self.core.emit(Event::Free {
            ino,
            context: self.context,
            block: run.start,
            blocks: u32::try_from(run.blocks).unwrap_or(u32::MAX),
        });
        Ok(())
    }

    /// The inode will look like this.
    pub(crate) fn put_inode(&mut self, ino: u64, inode: Inode) {
        self.inodes.insert(ino, inode);
    }

    /// The inode will be gone.
    pub(crate) fn remove_inode(&mut self, ino: u64) {
        self.removed.push(ino);
    }

    /// The `index`-th block of the root directory will look like this.
    pub(crate) fn put_directory_block(&mut self, index: usize, block: DirectoryBlock) {
        self.directory.insert(index, block);
    }

    /// Makes the change real, in memory; a log force makes it durable.
    ///
    /// # Errors
    /// `EIO` after a shutdown; `EUCLEAN` and a shutdown if the reservation was too small or a block
    /// was freed twice. Nothing has changed then.
    pub(crate) fn commit(mut self) -> Result<(), Errno> {
        self.core.check_alive()?;
        let core = self.core;
        let freed = take(&mut self.freed);
        {
            let state = &mut *core.state();
            for Freed { run, .. } in &freed {
                state.space.free_run(*run);
            }
        }
        let images = self.images(&freed);
        if images.len() as u64 > self.reserved {
            return Err(core.inconsistent("a transaction is larger than its reservation"));
        }
        let blocks = u32::try_from(images.len()).unwrap_or(u32::MAX);
        {
            let state = &mut *core.state();
            state.log.pending.extend(images);
            state.log.freed_pending.extend(freed);
            self.install(state);
            state.log.reserved = state.log.reserved.saturating_sub(self.reserved);
        }
        self.is_open = false;
        core.emit(Event::TxnCommit { context: self.context, blocks });
        Ok(())
    }

    /// Every block that this transaction changes.
    fn images(&self, freed: &[Freed]) -> BTreeMap<u64, Image> {
        let layout = &self.core.layout;
        let mut images = BTreeMap::new();
        for (ino, inode) in &self.inodes {
            images.extend(inode.images(layout, *ino));
        }
        for block in self.directory.values() {
            let image = directory::encode(layout, block.block, layout.root, &block.entries);
            images.insert(block.block, image);
        }
        let runs = self.taken.iter().copied().chain(freed.iter().map(|freed| freed.run));
        let indices: BTreeSet<u64> = runs.flat_map(bitmap_indices).collect();
        let state = self.core.state();
        for index in indices {
            let image = bitmap::encode(layout, index, state.space.words(index));
            images.insert(layout.bitmap_start.saturating_add(index), image);
        }
        images
    }

    fn install(&mut self, state: &mut State) {
        let epoch = state.log.epoch;
        for (ino, mut inode) in take(&mut self.inodes) {
            inode.map.settle();
            let incore = state.inodes.entry(ino).or_insert_with(|| Incore::new(inode.clone()));
            incore.inode = inode;
            incore.epoch = epoch;
            incore.cookie = incore.cookie.saturating_add(1);
        }
        for ino in take(&mut self.removed) {
            state.inodes.remove(&ino);
        }
        for (index, block) in take(&mut self.directory) {
            match state.directory.blocks.get_mut(index) {
                Some(slot) => *slot = block,
                None => state.directory.blocks.push(block),
            }
        }
    }
}

impl<D: BlockDevice> Drop for Transaction<'_, D> {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        {
            let state = &mut *self.core.state();
            for run in take(&mut self.taken) {
                state.space.untake(run);
            }
            state.log.reserved = state.log.reserved.saturating_sub(self.reserved);
        }
        self.core.emit(Event::TxnCancel { context: self.context });
    }
}

impl DirectoryBlock {
    /// The same block with other entries.
    pub(crate) fn with_entries(&self, entries: Vec<directory::Entry>) -> Self {
        Self { block: self.block, entries: Rc::new(entries) }
    }
}
