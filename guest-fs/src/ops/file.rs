//! The content of files: direct reads and writes, preallocation, and where it all is.

use alloc::vec::Vec;

use block::{BLOCK_BYTES as PAGE, BlockDevice};
use iomap::{Context, Direction, Errno, IoFailure, Kiocb, MapKind, Transfer, dio_rw};

use crate::filesystem::{FileExtent, FileSystem, Ino};
use crate::format::BLOCK_BYTES;
use crate::format::extent::FILE_BLOCKS_MAX;
use crate::format::inode::FileKind;
use crate::state::Core;

impl<D: BlockDevice> FileSystem<D> {
    /// Reads directly from the device. Returns the bytes inside the file size; pages beyond it are
    /// untouched.
    ///
    /// # Errors
    /// [`Errno`] of the first byte that cannot be had; `EIO` after a shutdown.
    pub fn dio_read(&self, ino: Ino, transfer: &mut Transfer<D::Page>) -> Result<u64, Errno> {
        self.dio_read_iocb(ino, transfer, Kiocb::USER).map_err(|failure| failure.errno)
    }

    /// Writes directly to the device, allocating and extending as needed. Returns all bytes.
    ///
    /// # Errors
    /// `ETXTBSY` for an active swap file, `ENOSPC`, [`Errno`] of the first byte that failed; `EIO` after
    /// a shutdown.
    pub fn dio_write(&self, ino: Ino, transfer: &mut Transfer<D::Page>) -> Result<u64, Errno> {
        self.dio_write_iocb(ino, transfer, Kiocb::USER).map_err(|failure| failure.errno)
    }

    /// [`FileSystem::dio_read`] with flags and all that is known of a failure.
    ///
    /// # Errors
    /// [`IoFailure`].
    pub fn dio_read_iocb(
        &self,
        ino: Ino,
        transfer: &mut Transfer<D::Page>,
        iocb: Kiocb,
    ) -> Result<u64, IoFailure> {
        let refuse = |errno| refused(errno, transfer.pos);
        self.core.check_alive().map_err(refuse)?;
        check_file(&self.core, ino).map_err(refuse)?;
        let size = self.core.with_inode(ino.0, |incore| incore.inode.size).map_err(refuse)?;
        let inside = size.saturating_sub(transfer.pos);
        let pages = usize::try_from(inside.div_ceil(BLOCK_BYTES)).unwrap_or(usize::MAX);
        if pages == 0 {
            return Ok(0);
        }
        transfer.direction = Direction::Read;
        let beyond = transfer.pages.split_off(pages.min(transfer.pages.len()));
        let result = dio_rw(&self.dio, &*self.core.device, ino, transfer, iocb);
        transfer.pages.extend(beyond);
        result.map(|bytes| bytes.min(inside))
    }

    /// [`FileSystem::dio_write`] with flags and all that is known of a failure.
    ///
    /// # Errors
    /// [`IoFailure`].
    pub fn dio_write_iocb(
        &self,
        ino: Ino,
        transfer: &mut Transfer<D::Page>,
        iocb: Kiocb,
    ) -> Result<u64, IoFailure> {
        let refuse = |errno| refused(errno, transfer.pos);
        self.core.check_alive().map_err(refuse)?;
        check_changeable(&self.core, ino).map_err(refuse)?;
        let bytes = (transfer.pages.len() as u64).saturating_mul(PAGE as u64);
        check_range(transfer.pos, bytes).map_err(refuse)?;
        transfer.direction = Direction::Write;
        dio_rw(&self.dio, &*self.core.device, ino, transfer, iocb)
    }

    /// Allocates every hole in `[pos, pos + length)` and makes the file at least that long. The new
    /// blocks read as zeros.
    ///
    /// # Errors
    /// `EINVAL` for an empty range, `EFBIG`, `ETXTBSY` for an active swap file, `ENOSPC` (what was
    /// allocated stays), `EIO` after a shutdown.
    pub fn fallocate(&self, ino: Ino, pos: u64, length: u64) -> Result<(), Errno> {
        let core = &*self.core;
        core.check_alive()?;
        check_changeable(core, ino)?;
        if length == 0 {
            return Err(Errno::EINVAL);
        }
        let end = check_range(pos, length)?;
        let end_block = end.div_ceil(BLOCK_BYTES);
        let mut block = pos / BLOCK_BYTES;
        while block < end_block {
            let left = end_block.saturating_sub(block);
            let (extent, _) = core.allocate(ino.0, block, left, Context::User)?;
            block = extent.file_end();
        }
        core.grow(ino.0, end, Context::User)
    }

    /// The file's map as FIEMAP reports it: all extents in file order, holes left out.
    ///
    /// # Errors
    /// `EIO` after a shutdown, `ENOENT` for a file that was not opened.
    pub fn map(&self, ino: Ino) -> Result<Vec<FileExtent>, Errno> {
        self.core.check_alive()?;
        self.core.with_inode(ino.0, |incore| {
            let report = |extent: crate::format::extent::Extent| FileExtent {
                pos: extent.file_block.saturating_mul(BLOCK_BYTES),
                length: extent.blocks.saturating_mul(BLOCK_BYTES),
                kind: if extent.is_unwritten { MapKind::Unwritten } else { MapKind::Mapped },
                block: extent.block,
            };
            incore.inode.map.iter().map(report).collect()
        })
    }
}

fn refused(errno: Errno, pos: u64) -> IoFailure {
    IoFailure {
        errno,
        pos,
        learned_by: hal::trace::Layer::Filesystem,
        kind: iomap::FailureKind::Refused,
        device: None,
    }
}

fn check_file<D: BlockDevice>(core: &Core<D>, ino: Ino) -> Result<bool, Errno> {
    match core.with_inode(ino.0, |incore| (incore.inode.kind, incore.is_swapfile))? {
        (FileKind::Directory, _) => Err(Errno::EISDIR),
        (FileKind::File, is_swapfile) => Ok(is_swapfile),
    }
}

fn check_changeable<D: BlockDevice>(core: &Core<D>, ino: Ino) -> Result<(), Errno> {
    if check_file(core, ino)? { Err(Errno::ETXTBSY) } else { Ok(()) }
}

/// The end of a range that a file can have.
fn check_range(pos: u64, length: u64) -> Result<u64, Errno> {
    let end = pos.checked_add(length).ok_or(Errno::EFBIG)?;
    let limit = FILE_BLOCKS_MAX.saturating_mul(BLOCK_BYTES);
    if end > limit { Err(Errno::EFBIG) } else { Ok(end) }
}
