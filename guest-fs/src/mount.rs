//! Mounting: find the superblock, recover the journal, load what is always in memory.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::fmt;

use block::BlockDevice;
use hal::OutOfMemory;

use crate::directory::{Directory, DirectoryBlock};
use crate::events::Event;
use crate::extents::ExtentMap;
use crate::format::inode::{FileKind, Fork};
use crate::format::superblock::{
    self, JOURNAL_AT, KNOWN_INCOMPAT, KNOWN_RO_COMPAT, Layout, SUPERBLOCK_AT, VERSION,
};
use crate::format::{
    BLOCK_BYTES, Corruption, Image, Structure, bitmap, directory, extent, inode, journal, seal,
};
use crate::inode::{Incore, Inode};
use crate::log::LogState;
use crate::log::recovery::{Replay, ScanError, scan};
use crate::space::{Run, Space};
use crate::state::{Core, State};
use crate::store::{IoError, Reserve};

/// Deliberate deviations, for experiments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsKnobs {
    /// The control of the shutdown scenario: the swap mapping gives `EIO` after a shutdown, as the
    /// direct-I/O mapping does. Default: false, swap goes on.
    pub swap_map_honours_shutdown: bool,
}

/// How to mount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// Deliberate deviations.
    pub knobs: FsKnobs,
}

/// Why a filesystem cannot be mounted (or checked).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountError {
    /// The device failed.
    Io(IoError),
    /// No DMA memory.
    OutOfMemory,
    /// A block is not what it should be. For block 0: there is no filesystem of ours.
    Corrupt(Corruption),
    /// A newer format.
    Version {
        /// What the superblock says.
        found: u32,
    },
    /// Features that this code does not know.
    Features {
        /// Unknown incompatible bits.
        incompat: u64,
        /// Unknown read-only-compatible bits.
        ro_compat: u64,
    },
    /// The filesystem is larger than its device.
    DeviceTooSmall {
        /// Blocks of the filesystem.
        filesystem: u64,
        /// Blocks of the device.
        device: u64,
    },
}

impl fmt::Display for MountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::OutOfMemory => f.write_str("no DMA memory left"),
            Self::Corrupt(corruption) => corruption.fmt(f),
            Self::Version { found } => write!(f, "format version {found}, expected {VERSION}"),
            Self::Features { incompat, ro_compat } => write!(
                f,
                "unknown feature bits: incompatible {incompat:#x}, read-only-compatible {ro_compat:#x}"
            ),
            Self::DeviceTooSmall { filesystem, device } => {
                write!(f, "the filesystem has {filesystem} blocks, the device only {device}")
            }
        }
    }
}

impl core::error::Error for MountError {}

impl From<IoError> for MountError {
    fn from(error: IoError) -> Self {
        Self::Io(error)
    }
}

impl From<Corruption> for MountError {
    fn from(corruption: Corruption) -> Self {
        Self::Corrupt(corruption)
    }
}

impl From<OutOfMemory> for MountError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

impl From<ScanError> for MountError {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Io(error) => Self::Io(error),
            ScanError::Corrupt(corruption) => Self::Corrupt(corruption),
        }
    }
}

/// Mounts the filesystem on `device`.
pub(crate) fn mount<D: BlockDevice>(
    device: Rc<D>,
    options: &MountOptions,
) -> Result<Core<D>, MountError> {
    let reserve = Reserve::new(&*device)?;
    let layout = find_superblock(&*device, &reserve)?;
    check_superblock(&layout, device.geometry().size_blocks)?;
    let head = recover(&*device, &reserve, &layout)?;
    let read = |block| reserve.read(&*device, block);
    let space = load_space(&layout, read)?;
    let root = load_inode(&layout, layout.root, read)?;
    let identity = layout.identity(Structure::Inode, layout.root, layout.root);
    if root.kind != FileKind::Directory {
        return Err(identity.field("the kind directory, being the root").into());
    }
    let directory = load_directory(&layout, &root, read)?;
    device.tracer().emit(Event::Mount { blocks: layout.blocks, free: space.free() });
    let state = State {
        shutdown: None,
        is_mounted: true,
        log: LogState::new(layout.journal_blocks, head),
        space,
        directory,
        inodes: BTreeMap::from([(layout.root, Incore::new(root))]),
    };
    Ok(Core::new(device, reserve, layout, options.knobs, state))
}

/// The superblock, or its copy if that is damaged.
pub(crate) fn find_superblock<D: BlockDevice>(
    device: &D,
    reserve: &Reserve<D::Page>,
) -> Result<Layout, MountError> {
    let attempt = |block| {
        let image = reserve.read(device, block)?;
        superblock::decode(&image, block).map_err(MountError::from)
    };
    attempt(SUPERBLOCK_AT).or_else(|first_error| {
        let copy_at = device.geometry().size_blocks.saturating_sub(1);
        let layout = attempt(copy_at).map_err(|_| first_error)?;
        device.tracer().emit(Event::SuperblockCopyUsed { block: copy_at });
        Ok(layout)
    })
}

