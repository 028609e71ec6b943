//! Durability, shutdown, unmount.

use block::BlockDevice;
use iomap::{Context, ErrCursor, Errno};

use crate::events::Event;
use crate::filesystem::{FileSystem, Ino};
use crate::planted::Planted;
use crate::shutdown::{ShutdownKind, ShutdownReason};

impl<D: BlockDevice> FileSystem<D> {
    /// Makes the file's data and metadata durable, and its name.
    ///
    /// # Errors
    /// `EIO` after a shutdown or when the device fails; a log I/O error shuts the filesystem down. An error of
    /// writeback since the last fsync of this inode is told once; open files are told by
    /// [`FileSystem::fsync_file`].
    pub fn fsync(&self, ino: Ino) -> Result<(), Errno> {
        self.fsync_for(ino, Context::User)
    }

    /// Makes the file's data durable, and of its metadata what is needed to read it again: not its times.
    ///
    /// # Errors
    /// As [`FileSystem::fsync`].
    pub fn fdatasync(&self, ino: Ino) -> Result<(), Errno> {
        self.fsync_and_tell(ino, Context::User, true, None)
    }

    pub(crate) fn fsync_for(&self, ino: Ino, context: Context) -> Result<(), Errno> {
        self.fsync_and_tell(ino, context, false, None)
    }

    /// `told`: up to where the caller was told of errors; the inode's own mark otherwise.
    pub(crate) fn fsync_and_tell(
        &self,
        ino: Ino,
        context: Context,
        is_data_only: bool,
        told: Option<&mut ErrCursor>,
    ) -> Result<(), Errno> {
        let core = &*self.core;
        core.check_alive()?;
        let mut own = core.with_inode(ino.0, |incore| incore.told)?;
        let synced = self.bring_to_media(ino, context, is_data_only);
        let is_own = told.is_none();
        let mut error = core.pages.check_error(ino, told.unwrap_or(&mut own));
        if core.plant.has(Planted::WritebackErrorUntold) {
            error = Ok(());
        }
        if is_own {
            core.with_inode(ino.0, |incore| incore.told = own)?;
        }
        // An error of a page says more than what came of it.
        error.and(synced)
    }

    fn bring_to_media(&self, ino: Ino, context: Context, is_data_only: bool) -> Result<(), Errno> {
        let core = &*self.core;
        core.wait_dio(ino)?;
        if core.pages.next_data(ino, 0..u64::MAX).is_some() {
            let _lock = core.io_guard(ino.0, context, false)?;
            core.flush(ino.0, 0..u64::MAX)?;
        }
        let is_dirty = {
            let state = core.state();
            let incore = state.inodes.get(&ino.0).ok_or(Errno::ENOENT)?;
            let own =
                if is_data_only { state.is_data_dirty(incore) } else { state.is_dirty(incore) };
            // Blocks that others gave up come back to them in a crash, with what is written now.
            own || state.log.has_unshared_pending()
        };
        if is_dirty && !core.plant.has(Planted::FsyncWithoutForce) {
            // The force flushes the device before its commit record, the data with it.
            return core.log_force(context);
        }
        // A shutdown may have come while pages were written: nothing goes to the device any more.
        core.check_alive()?;
        match core.reserve.flush(&*core.device) {
            Err(_) if core.plant.has(Planted::FlushErrorIgnored) => Ok(()),
            flushed => flushed.map_err(|error| error.error.into()),
        }
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// As [`FileSystem::fsync`].
    pub fn sync(&self) -> Result<(), Errno> {
        let core = &*self.core;
        core.check_alive()?;
        let flushed = core.flush_all();
        core.log_force(Context::User)?;
        flushed?;
        core.check_alive()?;
        core.reserve.flush(&*core.device).map_err(|error| error.error.into())
    }

    /// Shuts the filesystem down. From now on everything gives `EIO` and the device is not written; only
    /// an active swap file goes on. Errors of a flush on the way do not stop it.
    ///
    /// # Errors
    /// `EIO` if it is down already, `ENODEV` if it is unmounted.
    pub fn shutdown(&self, kind: ShutdownKind) -> Result<(), Errno> {
        let core = &*self.core;
        core.check_alive()?;
        // How a flush went does not matter: what it could not write is lost, and an error of the log or of metadata
        // was a shutdown of its own, whose reason stays.
        let _ = match kind {
            // Linux freezes the block device first, which syncs the filesystem.
            ShutdownKind::Default => {
                let _ = core.flush_all();
                core.checkpoint(Context::User)
            }
            ShutdownKind::LogFlush => core.log_force(Context::User),
            ShutdownKind::NoLogFlush => Ok(()),
        };
        core.shut_down(ShutdownReason::User(kind));
        Ok(())
    }

    /// Unmounts: brings everything to its place and gives the device up. A shut-down filesystem is
    /// dropped as it is. Other handles on it give `ENODEV` from now on.
    ///
    /// # Errors
    /// `EBUSY` while a swap file is active or the filesystem is frozen; `EIO` when the last checkpoint fails, which shuts the
    /// filesystem down: unmounting it again works then. The filesystem comes back with the error.
    pub fn unmount(self) -> Result<(), (Self, Errno)> {
        let result = self.try_unmount();
        self.core.emit(Event::Unmount { errno: result.err() });
        result.map_err(|errno| (self, errno))
    }

    fn try_unmount(&self) -> Result<(), Errno> {
        let core = &*self.core;
        let is_down = {
            let state = core.state();
            if !state.is_mounted {
                return Err(Errno::ENODEV);
            }
            if state.is_frozen || state.inodes.values().any(|incore| incore.is_swapfile) {
                return Err(Errno::EBUSY);
            }
            state.shutdown.is_some()
        };
        if !is_down {
            // A page that cannot be written does not keep the filesystem mounted, as in Linux.
            let _ = core.flush_all();
            core.checkpoint(Context::User)?;
        }
        core.state().is_mounted = false;
        Ok(())
    }
}
