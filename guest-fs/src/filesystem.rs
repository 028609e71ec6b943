//! The handle on a mounted filesystem and the types of its interface.

use alloc::rc::Rc;
use core::fmt;

use block::BlockDevice;
use iomap::MapKind;
use tasks::TaskHandle;

use crate::audit::{Auditor, Clock};
use crate::format::inode::Times;
use crate::fsck::{self, FsckError, Report};
use crate::map::{DioIomap, SwapIomap};
use crate::mkfs::{self, MkfsError, MkfsOptions};
use crate::mount::{self, MountError, MountOptions};
use crate::planted::Plant;
use crate::shutdown::ShutdownReason;
use crate::state::Core;

/// Names a file: the block of its inode. Valid from `create`, `open` or `lookup` until the file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ino(pub u64);

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The inode number.
    pub ino: Ino,
    /// What it is.
    pub kind: crate::FileKind,
    /// Size in bytes; of a directory the number of its entries.
    pub size_bytes: u64,
    /// Blocks of data and of its map, and those that dirty pages will need.
    pub blocks: u64,
    /// Names; for a directory 2 and one for each directory in it.
    pub nlink: u32,
    /// Tells apart the files that had this inode number one after the other.
    pub generation: u64,
    /// When what was changed.
    pub times: Times,
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
    /// Blocks that files can have. A few more are kept for changes that give space back.
    pub blocks_free: u64,
    /// Entries of the root directory.
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
        let core = mount::mount(device, &options, Plant::default())?;
        Ok(Self::from_core(Rc::new(core)))
    }

    /// As [`FileSystem::mount`], with a bug in it for tests to find.
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "planted")]
    pub fn mount_planted(
        device: Rc<D>,
        options: MountOptions,
        bug: Option<crate::planted::Planted>,
    ) -> Result<Self, MountError> {
        let core = mount::mount(device, &options, Plant { bug })?;
        Ok(Self::from_core(Rc::new(core)))
    }

    /// Checks the filesystem on `device`, which is not mounted. Writes nothing.
    ///
    /// # Errors
    /// [`FsckError`] when there is nothing to check or the device fails.
    pub fn fsck(device: &D) -> Result<Report, FsckError> {
        fsck::fsck(device)
    }

    /// Checks the filesystem on `device`, which is not mounted, and repairs what needs no guess: superblock
    /// copies, bitmaps and their summaries, link counts. The report says what was wrong before. Nothing is
    /// written while the journal is not empty, or a part is unreadable, or two files claim one block.
    ///
    /// # Errors
    /// [`FsckError`] when there is nothing to check or the device fails.
    pub fn repair(device: &D) -> Result<Report, FsckError> {
        fsck::repair(device)
    }

    /// Why the filesystem is shut down, if it is.
    #[must_use]
    pub fn shutdown_reason(&self) -> Option<ShutdownReason> {
        self.core.state().shutdown
    }

    /// How many metadata blocks were looked at since the mount, in memory or on the device: what a search in a
    /// tree costs, counted.
    #[must_use]
    pub fn metadata_looks(&self) -> u64 {
        self.core.state().looks.get()
    }

    /// Shows everything that this filesystem does to `auditor` from now on.
    pub fn set_auditor(&self, auditor: Option<Rc<dyn Auditor>>) {
        self.core.set_auditor(auditor);
    }

    /// Where times come from. Without a clock they are 0.
    pub fn set_clock(&self, clock: Rc<dyn Clock>) {
        self.core.set_clock(clock);
    }

    /// Who else runs while this filesystem waits, and whom it asks for the memory of transactions (as Linux with
    /// `GFP_NOFS | __GFP_NOFAIL`). Without tasks nobody waits: what could never come is `EDEADLK`.
    pub fn set_tasks(&self, tasks: TaskHandle) {
        self.core.set_tasks(tasks);
    }
}
