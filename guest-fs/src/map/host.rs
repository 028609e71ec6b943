//! What swap sees of this filesystem.

use block::BlockDevice;
use iomap::{Context, Errno, SwapHost};

use super::{DioIomap, SwapIomap};
use crate::btree::{Step, Tree, Walker};
use crate::events::Event;
use crate::filesystem::{FileSystem, Ino};
use crate::format::inode::FileKind;
use crate::inode::fields;
use crate::meta::Fault;
use crate::state::Core;

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
        self.core.known(inode).map(|fields| fields.size)
    }

    fn sync(&self, inode: Ino) -> Result<(), Errno> {
        self.fsync_for(inode, Context::Activation)
    }

    fn claim_swapfile(&self, inode: Ino) -> Result<(), Errno> {
        let core = &*self.core;
        core.check_alive()?;
        if core.with_inode(inode.0, |incore| incore.is_swapfile)? {
            return Err(Errno::EBUSY);
        }
        // From now on its blocks change without the cache. Activation has synced the file, or will.
        core.flush(inode.0, 0..u64::MAX)?;
        core.wait_dio(inode)?;
        core.pages.forget_clean(inode, 0..u64::MAX);
        let read = || {
            if fields(core, inode.0)?.kind != FileKind::File {
                return Err(Errno::EINVAL.into());
            }
            core.pin_map(inode.0)
        };
        read().map_err(|fault| core.errno(fault))?;
        core.with_inode(inode.0, |incore| incore.is_swapfile = true)?;
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
            self.core.state().cache.unpin(inode.0);
            self.core.emit(Event::SwapRelease { ino: inode.0 });
        }
    }
}

impl<D: BlockDevice> Core<D> {
    /// Brings the map of a file into memory, to stay: the swap mapping reads nothing. Of a file with
    /// shared blocks also the tree of owners, which stays until the unmount.
    fn pin_map(&self, ino: u64) -> Result<(), Fault> {
        let is_reflink = fields(self, ino)?.is_reflink();
        let owners = is_reflink.then_some(Tree::refcounts(&self.layout));
        for tree in [Tree::extents(ino)].into_iter().chain(owners) {
            self.state().cache.pin(tree.root);
            let mut walker = Walker::new(tree);
            while let Some(step) = walker.step(self) {
                if let Step::Bad(fault) = step {
                    self.state().cache.unpin(ino);
                    return Err(fault);
                }
            }
        }
        Ok(())
    }
}
