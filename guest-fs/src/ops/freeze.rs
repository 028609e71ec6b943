//! Freezing: everything is on media, and stays as it is until the thaw.

use block::BlockDevice;
use iomap::Errno;
use tasks::{Resource, ResourceKind};

use crate::filesystem::FileSystem;

const THAW: Resource = Resource::only(ResourceKind::Thaw);

impl<D: BlockDevice> FileSystem<D> {
    /// Brings everything to media and lets no transaction begin any more (Linux `freeze_super`). Who wants one
    /// waits for the thaw if he is a task, and gets `EDEADLK` if not. Writes that need no transaction go on.
    ///
    /// # Errors
    /// `EBUSY` if it is frozen already, `EIO` after a shutdown, what a sync gives.
    pub fn freeze(&self) -> Result<(), Errno> {
        self.core.check_alive()?;
        if self.core.state().is_frozen {
            return Err(Errno::EBUSY);
        }
        self.sync()?;
        self.core.state().is_frozen = true;
        self.core.tasks().claim(THAW);
        Ok(())
    }

    /// Ends a freeze (Linux `thaw_super`): whoever waited for it goes on.
    ///
    /// # Errors
    /// `EINVAL` if it is not frozen.
    pub fn thaw(&self) -> Result<(), Errno> {
        if !core::mem::take(&mut self.core.state().is_frozen) {
            return Err(Errno::EINVAL);
        }
        self.core.tasks().unclaim(THAW);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::rig::Rig;

    #[test]
    fn a_frozen_filesystem_begins_no_transaction_until_the_thaw() {
        let rig = Rig::new(512);
        let fs = rig.mount();
        let ino = fs.create("a").unwrap();
        rig.write(&fs, ino, 0, &[1]).unwrap();
        fs.freeze().unwrap();
        assert_eq!(fs.freeze(), Err(Errno::EBUSY));
        assert_eq!(fs.create("b"), Err(Errno::EDEADLK));
        // An overwrite of written blocks needs none.
        rig.write(&fs, ino, 0, &[2]).unwrap();
        fs.thaw().unwrap();
        assert_eq!(fs.thaw(), Err(Errno::EINVAL));
        fs.create("b").unwrap();
    }
}
