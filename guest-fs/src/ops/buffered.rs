//! The content of files through the page cache, and open files.

use core::cell::Cell;

use bitflags::bitflags;
use block::BlockDevice;
use iomap::{Context, ErrCursor, Errno, IocbFlags, Kiocb};

use super::check_range;
use crate::filesystem::{FileSystem, Ino};
use crate::inode::update;
use crate::meta::Fault;
use crate::state::Core;
use crate::txn::{Transaction, cost};

bitflags! {
    /// How a file is opened (Linux `O_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct OpenFlags: u8 {
        /// Every write goes to the end (`O_APPEND`).
        const APPEND = 1 << 0;
        /// Nothing blocks: `EAGAIN` instead (`RWF_NOWAIT` with every call).
        const NOWAIT = 1 << 1;
        /// Every write is durable when it returns (`O_SYNC`).
        const SYNC = 1 << 2;
    }
}

/// A file that somebody has open: it lives at least that long, and errors of writeback are told once to each.
#[derive(Debug)]
#[must_use = "a file that is not closed is held for ever"]
pub struct OpenFile {
    ino: Ino,
    flags: OpenFlags,
    told: Cell<ErrCursor>,
}

impl OpenFile {
    /// The file.
    #[must_use]
    pub const fn ino(&self) -> Ino {
        self.ino
    }

    const fn iocb(&self) -> Kiocb {
        let is_nowait = self.flags.contains(OpenFlags::NOWAIT);
        let flags = if is_nowait { IocbFlags::NOWAIT } else { IocbFlags::empty() };
        Kiocb { flags, context: Context::User }
    }
}

impl<D: BlockDevice> FileSystem<D> {
    /// Opens a file that was looked up.
    ///
    /// # Errors
    /// `EISDIR`, `EINVAL` for a symbolic link, `ENOENT`, `EIO` after a shutdown.
    pub fn open_file(&self, ino: Ino, flags: OpenFlags) -> Result<OpenFile, Errno> {
        self.core.known_file(ino)?;
        self.hold(ino)?;
        Ok(OpenFile { ino, flags, told: Cell::new(self.core.pages.sample_error(ino)) })
    }

    /// Closes it. Without a name and with nobody else who has it open, the file goes.
    ///
    /// # Errors
    /// As [`FileSystem::release`].
    pub fn close_file(&self, file: OpenFile) -> Result<(), Errno> {
        self.release(file.ino)
    }

    /// Writes to an open file; with [`OpenFlags::APPEND`] at its end, whatever `pos` is. Returns the bytes.
    ///
    /// # Errors
    /// As [`FileSystem::write`]; with [`OpenFlags::SYNC`] also what fsync gives.
    pub fn write_file(&self, file: &OpenFile, pos: u64, data: &[u8]) -> Result<u64, Errno> {
        let is_append = file.flags.contains(OpenFlags::APPEND);
        let written = self.write_iocb(file.ino, (!is_append).then_some(pos), data, file.iocb())?;
        if file.flags.contains(OpenFlags::SYNC) {
            self.fsync_file(file)?;
        }
        Ok(written)
    }

    /// Reads from an open file. Returns the bytes.
    ///
    /// # Errors
    /// As [`FileSystem::read`].
    pub fn read_file(&self, file: &OpenFile, pos: u64, to: &mut [u8]) -> Result<u64, Errno> {
        self.read_iocb(file.ino, pos, to, file.iocb())
    }

    /// [`FileSystem::fsync`] that tells an error of writeback once to each open file.
    ///
    /// # Errors
    /// As there.
    pub fn fsync_file(&self, file: &OpenFile) -> Result<(), Errno> {
        let mut told = file.told.get();
        let result = self.fsync_and_tell(file.ino, Context::User, false, Some(&mut told));
        file.told.set(told);
        result
    }

    /// [`FileSystem::fdatasync`] of an open file.
    ///
    /// # Errors
    /// As [`FileSystem::fsync_file`].
    pub fn fdatasync_file(&self, file: &OpenFile) -> Result<(), Errno> {
        let mut told = file.told.get();
        let result = self.fsync_and_tell(file.ino, Context::User, true, Some(&mut told));
        file.told.set(told);
        result
    }

