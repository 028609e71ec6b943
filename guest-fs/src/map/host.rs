//! What swap sees of this filesystem.

use block::BlockDevice;
use iomap::{Context, Errno, SwapHost};

use super::{DioIomap, SwapIomap};
use crate::events::Event;
use crate::filesystem::{FileSystem, Ino};
use crate::format::inode::FileKind;

impl<D: BlockDevice> SwapHost for FileSystem<D> {
    type Inode = Ino;
    type Dio = DioIomap<D>;
    type Swap = SwapIomap<D>;

    fn dio_ops(&self) -> &DioIomap<D> {
        &self.dio
    }

    fn swap_ops(&self) -> &SwapIomap<D> {
        &self.swap
    }

    fn check_alive(&self) -> Result<(), Errno> {
        self.core.check_alive()
    }

    fn lock_io(&self, inode: Ino, context: Context) -> Result<(), Errno> {
        self.core.lock_io(inode.0, context)
    }

    fn unlock_io(&self, inode: Ino, context: Context) {
        self.core.unlock_io(inode.0, context);
    }

    fn size_bytes(&self, inode: Ino) -> Result<u64, Errno> {
        self.core.check_alive()?;
        self.core.with_inode(inode.0, |incore| incore.inode.size)
    }

    fn sync(&self, inode: Ino) -> Result<(), Errno> {
        self.fsync_for(inode, Context::Activation)
    }

    fn claim_swapfile(&self, inode: Ino) -> Result<(), Errno> {
        self.core.check_alive()?;
        {
            let mut state = self.core.state();
            let incore = state.inodes.get_mut(&inode.0).ok_or(Errno::ENOENT)?;
            if incore.inode.kind != FileKind::File {
                return Err(Errno::EINVAL);
            }
            if incore.is_swapfile {
                return Err(Errno::EBUSY);
            }
            incore.is_swapfile = true;
        }
        self.core.emit(Event::SwapClaim { ino: inode.0 });
        Ok(())
    }

    fn release_swapfile(&self, inode: Ino) {
        let was_swapfile = {
            let mut state = self.core.state();
            let incore = state.inodes.get_mut(&inode.0);
            incore.is_some_and(|incore| core::mem::take(&mut incore.is_swapfile))
        };
        if was_swapfile {
            self.core.emit(Event::SwapRelease { ino: inode.0 });
        }
    }
}
