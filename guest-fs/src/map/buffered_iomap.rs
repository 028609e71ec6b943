//! The mapping of buffered I/O: a write to a hole claims space, and nothing else.
//!
//! As Linux `xfs_buffered_write_iomap_begin`: blocks are chosen at writeback (`map/writeback.rs`). No
//! transaction at the write, so it cannot wait for the log.

use alloc::vec::Vec;
use core::fmt;

use block::BlockDevice;
use hal::Instant;
use iomap::{Buffered, BufferedOps, Context, Errno, Intent, Iomap, IomapOps, MapFlags, MapKind};
use tasks::{Resource, ResourceKind};

use super::is_valid;
use crate::events::Event;
use crate::filesystem::Ino;
use crate::format::BLOCK_BYTES;
use crate::state::Core;

/// The callbacks of buffered I/O and of writeback.
pub(crate) struct BufferedIomap<'a, D: BlockDevice>(pub(crate) &'a Core<D>);

impl<D: BlockDevice> Core<D> {
    /// Buffered I/O on this filesystem.
    pub(crate) fn buffered<T>(
        &self,
        run: impl FnOnce(&Buffered<'_, BufferedIomap<'_, D>, D>) -> T,
    ) -> T {
        let ops = BufferedIomap(self);
        run(&Buffered { ops: &ops, device: &*self.device, cache: &self.pages })
    }

    fn buffered_begin(
        &self,
        ino: u64,
        pos: u64,
        length: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno> {
        self.check_alive()?;
        let map = self.dio_look(ino, pos, intent, context);
        let mut map = map.map_err(|fault| self.errno(fault))?;
        if !intent.contains(Intent::WRITE) || intent.contains(Intent::REPORT) {
            return Ok(map);
        }
        let end = pos.saturating_add(length);
        let is_beyond = end > BufferedIomap(self).size_bytes(Ino(ino));
        // A store to a mapping in memory reaches no further than the size.
        map.flags.set(MapFlags::SIZE_CHANGED, is_beyond && !intent.contains(Intent::FAULT));
        let is_shared = map.flags.contains(MapFlags::SHARED);
        let is_hole = map.kind == MapKind::Hole;
        // Zeros and private blocks: a hole has both already.
        let fills_holes = !intent.intersects(Intent::ZERO | Intent::UNSHARE);
        let is_copied = is_shared && map.kind == MapKind::Mapped;
        let is_filled = is_hole && fills_holes;
        if !is_copied && !is_filled {
            return Ok(map);
        }
        let first = pos / BLOCK_BYTES;
        let map_end = map.offset.saturating_add(map.length) / BLOCK_BYTES;
        let blocks = first..end.div_ceil(BLOCK_BYTES).min(map_end);
        self.reserve(ino, &blocks, context)?;
        let offset = first.saturating_mul(BLOCK_BYTES);
        let skipped = first.saturating_sub(map.offset / BLOCK_BYTES);
        Ok(Iomap {
            kind: if is_hole { MapKind::Delalloc } else { map.kind },
            flags: map.flags | MapFlags::NEW,
            offset,
            length: blocks.end.saturating_sub(first).saturating_mul(BLOCK_BYTES),
            block: map.block.map(|block| block.saturating_add(skipped)),
            ..map
        })
    }

    /// Claims of a write that did not get as far as its mapping are given up (XFS
    /// `xfs_buffered_write_iomap_end`).
    fn buffered_end(&self, ino: u64, map: &Iomap, pos: u64, context: Context) {
        let end = map.offset.saturating_add(map.length) / BLOCK_BYTES;
        let mut at = pos.div_ceil(BLOCK_BYTES);
        let mut unused: Vec<core::ops::Range<u64>> = Vec::new();
        while at < end {
            let next = self.pages.next_data(Ino(ino), at..end).unwrap_or(end);
            if at < next {
                unused.push(at..next);
            }
            at = next.saturating_add(1);
        }
        for blocks in unused {
            self.unreserve(ino, &blocks, context);
        }
    }
}

impl<D: BlockDevice> IomapOps for BufferedIomap<'_, D> {
    type Inode = Ino;

    fn iomap_begin(
        &self,
        inode: Ino,
        pos: u64,
        length: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno> {
        self.0.buffered_begin(inode.0, pos, length, intent, context)
    }

    fn iomap_end(
        &self,
        inode: Ino,
        map: &Iomap,
        pos: u64,
        written: u64,
        intent: Intent,
        context: Context,
    ) -> Result<(), Errno> {
        let end = pos.saturating_add(written);
        if intent.contains(Intent::WRITE) && map.flags.contains(MapFlags::NEW) {
            self.0.buffered_end(inode.0, map, end, context);
        }
        Ok(())
    }

    fn iomap_valid(&self, inode: Ino, map: &Iomap) -> bool {
        is_valid(self.0, inode, map)
    }
}

impl<D: BlockDevice> BufferedOps for BufferedIomap<'_, D> {
    type Page = D::Page;

    fn alloc_page(&self, context: Context) -> Result<D::Page, Errno> {
        let page = self.0.device.alloc_page();
        self.0.emit(Event::PageAlloc { context, is_refused: page.is_err() });
        page.map_err(|_| Errno::ENOMEM)
    }

    fn size_bytes(&self, inode: Ino) -> u64 {
        let ahead = self.0.with_inode(inode.0, |incore| incore.size).ok().flatten();
        let on_disk = self.0.inode_fields(inode.0).map_or(0, |fields| fields.size);
        on_disk.max(ahead.unwrap_or(0))
    }

    fn wait_for_pages(&self, inode: Ino) -> Result<(), Errno> {
        let waited = self.0.tasks().wait(pages_of(inode), Instant::NEVER);
        waited.map(|_| ()).map_err(|_alone| Errno::EDEADLK)
    }

    fn pages_moved(&self, inode: Ino) {
        self.0.tasks().wake_all(pages_of(inode));
    }

    fn extend_size(&self, inode: Ino, size: u64) {
        let extend = |incore: &mut crate::inode::Incore| {
            incore.size = Some(incore.size.map_or(size, |known| known.max(size)));
        };
        // An inode that is not in memory has no writer.
        self.0.with_inode(inode.0, extend).unwrap_or_default();
    }
}

const fn pages_of(inode: Ino) -> Resource {
    Resource::new(ResourceKind::CachePages, inode.0)
}

impl<D: BlockDevice> fmt::Debug for BufferedIomap<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BufferedIomap")
    }
}
