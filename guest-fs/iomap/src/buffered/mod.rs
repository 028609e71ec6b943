//! Buffered I/O: files through the page cache (Linux `iomap_file_buffered_write`, `iomap_readahead`,
//! `iomap_writepages`).
//!
//! A write goes into pages and returns; the mapping callback has reserved the space by then, so that writeback
//! cannot run out of it. Writeback asks `map_blocks` where dirty pages go, builds *ioends* (contiguous in
//! the file and on the device, of one kind), and tells the filesystem when one is on the device: only then
//! it converts unwritten blocks and moves the size. Pages in flight belong to their bio; who needs one
//! waits for it.
//!
//! What this module does not do: no locking (the caller holds the inode's I/O lock), no mmap, no read-ahead
//! beyond what is asked for, no folios: a page is a block.

mod complete;
mod fault;
mod pages;
mod read;
mod write;
mod writeback;
mod zero;

use block::BlockDevice;
use hal::DmaBuf;

use crate::{Context, Errno, Iomap, IomapOps, MapFlags, MapKind, PageCache};

/// What is left to do when an ioend is on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum IoendKind {
    /// Blocks with data were overwritten: nothing, or the size.
    Overwrite = 1,
    /// Unwritten blocks were written: they must be converted.
    Unwritten = 2,
    /// Blocks were copied on write: the new ones must be mapped.
    Cow = 3,
}

impl IoendKind {
    /// The kind with this number, if there is one.
    #[must_use]
    pub const fn from_code(code: u16) -> Option<Self> {
        Some(match code {
            1 => Self::Overwrite,
            2 => Self::Unwritten,
            3 => Self::Cow,
            _ => return None,
        })
    }

    pub(crate) const fn of(map: &Iomap) -> Self {
        match map.kind {
            MapKind::Unwritten => Self::Unwritten,
            _ if map.flags.contains(MapFlags::SHARED) => Self::Cow,
            _ => Self::Overwrite,
        }
    }
}

/// A piece of a file on its way to the device (Linux `struct iomap_ioend`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ioend<I> {
    /// The file.
    pub inode: I,
    /// What is left to do afterwards.
    pub kind: IoendKind,
    /// The first byte in the file; a multiple of the page size.
    pub pos: u64,
    /// Bytes; whole pages, whatever the file size.
    pub bytes: u64,
    /// The first device block.
    pub block: u64,
}

impl<I> Ioend<I> {
    /// One past the last byte.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.pos.saturating_add(self.bytes)
    }
}

/// What buffered I/O needs of a filesystem besides its mapping callbacks.
pub trait BufferedOps: IomapOps {
    /// A page that the device can reach.
    type Page: DmaBuf;

    /// A zeroed page for the cache.
    ///
    /// # Errors
    /// `ENOMEM`. The cache then gives up a clean page of its own.
    fn alloc_page(&self, context: Context) -> Result<Self::Page, Errno>;

    /// The file size that users see: it may be ahead of the one on the device.
    fn size_bytes(&self, inode: Self::Inode) -> u64;

    /// Pages of `inode` are on their way to the device by another task, or about to be: waits until that may have changed.
    ///
    /// # Errors
    /// `EDEADLK` if nobody else runs.
    fn wait_for_pages(&self, inode: Self::Inode) -> Result<(), Errno> {
        let _ = inode;
        Err(Errno::EDEADLK)
    }

    /// Pages of `inode` are back, or are somebody's to wait for: whoever waits for them looks again.
    fn pages_moved(&self, inode: Self::Inode) {
        let _ = inode;
    }

    /// A write reached `size`: users see it from now on. No transaction: the one on the device follows when
    /// the data is there.
    fn extend_size(&self, inode: Self::Inode, size: u64);
}

/// What writeback asks of a filesystem (Linux `struct iomap_writeback_ops`).
pub trait WritebackOps: BufferedOps {
    /// Where does the dirty page at `pos` go? Delayed allocation ends here. A hole says: nowhere, the
    /// page need not be written.
    ///
    /// # Errors
    /// The page is not written and the error kept for fsync. Never `ENOSPC` for what was reserved.
    fn map_blocks(&self, inode: Self::Inode, pos: u64, context: Context) -> Result<Iomap, Errno>;

    /// An ioend is complete and about to be sent (newer Linux `->writeback_submit`; once `prepare_ioend`).
    ///
    /// # Errors
    /// It is not sent, and fails with this.
    fn submit_ioend(&self, ioend: &Ioend<Self::Inode>, context: Context) -> Result<(), Errno> {
        let _ = (ioend, context);
        Ok(())
    }

    /// The data is on the device: convert, map, move the size. May run transactions.
    ///
    /// # Errors
    /// Kept for fsync.
    fn ioend_done(&self, ioend: &Ioend<Self::Inode>, context: Context) -> Result<(), Errno>;

    /// The data did not get to the device: give up what writeback had prepared for it.
    fn ioend_failed(&self, ioend: &Ioend<Self::Inode>, context: Context);

    /// Is the file just being cut before `pos`? Its pages from there on are not sent: they go, or stay dirty.
    fn is_held_back(&self, inode: Self::Inode, pos: u64) -> bool {
        let _ = (inode, pos);
        false
    }

    /// The page at `pos` will not be written after all (beyond the size, or not to be mapped): give up its
    /// reservation (XFS `xfs_discard_folio`).
    fn discard_page(&self, inode: Self::Inode, pos: u64);
}

/// Buffered I/O on one filesystem: its callbacks, its device, its pages.
#[derive(Debug)]
pub struct Buffered<'a, O: WritebackOps, D: BlockDevice<Page = O::Page>>
where
    O::Inode: Ord,
{
    /// The callbacks.
    pub ops: &'a O,
    /// Where the blocks are.
    pub device: &'a D,
    /// Where the pages are.
    pub cache: &'a PageCache<O::Inode, O::Page>,
}
