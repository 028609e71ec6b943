//! Taking blocks out of a file, a bounded piece a transaction.

use block::BlockDevice;
use iomap::{Context, Errno};

use crate::extent;
use crate::inode::{fields, update};
use crate::meta::Fault;
use crate::refcount;
use crate::space::Run;
use crate::state::Core;
use crate::txn::{Transaction, cost};

/// Room for so many pieces that share no block is reserved, if the log is large enough.
const PIECES: u64 = 8;

/// The most pieces of one transaction: they usually share their blocks.
const PIECES_MAX: u64 = 256;

impl<D: BlockDevice> Core<D> {
    /// Takes every block in `[start, end)` out of the file. Cut off by a crash, some are gone.
    ///
    /// # Errors
    /// `ENOSPC` for a tree node, `EIO` after a shutdown, what a log force gives.
    pub(crate) fn unmap(
        &self,
        ino: u64,
        start: u64,
        end: u64,
        context: Context,
    ) -> Result<(), Errno> {
        while self.with_space(context, || self.unmap_some(ino, start, end, context))? {}
        self.unstage(ino, start, end, context)
    }

    /// True if there may be more.
    fn unmap_some(&self, ino: u64, start: u64, end: u64, context: Context) -> Result<bool, Fault> {
        match extent::next(self, ino, start)? {
            Some(extent) if extent.file_block < end => {}
            _ => return Ok(false),
        }
        let one = self.unmap_cost(ino)?;
        // Not more than a part of a batch, or every removal would force the log.
        let most = self.state().log.batch_max() / 4;
        let reserved = one.saturating_mul(PIECES).min(most).max(one);
        let mut txn = Transaction::begin(self, reserved, context)?.with_reserve();
        let _lock = self.lock_inode(ino, context, false)?;
        let mut is_more = true;
        let mut pieces = 0..PIECES_MAX;
        while is_more && txn.has_room(one) && pieces.next().is_some() {
            is_more = unmap_one(&mut txn, ino, start, end)?;
        }
        let now = self.now_ns();
        update(&mut txn, ino, |fields| {
            (fields.times.mtime_ns, fields.times.ctime_ns) = (now, now);
        })?;
        txn.commit()?;
        Ok(is_more)
    }

    /// Blocks that taking one piece out can change.
    pub(crate) fn unmap_cost(&self, ino: u64) -> Result<u64, Fault> {
        let owners =
            if fields(self, ino)?.is_reflink() { cost::owner_change(self)? } else { cost::SPACE };
        Ok(cost::map_change(self, ino)?.saturating_add(owners).saturating_add(cost::INODE))
    }
}

/// Takes the first piece in `[start, end)` out of the file. False if there was none.
///
/// # Errors
/// What the trees and bitmaps give.
pub(crate) fn unmap_one<D: BlockDevice>(
    txn: &mut Transaction<'_, D>,
    ino: u64,
    start: u64,
    end: u64,
) -> Result<bool, Fault> {
    let Some(whole) = extent::next(txn, ino, start)?.filter(|e| e.file_block < end) else {
        return Ok(false);
    };
    let is_reflink = fields(txn, ino)?.is_reflink();
    let mut piece = whole.part(start, end);
    if is_reflink {
        let run = Run { start: piece.block, blocks: piece.blocks };
        piece.blocks = refcount::first_alike(txn, run)?.run.blocks;
    }
    extent::cut(txn, ino, piece.file_block, piece.file_end())?;
    let run = Run { start: piece.block, blocks: piece.blocks };
    release(txn, ino, run, is_reflink)?;
    update(txn, ino, |fields| fields.blocks = fields.blocks.saturating_sub(piece.blocks))?;
    Ok(true)
}

/// A run of blocks, all alike, belongs to one file less.
///
/// # Errors
/// What the tree and the bitmap give.
pub(crate) fn release<D: BlockDevice>(
    txn: &mut Transaction<'_, D>,
    ino: u64,
    run: Run,
    is_reflink: bool,
) -> Result<(), Fault> {
    if is_reflink && refcount::decrease(txn, run)?.owners > 0 {
        txn.note_unshared(run);
        return Ok(());
    }
    txn.free(ino, run)
}