/// Can this code work with that filesystem on that device?
pub(crate) fn check_superblock(layout: &Layout, device: u64) -> Result<(), MountError> {
    if layout.version != VERSION {
        return Err(MountError::Version { found: layout.version });
    }
    let incompat = layout.incompat & !KNOWN_INCOMPAT;
    let ro_compat = layout.ro_compat & !KNOWN_RO_COMPAT;
    if incompat != 0 || ro_compat != 0 {
        return Err(MountError::Features { incompat, ro_compat });
    }
    if layout.blocks > device {
        return Err(MountError::DeviceTooSmall { filesystem: layout.blocks, device });
    }
    Ok(())
}

/// Replays the journal. Returns where the next batch goes.
fn recover<D: BlockDevice>(
    device: &D,
    reserve: &Reserve<D::Page>,
    layout: &Layout,
) -> Result<u64, MountError> {
    let Replay { tail, head, batches, images } = scan(layout, |block| reserve.read(device, block))?;
    if batches == 0 {
        return Ok(head);
    }
    let blocks = images.len() as u64;
    device.tracer().emit(Event::Recovery { batches, blocks, tail, head });
    reserve.write(device, images.iter().map(|(block, image)| (*block, image)), false)?;
    reserve.flush(device)?;
    let mut header = journal::encode_header(layout, head);
    seal(&mut header, head);
    reserve.write(device, [(JOURNAL_AT, &header)], true)?;
    Ok(head)
}

/// Reads the bitmap. The fixed parts must be in use, or they would be given away.
pub(crate) fn load_space(
    layout: &Layout,
    mut read: impl FnMut(u64) -> Result<Image, IoError>,
) -> Result<Space, MountError> {
    let mut words = Vec::new();
    for index in 0..layout.bitmap_blocks {
        let image = read(layout.bitmap_start.saturating_add(index))?;
        words.extend(bitmap::decode(layout, index, &image)?);
    }
    let space = Space::new(layout.blocks, words);
    let fixed = Run { start: 0, blocks: layout.root.saturating_add(1) };
    if !space.is_used(fixed) || !space.is_used(Run::one(layout.copy_at())) {
        let identity = layout.identity(Structure::Bitmap, layout.bitmap_start, 0);
        return Err(identity.field("the fixed parts marked in use").into());
    }
    Ok(space)
}

/// Reads an inode with all its leaves.
pub(crate) fn load_inode(
    layout: &Layout,
    ino: u64,
    mut read: impl FnMut(u64) -> Result<Image, IoError>,
) -> Result<Inode, MountError> {
    let raw = inode::decode(layout, ino, &read(ino)?)?;
    let identity = layout.identity(Structure::Inode, ino, ino);
    let mut leaves = Vec::new();
    match raw.fork {
        Fork::Inline(extents) => leaves.push((crate::extents::IN_INODE, extents)),
        Fork::Leaves(pointers) => {
            let mut file_end = 0;
            for (first, block) in pointers {
                let extents = extent::decode_leaf(layout, block, ino, &read(block)?)?;
                let starts_at = extents.first().map(|extent| extent.file_block);
                if starts_at != Some(first) || first < file_end {
                    return Err(identity.field("leaves that fit their pointers").into());
                }
                file_end = extents.last().map_or(file_end, extent::Extent::file_end);
                leaves.push((block, extents));
            }
        }
    }
    let map = ExtentMap::from_leaves(leaves);
    let inode = Inode { kind: raw.kind, nlink: raw.nlink, size: raw.size, map };
    if inode.blocks() != raw.blocks || raw.blocks > layout.blocks {
        return Err(identity.field("the number of blocks that its extents have").into());
    }
    Ok(inode)
}

/// Reads the root directory: every block of its size.
pub(crate) fn load_directory(
    layout: &Layout,
    root: &Inode,
    mut read: impl FnMut(u64) -> Result<Image, IoError>,
) -> Result<Directory, MountError> {
    let identity = layout.identity(Structure::Inode, layout.root, layout.root);
    let mut blocks = Vec::new();
    for extent in root.map.iter() {
        if extent.is_unwritten || extent.file_block != blocks.len() as u64 {
            return Err(identity.field("a directory without holes").into());
        }
        for block in extent.block..extent.end() {
            let entries = directory::decode(layout, block, layout.root, &read(block)?)?;
            blocks.push(DirectoryBlock { block, entries: Rc::new(entries) });
        }
    }
    if root.size != (blocks.len() as u64).saturating_mul(BLOCK_BYTES) {
        return Err(identity.field("the size of its directory blocks").into());
    }
    Ok(Directory { blocks })
}
