//! Durability, shutdown, unmount.

use block::BlockDevice;
use iomap::{Context, Errno};

use crate::events::Event;
use crate::filesystem::{FileSystem, Ino};
use crate::planted::Planted;
use crate::shutdown::{ShutdownKind, ShutdownReason};

impl<D: BlockDevice> FileSystem<D> {
    /// Makes the file's data and metadata durable, and its name.
    ///
    /// # Errors
    /// `EIO` after a shutdown or when the device fails; a log I/O error shuts the filesystem down.
    pub fn fsync(&self, ino: Ino) -> Result<(), Errno> {
        self.fsync_for(ino, Context::User)
    }

    pub(crate) fn fsync_for(&self, ino: Ino, context: Context) -> Result<(), Errno> {
        let core = &*self.core;
        core.check_alive()?;
        let is_dirty = {
            let state = core.state();
            let incore = state.inodes.get(&ino.0).ok_or(Errno::ENOENT)?;
            state.is_dirty(incore)
        };
        if is_dirty && !core.plant.has(Planted::FsyncWithoutForce) {
            // The force flushes the device before its commit record, the data with it.
            return core.log_force(context);
        }
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
        core.log_force(Context::User)?;
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
        let flushed = match kind {
            // Linux freezes the block device first, which syncs the filesystem.
            ShutdownKind::Default => core.checkpoint(Context::User),
            ShutdownKind::LogFlush => core.log_force(Context::User),
            ShutdownKind::NoLogFlush => Ok(()),
        };
        // An error of the log or of metadata is a shutdown of its own, with its own reason.
        if flushed.is_ok() {
            core.shut_down(ShutdownReason::User(kind));
        }
        Ok(())
    }

    /// Unmounts: brings everything to its place and gives the device up. A shut-down filesystem is
    /// dropped as it is. Other handles on it give `ENODEV` from now on.
    ///
    /// # Errors
    /// `EBUSY` while a swap file is active; `EIO` when the last checkpoint fails, which shuts the
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
            if state.inodes.values().any(|incore| incore.is_swapfile) {
                return Err(Errno::EBUSY);
            }
            state.shutdown.is_some()
        };
        if !is_down {
            core.checkpoint(Context::User)?;
        }
        core.state().is_mounted = false;
        Ok(())
    }
}
