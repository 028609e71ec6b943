//! Mounting: find the superblock, recover the journal, load the summaries of the groups.
//!
//! What a mount reads grows with the number of groups (4 KiB for 252 of them), not with files or blocks.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::fmt;

use block::BlockDevice;
use hal::OutOfMemory;
use iomap::Errno;

use crate::events::Event;
use crate::format::inode::FileKind;
use crate::format::superblock::{
    self, GROUP_BLOCKS, JOURNAL_AT, KNOWN_INCOMPAT, KNOWN_RO_COMPAT, Layout, SUPERBLOCK_AT,
    VERSION, copies_in_groups,
};
use crate::format::{Corruption, Image, Structure, group, journal, seal, verify};
use crate::inode::{Incore, fields};
use crate::log::LogState;
use crate::log::recovery::{Replay, ScanError, is_newer_in_place, scan};
use crate::meta::Fault;
use crate::planted::Plant;
use crate::space::Groups;
use crate::state::{Core, State};
use crate::store::{IoError, Reserve};

/// Deliberate deviations, for experiments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsKnobs {
    /// The control of the shutdown scenario: the swap mapping gives `EIO` after a shutdown, as the
    /// direct-I/O mapping does. Default: false, swap goes on.
    pub swap_map_honours_shutdown: bool,
    /// The control of the shared-file scenario: the swap mapping takes shared blocks for the file's own,
    /// so that a swap-out overwrites what another file holds. Default: false, they are refused.
    pub swap_map_ignores_sharing: bool,
}

/// Pages of files in memory at most, if nobody says otherwise: 4 MiB.
pub const CACHE_PAGES: usize = 1024;

/// How to mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MountOptions {
    /// Deliberate deviations.
    pub knobs: FsKnobs,
    /// Pages of files in memory at most (at least 1). They are taken from the device's memory when they are needed.
    pub cache_pages_max: usize,
}

impl Default for MountOptions {
    fn default() -> Self {
        Self { knobs: FsKnobs::default(), cache_pages_max: CACHE_PAGES }
    }
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
    /// Work that a crash left unfinished could not be finished; the filesystem is shut down.
    Unfinished(Errno),
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
            Self::Unfinished(errno) => {
                write!(f, "what a crash left unfinished could not be finished: {errno}")
            }
            Self::DeviceTooSmall { filesystem, device } => {
                write!(f, "the filesystem has {filesystem} blocks, the device only {device}")
            }
        }
    }
}

impl core::error::Error for MountError {}

impl MountError {
    /// What mount(2) gives.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::OutOfMemory => Errno::ENOMEM,
            Self::Corrupt(_) => Errno::EUCLEAN,
            _ => Errno::EIO,
        }
    }
}

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

impl From<Fault> for MountError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Io(error) => Self::Io(error),
            Fault::Corrupt(corruption) => Self::Corrupt(corruption),
            Fault::Errno(errno) => Self::Unfinished(errno),
            Fault::Absent => Self::Unfinished(Errno::EIO),
        }
    }
}

/// Mounts the filesystem on `device`.
pub(crate) fn mount<D: BlockDevice>(
    device: Rc<D>,
    options: &MountOptions,
    plant: Plant,
) -> Result<Core<D>, MountError> {
    let reserve = Reserve::new(&*device)?;
    let layout = find_superblock(&*device, &reserve)?;
    check_superblock(&layout, device.geometry().size_blocks)?;
    let head = recover(&*device, &reserve, &layout, plant)?;
    let groups = load_groups(&layout, |block| reserve.read(&*device, block))?;
    device.tracer().emit(Event::Mount { blocks: layout.blocks, free: groups.free() });
    let state = State::new(LogState::new(layout.journal_blocks, head), groups);
    let core = Core::new(device, reserve, layout, options, plant, state);
    let root = fields(&core, layout.root)?;
    if root.kind != FileKind::Directory {
        let identity = layout.identity(Structure::Inode, layout.root, layout.root);
        return Err(identity.field("the kind directory, being the root").into());
    }
    core.state().inodes.insert(layout.root, Incore::default());
    core.finish_crashed()?;
    Ok(core)
}

/// The superblock, or a copy if that is damaged.
pub(crate) fn find_superblock<D: BlockDevice>(
    device: &D,
    reserve: &Reserve<D::Page>,
) -> Result<Layout, MountError> {
    let attempt = |block| {
        let image = reserve.read(device, block)?;
        superblock::decode(&image, block).map_err(MountError::from)
    };
    attempt(SUPERBLOCK_AT).or_else(|first_error| {
        let size = device.geometry().size_blocks;
        let last = size.saturating_sub(1);
        // A short last group is left out by mkfs.
        let last_whole = size.saturating_sub(size % GROUP_BLOCKS).saturating_sub(1);
        let in_groups = copies_in_groups().take_while(|block| *block < size);
        for block in [last, last_whole].into_iter().chain(in_groups) {
            if let Ok(layout) = attempt(block) {
                device.tracer().emit(Event::SuperblockCopyUsed { block });
                return Ok(layout);
            }
        }
        Err(first_error)
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
    plant: Plant,
) -> Result<u64, MountError> {
    let Replay { tail, head, batches, mut images } =
        scan(layout, plant, |block| reserve.read(device, block))?;
    if batches == 0 {
        return Ok(head);
    }
    let mut newer = Vec::new();
    for (block, image) in &images {
        // A block in place that cannot be read is about to be written: no reason to give up.
        let place = reserve.read(device, *block).ok();
        if place.is_some_and(|place| is_newer_in_place(layout, *block, image, &place)) {
            newer.push(*block);
        }
    }
    newer.iter().for_each(|block| drop(images.remove(block)));
    let blocks = images.len() as u64;
    device.tracer().emit(Event::Recovery { batches, blocks, tail, head });
    reserve.write(device, images.iter().map(|(block, image)| (*block, image)), false)?;
    reserve.flush(device)?;
    let mut header = journal::encode_header(layout, head);
    seal(&mut header, head);
    reserve.write(device, [(JOURNAL_AT, &header)], true)?;
    Ok(head)
}

/// Reads the group table.
pub(crate) fn load_groups(
    layout: &Layout,
    mut read: impl FnMut(u64) -> Result<Image, IoError>,
) -> Result<Groups, MountError> {
    let mut infos = Vec::new();
    for index in 0..layout.table_blocks {
        let block = layout.table_start.saturating_add(index);
        let image = read(block)?;
        verify(&image, layout.identity(Structure::GroupTable, block, 0))?;
        infos.extend(group::infos(layout, index, &image)?);
    }
    Ok(Groups::new(infos))
}