    /// Reads from `pos` on, through the page cache. Returns the bytes, none at the end of the file.
    ///
    /// # Errors
    /// [`Errno`] of the first byte: what the device gives, `ENOMEM`; `EISDIR`; `EIO` after a shutdown.
    pub fn read(&self, ino: Ino, pos: u64, to: &mut [u8]) -> Result<u64, Errno> {
        self.read_iocb(ino, pos, to, Kiocb::USER)
    }

    /// Writes at `pos` into the page cache. Returns the bytes: all, or as far as it got.
    ///
    /// # Errors
    /// [`Errno`] of the first byte: `ENOSPC`, `EFBIG`, `ENOMEM`, `ETXTBSY` for an active swap file, what reading
    /// an old block gives; `EIO` after a shutdown.
    pub fn write(&self, ino: Ino, pos: u64, data: &[u8]) -> Result<u64, Errno> {
        self.write_iocb(ino, Some(pos), data, Kiocb::USER)
    }

    /// Writes at the end of the file (`O_APPEND`), which is looked for under the lock. Returns the bytes.
    ///
    /// # Errors
    /// As [`FileSystem::write`].
    pub fn append(&self, ino: Ino, data: &[u8]) -> Result<u64, Errno> {
        self.write_iocb(ino, None, data, Kiocb::USER)
    }

    fn read_iocb(&self, ino: Ino, pos: u64, to: &mut [u8], iocb: Kiocb) -> Result<u64, Errno> {
        let core = &*self.core;
        core.known_file(ino)?;
        let is_nowait = iocb.flags.contains(IocbFlags::NOWAIT);
        let _lock = core.io_guard(ino.0, iocb.context, is_nowait)?;
        let read = core.buffered(|buffered| buffered.read(ino, pos, to, iocb));
        read.map_err(|failure| failure.errno)
    }

    /// [`FileSystem::write`] with flags; without a position at the end.
    ///
    /// # Errors
    /// As [`FileSystem::write`]; `EAGAIN` with [`IocbFlags::NOWAIT`].
    pub fn write_iocb(
        &self,
        ino: Ino,
        pos: Option<u64>,
        data: &[u8],
        iocb: Kiocb,
    ) -> Result<u64, Errno> {
        let core = &*self.core;
        core.changeable(ino)?;
        core.wait_thawed(iocb.context)?;
        let is_nowait = iocb.flags.contains(IocbFlags::NOWAIT);
        let attempt = || {
            let _lock = core.io_guard(ino.0, iocb.context, is_nowait)?;
            let size = core.changeable(ino)?.size;
            let pos = pos.unwrap_or(size);
            check_range(pos, data.len() as u64)?;
            if !is_nowait {
                core.zero_before(ino, pos)?;
            }
            if !is_nowait {
                core.touch(ino.0).map_err(|fault| core.errno(fault))?;
            }
            core.buffered(|buffered| buffered.write(ino, pos, data, iocb)).map_err(|f| f.errno)
        };
        match attempt() {
            // Claims are worst cases: written, they need less (XFS `xfs_flush_inodes`).
            Err(Errno::ENOSPC) if !is_nowait && core.state().promised > 0 => {
                core.flush_all()?;
                attempt()
            }
            result => result,
        }
    }
}

impl<D: BlockDevice> Core<D> {
    /// The content changes now (Linux `file_update_time`). A transaction, if the clock has moved on.
    pub(super) fn touch(&self, ino: u64) -> Result<(), Fault> {
        let now = self.now_ns();
        if crate::inode::fields(self, ino)?.times.mtime_ns == now {
            return Ok(());
        }
        let context = Context::User;
        let mut txn = Transaction::begin(self, cost::INODE, context)?.of_times_only();
        let _lock = self.lock_inode(ino, context, false)?;
        update(&mut txn, ino, |fields| {
            (fields.times.mtime_ns, fields.times.ctime_ns) = (now, now);
        })?;
        Ok(txn.commit()?)
    }
}
