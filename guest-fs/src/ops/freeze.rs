//! Freezing: the filesystem on the device is whole and stays as it is, until the thaw (Linux `FIFREEZE`).
//!
//! Reads go on, and so does swap through its own mapping. Whoever needs a transaction meets the freeze in
//! [`Core::wait_thawed`] and nowhere else.

use block::BlockDevice;
use hal::Instant;
use iomap::{Context, Errno};
use tasks::{Resource, ResourceKind};

use crate::events::Event;
use crate::filesystem::FileSystem;
use crate::state::Core;

const THAW: Resource = Resource::only(ResourceKind::Thaw);

impl<D: BlockDevice> FileSystem<D> {
    /// Brings everything to its place, then lets no transaction begin and no user write.
    ///
    /// # Errors
    /// `EBUSY` if it is frozen already, what sync gives, `EIO` after a shutdown.
    pub fn freeze(&self) -> Result<(), Errno> {
        let core = &*self.core;
        core.check_alive()?;
        if core.state().is_frozen {
            return Err(Errno::EBUSY);
        }
        core.flush_all()?;
        core.checkpoint(Context::User)?;
        core.state().is_frozen = true;
        core.tasks().claim(THAW);
        core.emit(Event::Freeze);
        Ok(())
    }

    /// Lets everybody go on. Works on a shut-down filesystem too: those who wait must get their error.
    ///
    /// # Errors
    /// `EINVAL` if it is not frozen.
    pub fn thaw(&self) -> Result<(), Errno> {
        let core = &*self.core;
        let was_frozen = core::mem::take(&mut core.state().is_frozen);
        if !was_frozen {
            return Err(Errno::EINVAL);
        }
        core.tasks().unclaim(THAW);
        core.emit(Event::Thaw);
        Ok(())
    }

    /// Is the filesystem frozen?
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.core.state().is_frozen
    }
}

impl<D: BlockDevice> Core<D> {
    /// Waits until no freeze is in the way (Linux `sb_start_intwrite`, `sb_start_write`).
    ///
    /// # Errors
    /// `EDEADLK` outside of a task: who could thaw does not run while the caller waits. `EIO` if the filesystem went
    /// down meanwhile.
    pub(crate) fn wait_thawed(&self, context: Context) -> Result<(), Errno> {
        if !self.state().is_frozen {
            return Ok(());
        }
        self.emit(Event::FrozenWait { context });
        while self.state().is_frozen {
            self.tasks().wait(THAW, Instant::NEVER).map_err(|_alone| Errno::EDEADLK)?;
        }
        self.check_alive()
    }
}
