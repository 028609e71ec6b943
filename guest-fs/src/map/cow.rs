//! Copy on write: a write to shared blocks goes to new ones, which replace them when it is done.
//!
//! As XFS: a transaction at submission allocates the new blocks and notes them as *staging*; a transaction
//! at completion puts them into the map and gives up the shared ones. A crash in between leaves a staging
//! note, and the next mount frees the blocks. Writes are whole blocks, so nothing is copied.

use block::BlockDevice;
use iomap::{Context, Errno};

use super::unmap::release;
use crate::events::Event;
use crate::extent::{self, Extent};
use crate::inode::update;
use crate::meta::Fault;
use crate::planted::Planted;
use crate::refcount;
use crate::space::Run;
use crate::state::Core;
use crate::txn::{Transaction, cost};

impl<D: BlockDevice> Core<D> {
    /// New blocks for a write of up to `blocks` shared blocks at `file_block`.
    ///
    /// # Errors
    /// `ENOSPC`, `EIO` after a shutdown, what a log force gives.
    pub(crate) fn stage(
        &self,
        ino: u64,
        file_block: u64,
        blocks: u64,
        context: Context,
    ) -> Result<Extent, Errno> {
        if let Some(staged) = self.staged_at(ino, file_block)? {
            return Ok(staged);
        }
        self.with_space(context, || self.try_stage(ino, file_block, blocks, context, false))
    }

    /// [`Core::stage`] of blocks that were promised to dirty pages.
    ///
    /// # Errors
    /// As there; `ENOSPC` would be a bug of the promise.
    pub(super) fn stage_promised(
        &self,
        ino: u64,
        file_block: u64,
        blocks: u64,
        context: Context,
    ) -> Result<Extent, Errno> {
        self.with_space(context, || self.try_stage(ino, file_block, blocks, context, true))
    }

    /// What is staged at `file_block`.
    pub(super) fn staged_at(&self, ino: u64, file_block: u64) -> Result<Option<Extent>, Errno> {
        self.with_inode(ino, |incore| {
            let (_, staged) = incore.staged.range(..=file_block).next_back()?;
            (file_block < staged.file_end()).then_some(*staged)
        })
    }

    fn try_stage(
        &self,
        ino: u64,
        file_block: u64,
        blocks: u64,
        context: Context,
        is_promised: bool,
    ) -> Result<Extent, Fault> {
        let whole = Extent { file_block, block: 0, blocks, is_unwritten: false };
        let take_last = is_promised;
        self.stage_extent(ino, whole, true, take_last, context)
    }

    /// New blocks for a piece of a file that is to be moved: anywhere but behind it, up to as many as it has.
    ///
    /// # Errors
    /// `ENOSPC`, `EIO` after a shutdown, what a log force gives.
    pub(crate) fn stage_to_move(
        &self,
        ino: u64,
        piece: Extent,
        context: Context,
    ) -> Result<Extent, Errno> {
        self.with_space(context, || self.stage_extent(ino, piece, false, false, context))
    }

    /// Stages blocks for `whole` (its device block does not count), next to what is before it in the file if
    /// `is_near`.
    fn stage_extent(
        &self,
        ino: u64,
        whole: Extent,
        is_near: bool,
        take_last: bool,
        context: Context,
    ) -> Result<Extent, Fault> {
        let Extent { file_block, blocks, is_unwritten, .. } = whole;
        let reserved = cost::owner_change(self)?.saturating_add(cost::SPACE);
        let mut txn = Transaction::begin(self, reserved, context)?;
        if take_last {
            txn = txn.with_reserve();
        }
        let _lock = self.lock_inode(ino, context, false)?;
        if let Some(staged) = self.staged_at(ino, file_block)? {
            return Ok(staged);
        }
        let next = self.next_staged(ino, file_block, u64::MAX)?;
        let next = next.map_or(u64::MAX, |staged| staged.file_block);
        let mut wanted = next.saturating_sub(file_block).min(blocks);
        if take_last {
            // Of what is promised, only what still waits to be written: whatever else is staged here would take the place
            // of direct I/O that is under way.
            let claim = self.claim_at(ino, file_block)?;
            wanted = wanted.min(claim.map_or(1, |claim| claim.end.saturating_sub(claim.start)));
        }
        let before = extent::before(&txn, ino, file_block)?;
        let goal = before.map_or(ino, |extent| extent.end());
        let run = txn.alloc(ino, is_near.then_some(goal), wanted)?;
        if !self.plant.has(Planted::StagingNotNoted) {
            refcount::stage(&mut txn, run)?;
        }
        txn.commit()?;
        let staged = Extent { file_block, block: run.start, blocks: run.blocks, is_unwritten };
        self.with_inode(ino, |incore| incore.staged.insert(file_block, staged))?;
        Ok(staged)
    }

    /// The staged blocks in `[start, end)` hold what was written: they replace the shared ones. With
    /// the last of them the file becomes at least `size` bytes long.
    ///
    /// # Errors
    /// `ENOSPC` for a tree node, `EIO` after a shutdown, what a log force gives.
    pub(crate) fn finish_staged(
        &self,
        ino: u64,
        start: u64,
        end: u64,
        size: u64,
        context: Context,
    ) -> Result<(), Errno> {
        let mut at = start;
        while let Some(staged) = self.next_staged(ino, at, end)? {
            let piece = staged.part(at, end);
            let replace = || self.replace_shared(ino, staged, piece, size, context);
            let Some(done) = self.with_space(context, replace)? else { continue };
            self.emit(Event::CowDone {
                ino,
                context,
                file_block: piece.file_block,
                blocks: u32::try_from(done.saturating_sub(piece.file_block)).unwrap_or(u32::MAX),
            });
            at = done;
        }
        Ok(())
    }

