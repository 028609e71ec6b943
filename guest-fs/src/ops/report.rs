//! Where a file's data is: FIEMAP, SEEK_DATA, SEEK_HOLE.

use alloc::vec::Vec;

use bitflags::bitflags;
use block::BlockDevice;
use iomap::{Context, Errno, Intent, IoFailure, Iomap, Iter, MapFlags, MapKind};

use crate::filesystem::{FileSystem, Ino};
use crate::format::BLOCK_BYTES;
use crate::format::inode::FILE_BYTES_MAX;
use crate::map::BufferedIomap;

bitflags! {
    /// What is special about a piece of a file's map (Linux `FIEMAP_EXTENT_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct FiemapFlags: u8 {
        /// The last piece of the file.
        const LAST = 1 << 0;
        /// Blocks are not chosen yet.
        const DELALLOC = 1 << 1;
        /// Reads as zeros.
        const UNWRITTEN = 1 << 2;
        /// The blocks belong to another file too.
        const SHARED = 1 << 3;
        /// Several pieces that differ in the number of owners only.
        const MERGED = 1 << 4;
    }
}

/// A piece of a file's map (Linux `struct fiemap_extent`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FiemapExtent {
    /// The first byte in the file.
    pub pos: u64,
    /// Bytes.
    pub length: u64,
    /// The device block of the first byte, if there is one.
    pub block: Option<u64>,
    /// What is special about it.
    pub flags: FiemapFlags,
}

impl<D: BlockDevice> FileSystem<D> {
    /// The file's map from `pos` on, at most `count` pieces, holes left out; delayed allocation and sharing are
    /// shown. With `is_synced`, dirty pages are written first (`FIEMAP_FLAG_SYNC`).
    ///
    /// # Errors
    /// `EIO` after a shutdown, `EISDIR`, what a flush gives.
    pub fn fiemap(
        &self,
        ino: Ino,
        pos: u64,
        count: usize,
        is_synced: bool,
    ) -> Result<Vec<FiemapExtent>, Errno> {
        let core = &*self.core;
        core.known_file(ino)?;
        if is_synced {
            let _lock = core.io_guard(ino.0, Context::User, false)?;
            core.flush(ino.0, 0..u64::MAX)?;
        }
        let mut extents: Vec<FiemapExtent> = Vec::new();
        // One piece more tells whether the last one is the last.
        let mut has_more = false;
        self.walk_map(ino, pos, FILE_BYTES_MAX, |map| {
            let Some(extent) = fiemap_extent(map) else { return true };
            has_more = extents.len() >= count;
            if !has_more {
                extents.push(extent);
            }
            !has_more
        })?;
        if let (Some(last), false) = (extents.last_mut(), has_more) {
            last.flags |= FiemapFlags::LAST;
        }
        Ok(extents)
    }

    /// The first byte at or after `pos` that is in no hole (`SEEK_DATA`). Unwritten blocks are one, but for dirty
    /// pages over them.
    ///
    /// # Errors
    /// `ENXIO` if there is none before the end of the file; as [`FileSystem::fiemap`].
    pub fn seek_data(&self, ino: Ino, pos: u64) -> Result<u64, Errno> {
        let size = self.core.known_file(ino)?.size;
        let mut found = None;
        if pos < size {
            self.walk_map(ino, pos, size, |map| {
                let end = map.offset.saturating_add(map.length).min(size);
                let start = map.offset.max(pos);
                found = match map.kind {
                    MapKind::Mapped | MapKind::Delalloc => Some(start),
                    MapKind::Unwritten => self.dirty_byte(ino, start, end),
                    MapKind::Hole => None,
                };
                found.is_none()
            })?;
        }
        found.ok_or(Errno::ENXIO)
    }

    /// The first byte at or after `pos` that is in a hole (`SEEK_HOLE`); there is one behind every file.
    ///
    /// # Errors
    /// `ENXIO` if `pos` is not before the end of the file; as [`FileSystem::fiemap`].
    pub fn seek_hole(&self, ino: Ino, pos: u64) -> Result<u64, Errno> {
        let size = self.core.known_file(ino)?.size;
        if pos >= size {
            return Err(Errno::ENXIO);
        }
        let mut found = size;
        self.walk_map(ino, pos, size, |map| {
            let end = map.offset.saturating_add(map.length).min(size);
            let start = map.offset.max(pos);
            let hole = match map.kind {
                MapKind::Mapped | MapKind::Delalloc => None,
                MapKind::Unwritten => self.clean_byte(ino, start, end),
                MapKind::Hole => Some(start),
            };
            found = hole.unwrap_or(found);
            hole.is_none()
        })?;
        Ok(found)
    }

    /// Walks the map of `[pos, end)` until `visit` says no.
    fn walk_map(
        &self,
        ino: Ino,
        pos: u64,
        end: u64,
        mut visit: impl FnMut(&Iomap) -> bool,
    ) -> Result<(), Errno> {
        let core = &*self.core;
        let ops = BufferedIomap(core);
        let tracer = core.device.tracer();
        let length = end.saturating_sub(pos);
        let mut iter = Iter::new(ino, pos, length, Intent::REPORT, Context::User);
        let errno = |failure: IoFailure| failure.errno;
        while let Some(map) = iter.next(&ops, tracer, Ok(())).map_err(errno)? {
            if !visit(&map) {
                break;
            }
            iter.advance(iter.piece_left());
        }
        Ok(())
    }

    /// The first byte of `[start, end)` that is in a dirty page.
    fn dirty_byte(&self, ino: Ino, start: u64, end: u64) -> Option<u64> {
        let pages = start / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES);
        let page = self.core.pages.next_data(ino, pages)?;
        Some(page.saturating_mul(BLOCK_BYTES).max(start))
    }

    /// The first byte of `[start, end)` that is in no dirty page.
    fn clean_byte(&self, ino: Ino, start: u64, end: u64) -> Option<u64> {
        let mut at = start;
        while at < end {
            match self.dirty_byte(ino, at, end) {
                Some(dirty) if dirty == at => {
                    at = (at / BLOCK_BYTES).saturating_add(1).saturating_mul(BLOCK_BYTES);
                }
                _ => return Some(at),
            }
        }
        None
    }
}

/// `None` for a hole.
fn fiemap_extent(map: &Iomap) -> Option<FiemapExtent> {
    let mut flags = match map.kind {
        MapKind::Hole => return None,
        MapKind::Delalloc => FiemapFlags::DELALLOC,
        MapKind::Unwritten => FiemapFlags::UNWRITTEN,
        MapKind::Mapped => FiemapFlags::empty(),
    };
    flags.set(FiemapFlags::SHARED, map.flags.contains(MapFlags::SHARED));
    flags.set(FiemapFlags::MERGED, map.flags.contains(MapFlags::MERGED));
    Some(FiemapExtent { pos: map.offset, length: map.length, block: map.block, flags })
}
