//! What a filesystem implements.

use bitflags::bitflags;

use crate::{Context, Errno, Intent, Iomap};

/// A set of mapping callbacks (Linux `struct iomap_ops`). A filesystem has several: one for direct
/// I/O, one for swap, one for reports.
pub trait IomapOps {
    /// How the filesystem names a file.
    type Inode: Copy + core::fmt::Debug;

    /// Where is the piece of `inode` that holds byte `pos`? `length` is how much the caller will want
    /// from there on; the answer may be shorter or longer.
    ///
    /// # Errors
    /// Whatever the filesystem refuses; `EAGAIN` for a NOWAIT that would block.
    fn iomap_begin(
        &self,
        inode: Self::Inode,
        pos: u64,
        length: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno>;

    /// The caller is done with `map`: from `pos` on it used `written` bytes of it, maybe none. Most callbacks
    /// have nothing to do; one that claimed more than was used gives the rest back.
    ///
    /// # Errors
    /// Whatever undoing an unused allocation can give.
    fn iomap_end(
        &self,
        inode: Self::Inode,
        map: &Iomap,
        pos: u64,
        written: u64,
        intent: Intent,
        context: Context,
    ) -> Result<(), Errno> {
        let _ = (inode, map, pos, written, intent, context);
        Ok(())
    }

    /// The library asks the heap for the bios of an I/O now. Only to be noted: in a context that reclaims
    /// memory this is what must not happen.
    fn allocating(&self, context: Context) {
        let _ = context;
    }

    /// Is `map` still true? (The cookie is compared.)
    fn iomap_valid(&self, inode: Self::Inode, map: &Iomap) -> bool;
}

bitflags! {
    /// What a finished direct write left for the filesystem to do (Linux `IOMAP_DIO_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct DioEnd: u8 {
        /// Unwritten blocks were written: they must be converted.
        const UNWRITTEN = 1 << 0;
        /// Blocks were copied on write: the new ones must be mapped.
        const COW = 1 << 1;
    }
}

/// Mapping callbacks with a completion (Linux `struct iomap_dio_ops`).
pub trait DioOps: IomapOps {
    /// A direct write of `[pos, pos + length)` is on the device: convert unwritten blocks, update the
    /// size. May run transactions: this is what the mail asks about.
    ///
    /// # Errors
    /// The error that the writer gets, although the device did its work.
    fn end_io(
        &self,
        inode: Self::Inode,
        pos: u64,
        length: u64,
        end: DioEnd,
        context: Context,
    ) -> Result<(), Errno>;
}

/// A filesystem as swap sees it: three mapping callbacks and the claim on the file.
pub trait SwapHost {
    /// How the filesystem names a file.
    type Inode: Copy + core::fmt::Debug;
    /// The direct-I/O callbacks.
    type Dio: DioOps<Inode = Self::Inode>;
    /// The swap callbacks.
    type Swap: IomapOps<Inode = Self::Inode>;

    /// The callbacks of ordinary direct I/O: may allocate, run transactions, honour shutdown.
    fn dio_ops(&self) -> &Self::Dio;

    /// The callbacks of swap I/O: read the map, nothing else. With [`Intent::REPORT`] they also
    /// describe what they would refuse, for activation.
    fn swap_ops(&self) -> &Self::Swap;

    /// May anything be done at all? What every direct I/O asks first (Linux `xfs_is_shutdown`). A
    /// filesystem that cannot shut down need not implement it.
    ///
    /// # Errors
    /// `EIO` after a shutdown.
    fn check_alive(&self) -> Result<(), Errno> {
        Ok(())
    }

    /// Takes the lock that read(2) and write(2) hold around a direct I/O (Linux `i_rwsem`). Only a swap
    /// path that wants to show what that does calls it.
    ///
    /// # Errors
    /// `EDEADLK` if it is held by somebody who can never release it, `ENOENT` for no such inode.
    fn lock_io(&self, inode: Self::Inode, context: Context) -> Result<(), Errno> {
        let _ = (inode, context);
        Ok(())
    }

    /// Releases what [`SwapHost::lock_io`] took.
    fn unlock_io(&self, inode: Self::Inode, context: Context) {
        let _ = (inode, context);
    }

    /// File size in bytes.
    ///
    /// # Errors
    /// `EIO` after a shutdown, `ENOENT` for no such inode.
    fn size_bytes(&self, inode: Self::Inode) -> Result<u64, Errno>;

    /// Brings data and metadata of the file to media (Linux `vfs_fsync` in swap activation).
    ///
    /// # Errors
    /// What fsync gives.
    fn sync(&self, inode: Self::Inode) -> Result<(), Errno>;

    /// Marks the file as an active swap file (Linux `S_SWAPFILE`): from now on it cannot be changed,
    /// and the filesystem cannot be unmounted.
    ///
    /// # Errors
    /// `EBUSY` if it is one already.
    fn claim_swapfile(&self, inode: Self::Inode) -> Result<(), Errno>;

    /// Takes the mark away. Works on a shut-down filesystem too: swapoff must be possible.
    fn release_swapfile(&self, inode: Self::Inode);
}
