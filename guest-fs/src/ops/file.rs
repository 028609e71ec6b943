//! The content of files: direct reads and writes.

use alloc::rc::Rc;

use block::BlockDevice;
use iomap::{Direction, Errno, IoFailure, Kiocb, Transfer};

use crate::filesystem::{FileSystem, Ino};
use crate::lock::Known;

impl<D: BlockDevice> FileSystem<D> {
    /// Reads directly from the device. Returns the bytes inside the file size; pages beyond it are
    /// untouched.
    ///
    /// # Errors
    /// [`Errno`] of the first byte that cannot be had; `EIO` after a shutdown.
    pub fn dio_read(&self, ino: Ino, transfer: &mut Transfer<D::Page>) -> Result<u64, Errno> {
        self.dio_read_iocb(ino, transfer, Kiocb::DIRECT).map_err(|failure| failure.errno)
    }

    /// Writes directly to the device, allocating and extending as needed. Returns all bytes.
    ///
    /// # Errors
    /// `ETXTBSY` for an active swap file, `ENOSPC`, [`Errno`] of the first byte that failed; `EIO` after
    /// a shutdown.
    pub fn dio_write(&self, ino: Ino, transfer: &mut Transfer<D::Page>) -> Result<u64, Errno> {
        self.dio_write_iocb(ino, transfer, Kiocb::DIRECT).map_err(|failure| failure.errno)
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
        let pages = core::mem::take(&mut transfer.pages);
        let whole = Transfer { direction: Direction::Read, pos: transfer.pos, pages };
        self.dio_now(ino, transfer, whole, iocb)
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
        let pages = core::mem::take(&mut transfer.pages);
        let whole = Transfer { direction: Direction::Write, pos: transfer.pos, pages };
        self.dio_now(ino, transfer, whole, iocb)
    }

    fn dio_now(
        &self,
        ino: Ino,
        transfer: &mut Transfer<D::Page>,
        whole: Transfer<D::Page>,
        iocb: Kiocb,
    ) -> Result<u64, IoFailure> {
        let (back, result) = match self.dio_submit(ino, whole, iocb) {
            Ok(ticket) => self.dio_wait(ticket),
            Err((back, failure)) => (back, Err(failure)),
        };
        *transfer = back;
        result
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
