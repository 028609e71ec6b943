//! The mapping of writeback, and what is done when an ioend is on the device.
//!
//! As Linux `xfs_map_blocks`, `xfs_end_ioend` and `xfs_discard_folio`: this is where delayed allocation becomes
//! blocks, as unwritten ones, so that a crash before the data is there shows zeros and never what the
//! blocks held before.

use block::BlockDevice;
use iomap::{
    BufferedOps, Context, Errno, Intent, Ioend, IoendKind, Iomap, MapFlags, MapKind, WritebackOps,
};

use super::BufferedIomap;
use super::dio_iomap::staged_map;
use crate::filesystem::Ino;
use crate::format::BLOCK_BYTES;
use crate::planted::Planted;
use crate::state::Core;

impl<D: BlockDevice> Core<D> {
    fn map_for_writeback(&self, ino: u64, pos: u64, context: Context) -> Result<Iomap, Errno> {
        self.check_alive()?;
        let first = pos / BLOCK_BYTES;
        let look = || {
            let map = self.dio_look(ino, pos, Intent::WRITE, context);
            map.map_err(|fault| self.errno(fault))
        };
        let mut map = look()?;
        if let Some(staged) = self.staged_at(ino, first)? {
            self.unreserve(ino, &(first..staged.file_end()), context);
            map.validity_cookie = look()?.validity_cookie;
            return Ok(staged_map(staged.part(first, u64::MAX), map));
        }
        if map.kind == MapKind::Delalloc {
            let claim = self.claim_at(ino, first)?.ok_or(Errno::EIO)?;
            let blocks = claim.end.saturating_sub(first);
            let (extent, is_new) = self.allocate_promised(ino, first, blocks, context)?;
            if !self.plant.has(Planted::ClaimsKept) {
                self.unreserve(ino, &(extent.file_block.max(first)..extent.file_end()), context);
            }
            map = look()?;
            map.flags.set(MapFlags::NEW, is_new);
            return Ok(map);
        }
        let end = map.offset.saturating_add(map.length) / BLOCK_BYTES;
        if map.kind == MapKind::Mapped && map.flags.contains(MapFlags::SHARED) {
            let claim = self.claim_at(ino, first)?;
            let claimed = claim.map_or(1, |claim| claim.end.saturating_sub(first));
            let blocks = claimed.min(end.saturating_sub(first));
            let staged = self.stage_promised(ino, first, blocks, context)?;
            self.unreserve(ino, &(first..staged.file_end().min(end)), context);
            map.validity_cookie = look()?.validity_cookie;
            return Ok(staged_map(staged.part(first, end), map));
        }
        if map.kind != MapKind::Hole {
            // What was claimed because the blocks were shared is not needed any more.
            self.unreserve(ino, &(first..end), context);
            map.validity_cookie = look()?.validity_cookie;
        }
        self.settle_unshared(map, Intent::WRITE, context)
    }
}

impl<D: BlockDevice> WritebackOps for BufferedIomap<'_, D> {
    fn map_blocks(&self, inode: Ino, pos: u64, context: Context) -> Result<Iomap, Errno> {
        self.0.map_for_writeback(inode.0, pos, context)
    }

    fn submit_ioend(&self, ioend: &Ioend<Ino>, context: Context) -> Result<(), Errno> {
        // A filesystem that went down after the mapping was made writes nothing.
        self.0.check_alive()?;
        if self.0.plant.has(Planted::ConvertBeforePages) {
            return self.ioend_done(ioend, context);
        }
        Ok(())
    }

    fn ioend_done(&self, ioend: &Ioend<Ino>, context: Context) -> Result<(), Errno> {
        let core = self.0;
        core.check_alive()?;
        let ino = ioend.inode.0;
        let is_lost = core.plant.has(Planted::SizeLostAtWriteback);
        let size = if is_lost { 0 } else { self.size_bytes(ioend.inode).min(ioend.end()) };
        let blocks = ioend.pos / BLOCK_BYTES..ioend.end().div_ceil(BLOCK_BYTES);
        match ioend.kind {
            IoendKind::Overwrite => {}
            IoendKind::Unwritten => core.convert(ino, blocks.start, blocks.end, size, context)?,
            IoendKind::Cow => core.finish_staged(ino, blocks.start, blocks.end, size, context)?,
        }
        core.grow(ino, size, context)
    }

    fn ioend_failed(&self, ioend: &Ioend<Ino>, context: Context) {
        if ioend.kind == IoendKind::Cow {
            let blocks = ioend.pos / BLOCK_BYTES..ioend.end().div_ceil(BLOCK_BYTES);
            // The shared blocks stay; after a shutdown the next mount frees the new ones.
            let _ = self.0.unstage(ioend.inode.0, blocks.start, blocks.end, context);
        }
    }

    fn is_held_back(&self, inode: Ino, pos: u64) -> bool {
        let cut = self.0.with_inode(inode.0, |incore| incore.cut_from).ok().flatten();
        cut.is_some_and(|from| pos >= from)
    }

    fn discard_page(&self, inode: Ino, pos: u64) {
        let first = pos / BLOCK_BYTES;
        self.0.unreserve(inode.0, &(first..first.saturating_add(1)), Context::Writeback);
    }
}