    /// The first staged extent that has blocks in `[start, end)`.
    pub(super) fn next_staged(
        &self,
        ino: u64,
        start: u64,
        end: u64,
    ) -> Result<Option<Extent>, Errno> {
        if let Some(staged) = self.staged_at(ino, start)?.filter(|_| start < end) {
            return Ok(Some(staged));
        }
        self.with_inode(ino, |incore| {
            incore.staged.range(start..end.max(start)).next().map(|(_, staged)| *staged)
        })
    }

    /// Puts the first part of `piece` into the map, as far as the blocks that it replaces are alike.
    /// Gives the file block where to go on; `None` if another task has changed what is staged.
    fn replace_shared(
        &self,
        ino: u64,
        staged: Extent,
        piece: Extent,
        size: u64,
        context: Context,
    ) -> Result<Option<u64>, Fault> {
        let map = cost::map_change(self, ino)?.saturating_mul(2);
        let owners = cost::owner_change(self)?.saturating_mul(2);
        let reserved = map.saturating_add(owners).saturating_add(cost::INODE);
        let mut txn = Transaction::begin(self, reserved, context)?.with_reserve();
        let _lock = self.lock_inode(ino, context, false)?;
        if self.staged_at(ino, staged.file_block)? != Some(staged) {
            return Ok(None);
        }
        let mut piece = piece;
        if let Some(old) = extent::next(&txn, ino, piece.file_block)? {
            if old.file_block > piece.file_block {
                piece = piece.part(0, old.file_block);
            } else {
                let old = old.part(piece.file_block, piece.file_end());
                let run = Run { start: old.block, blocks: old.blocks };
                let alike = refcount::first_alike(&txn, run)?.run;
                piece.blocks = alike.blocks;
                extent::cut(&mut txn, ino, piece.file_block, piece.file_end())?;
                release(&mut txn, ino, alike, true)?;
                update(&mut txn, ino, |fields| {
                    fields.blocks = fields.blocks.saturating_sub(alike.blocks);
                })?;
            }
        }
        let rest = restage(&mut txn, staged, piece)?;
        extent::add(&mut txn, ino, piece)?;
        let now = self.now_ns();
        update(&mut txn, ino, |fields| {
            fields.blocks = fields.blocks.saturating_add(piece.blocks);
            fields.size = fields.size.max(size);
            (fields.times.mtime_ns, fields.times.ctime_ns) = (now, now);
        })?;
        txn.commit()?;
        self.with_inode(ino, |incore| incore.put_back_staged(staged, rest))?;
        Ok(Some(piece.file_end()))
    }

    /// Gives up what is staged in `[start, end)`. What lies outside may be on its way to the device.
    ///
    /// # Errors
    /// `EIO` after a shutdown, what a log force gives.
    pub(crate) fn unstage(
        &self,
        ino: u64,
        start: u64,
        end: u64,
        context: Context,
    ) -> Result<(), Errno> {
        while let Some(staged) = self.next_staged(ino, start, end)? {
            let gone = staged.part(start, end);
            self.with_space(context, || self.forget_staged(ino, staged, gone, context))?;
        }
        Ok(())
    }

    /// Frees the part `gone` of a staged extent, if it still is one.
    fn forget_staged(
        &self,
        ino: u64,
        staged: Extent,
        gone: Extent,
        context: Context,
    ) -> Result<(), Fault> {
        let mut txn = Transaction::begin(self, cost::owner_change(self)?, context)?.with_reserve();
        let _lock = self.lock_inode(ino, context, false)?;
        if self.staged_at(ino, staged.file_block)? != Some(staged) {
            return Ok(());
        }
        let rest = restage(&mut txn, staged, gone)?;
        txn.free(ino, Run { start: gone.block, blocks: gone.blocks })?;
        txn.commit()?;
        self.with_inode(ino, |incore| incore.put_back_staged(staged, rest))?;
        Ok(())
    }

    /// Frees a staging run that a crash has left.
    ///
    /// # Errors
    /// What the tree and the bitmap give.
    pub(crate) fn free_staged(&self, ino: u64, run: Run, context: Context) -> Result<(), Fault> {
        let reserved = cost::owner_change(self)?;
        let mut txn = Transaction::begin(self, reserved, context)?.with_reserve();
        refcount::unstage(&mut txn, run.start)?;
        txn.free(ino, run)?;
        txn.commit()?;
        Ok(())
    }
}

/// The note on a staged extent goes; what of it is not in `piece` gets notes of its own. Gives that.
fn restage<D: BlockDevice>(
    txn: &mut Transaction<'_, D>,
    staged: Extent,
    piece: Extent,
) -> Result<[Extent; 2], Fault> {
    refcount::unstage(txn, staged.block)?;
    let rest = [staged.part(0, piece.file_block), staged.part(piece.file_end(), u64::MAX)];
    for rest in rest.iter().filter(|rest| rest.blocks > 0) {
        refcount::stage(txn, Run { start: rest.block, blocks: rest.blocks })?;
    }
    Ok(rest)
}
