//! The handle on a mounted filesystem and the types of its interface.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::fmt;

use block::BlockDevice;
use iomap::{Errno, MapKind};

use crate::fsck::{self, FsckError, Report};
use crate::map::{DioIomap, SwapIomap};
use crate::mkfs::{self, MkfsError, MkfsOptions};
use crate::mount::{self, MountError, MountOptions};
use crate::shutdown::ShutdownReason;
use crate::state::Core;

/// Names a file: the block of its inode. Valid from `create` or `open` until `unlink`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ino(pub u64);

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The inode number.
    pub ino: Ino,
    /// What it is.
    pub kind: crate::FileKind,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Blocks of data and of its map.
    pub blocks: u64,
    /// Names.
    pub nlink: u32,
    /// It is an active swap file.
    pub is_swapfile: bool,
    /// A crash now would lose changes of its metadata.
    pub is_dirty: bool,
}

/// What is known of the filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatFs {
    /// Bytes in a block.
    pub block_bytes: u64,
    /// Blocks in all.
    pub blocks: u64,
    /// Blocks not in use.
    pub blocks_free: u64,
    /// Files in the root directory.
    pub files: u64,
}

/// A piece of a file's map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileExtent {
    /// The first byte in the file.
    pub pos: u64,
    /// Bytes.
    pub length: u64,
    /// Mapped or unwritten; holes are left out.
    pub kind: MapKind,
    /// The device block of the first byte.
    pub block: u64,
}

/// A mounted filesystem. Clones are handles on the same one.
pub struct FileSystem<D: BlockDevice> {
    pub(crate) core: Rc<Core<D>>,
    pub(crate) dio: DioIomap<D>,
    pub(crate) swap: SwapIomap<D>,
}

impl<D: BlockDevice> Clone for FileSystem<D> {
    fn clone(&self) -> Self {
        Self::from_core(Rc::clone(&self.core))
    }
}

impl<D: BlockDevice> fmt::Debug for FileSystem<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSystem")
            .field("shutdown", &self.shutdown_reason())
            .finish_non_exhaustive()
    }
}

impl<D: BlockDevice> FileSystem<D> {
    fn from_core(core: Rc<Core<D>>) -> Self {
        let dio = DioIomap::new(Rc::clone(&core));
        let swap = SwapIomap::new(Rc::clone(&core));
        Self { core, dio, swap }
    }

    /// Writes an empty filesystem over the whole device.
    ///
    /// # Errors
    /// [`MkfsError`]; the device holds no filesystem then.
    pub fn mkfs(device: &D, options: &MkfsOptions) -> Result<(), MkfsError> {
        mkfs::mkfs(device, options)
    }

    /// Mounts the filesystem on `device`, after recovery of its journal.
    ///
    /// # Errors
    /// [`MountError`] names the block and what was expected there.
    pub fn mount(device: Rc<D>, options: MountOptions) -> Result<Self, MountError> {
        mount::mount(device, &options).map(|core| Self::from_core(Rc::new(core)))
    }

    /// Checks the filesystem on `device`, which is not mounted. Writes nothing.
    ///
    /// # Errors
    /// [`FsckError`] when there is nothing to check or the device fails.
    pub fn fsck(device: &D) -> Result<Report, FsckError> {
        fsck::fsck(device)
    }

    /// Why the filesystem is shut down, if it is.
    #[must_use]
    pub fn shutdown_reason(&self) -> Option<ShutdownReason> {
        self.core.state().shutdown
    }

    /// The names in the root directory, in the order of the disk.
    ///
    /// # Errors
    /// `EIO` after a shutdown.
    pub fn names(&self) -> Result<Vec<Vec<u8>>, Errno> {
        self.core.check_alive()?;
        let state = self.core.state();
        Ok(state.directory.entries().map(|entry| entry.name.to_vec()).collect())
    }

    /// What is known of a file.
    ///
    /// # Errors
    /// `EIO` after a shutdown, `ENOENT` for a file that was not opened.
    pub fn stat(&self, ino: Ino) -> Result<Stat, Errno> {
        self.core.check_alive()?;
        let state = self.core.state();
        let incore = state.inodes.get(&ino.0).ok_or(Errno::ENOENT)?;
        Ok(Stat {
            ino,
            kind: incore.inode.kind,
            size_bytes: incore.inode.size,
            blocks: incore.inode.blocks(),
            nlink: incore.inode.nlink,
            is_swapfile: incore.is_swapfile,
            is_dirty: state.is_dirty(incore),
        })
    }

    /// What is known of the filesystem.
    ///
    /// # Errors
    /// `EIO` after a shutdown.
    pub fn statfs(&self) -> Result<StatFs, Errno> {
        self.core.check_alive()?;
        let state = self.core.state();
        Ok(StatFs {
            block_bytes: crate::format::BLOCK_BYTES,
            blocks: self.core.layout.blocks,
            blocks_free: state.space.free(),
            files: state.directory.entries().count() as u64,
        })
    }
}
