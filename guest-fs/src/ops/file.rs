//! The content of files: direct reads and writes.

use alloc::rc::Rc;

use block::{BLOCK_BYTES as PAGE, BlockDevice};
use iomap::{Direction, Errno, IoFailure, Kiocb, Transfer, dio_rw};

use super::check_range;
use crate::filesystem::{FileSystem, Ino};
use crate::format::BLOCK_BYTES;
use crate::lock::Known;

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
        let size = self.core.known_file(ino).map_err(refuse)?.size;
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
        self.core.changeable(ino).map_err(refuse)?;
        let bytes = (transfer.pages.len() as u64).saturating_mul(PAGE as u64);
        check_range(transfer.pos, bytes).map_err(refuse)?;
        transfer.direction = Direction::Write;
        dio_rw(&self.dio, &*self.core.device, ino, transfer, iocb)
    }

    /// Writes at the end of the file (`O_APPEND`): the position is chosen when the write begins. Returns
    /// it.
    ///
    /// # Errors
    /// `EINVAL` for a file whose size is not a multiple of 4096: direct writes are whole blocks;
    /// `EDEADLK` inside another append to the file; as [`FileSystem::dio_write_iocb`].
    pub fn dio_append(&self, ino: Ino, transfer: &mut Transfer<D::Page>) -> Result<u64, Errno> {
        self.core.changeable(ino)?;
        let lock = self.core.with_inode(ino.0, |incore| Rc::clone(&incore.append_lock))?;
        let _guard = lock.acquire(self.core.tasks(), Known::io_of(ino.0))?;
        transfer.pos = self.core.changeable(ino)?.size;
        self.dio_write(ino, transfer)?;
        Ok(transfer.pos)
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
