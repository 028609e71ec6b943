//! Making a filesystem.

use alloc::vec::Vec;
use core::fmt;

use block::BlockDevice;
use hal::OutOfMemory;
use iomap::Errno;

use crate::btree::Tree;
use crate::format::inode::{Fields, FileKind, Times};
use crate::format::superblock::{self, JOURNAL_AT, JOURNAL_BLOCKS_MIN, Layout};
use crate::format::{Image, begin, blank, group, inode, journal, seal};
use crate::space::fresh_info;
use crate::store::{IoError, Reserve};

/// The largest journal that is chosen by itself.
const JOURNAL_BLOCKS_DEFAULT_MAX: u64 = 4096;

/// Up to 32 MiB a small journal is enough: the trees are shallow.
const SMALL_BLOCKS: u64 = 1 << 13;

/// The smallest journal of a larger filesystem.
const JOURNAL_BLOCKS_LARGE: u64 = 1024;

/// What the new filesystem is to be like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MkfsOptions {
    /// Tells this filesystem's blocks from those of an older one. Nothing here is random, so the caller
    /// chooses.
    pub uuid: [u8; 16],
    /// A name for people; zero-padded.
    pub label: [u8; 32],
    /// Blocks of the journal's ring: at least 256, above 32 MiB 1024; `None`: 1/64 of the device, at most
    /// 4096.
    pub journal_blocks: Option<u64>,
}

/// Why there is no filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MkfsError {
    /// The device has too few blocks for this journal and one file.
    TooSmall {
        /// What it has.
        blocks: u64,
    },
    /// The journal must have at least 256 blocks, above 32 MiB 1024.
    JournalTooSmall {
        /// What was asked for.
        blocks: u64,
    },
    /// No DMA memory.
    OutOfMemory,
    /// The device failed.
    Io(IoError),
}

impl fmt::Display for MkfsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { blocks } => {
                write!(f, "the device has {blocks} blocks, too few for the journal and one file")
            }
            Self::JournalTooSmall { blocks } => {
                write!(
                    f,
                    "a journal of {blocks} blocks is too small: at least 256, above 32 MiB 1024"
                )
            }
            Self::OutOfMemory => f.write_str("no DMA memory left"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for MkfsError {}

impl MkfsError {
    /// What a program that makes a filesystem gives its caller.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::TooSmall { .. } => Errno::ENOSPC,
            Self::JournalTooSmall { .. } => Errno::EINVAL,
            Self::OutOfMemory => Errno::ENOMEM,
            Self::Io(_) => Errno::EIO,
        }
    }
}

impl From<OutOfMemory> for MkfsError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

impl From<IoError> for MkfsError {
    fn from(error: IoError) -> Self {
        Self::Io(error)
    }
}

/// Writes an empty filesystem over the whole device. The superblocks come last, so a filesystem
/// that was cut while it was made is none. Groups stay fresh: the work grows with the number of
/// groups, not of blocks.
pub(crate) fn mkfs<D: BlockDevice>(device: &D, options: &MkfsOptions) -> Result<(), MkfsError> {
    let blocks = device.geometry().size_blocks;
    let least = journal_blocks_min(blocks);
    let chosen = (blocks / 64).clamp(least, JOURNAL_BLOCKS_DEFAULT_MAX);
    let journal_blocks = options.journal_blocks.unwrap_or(chosen);
    if journal_blocks < least {
        return Err(MkfsError::JournalTooSmall { blocks: journal_blocks });
    }
    let layout = Layout::plan(options.uuid, options.label, blocks, journal_blocks);
    let layout = layout.ok_or(MkfsError::TooSmall { blocks })?;
    let reserve = Reserve::new(device)?;

    // No old superblock, no old log: nothing of an earlier filesystem may be taken for a part of ours.
    // The superblocks go first, so that nobody mounts what is left of the rest.
    let zeros = blank();
    reserve.write(device, layout.superblocks().map(|block| (block, &zeros)), true)?;
    let ring_end = JOURNAL_AT.saturating_add(1).saturating_add(journal_blocks);
    reserve.zero(device, JOURNAL_AT.saturating_add(1)..ring_end)?;

    for index in 0..layout.table_blocks {
        let first = index.saturating_mul(group::ENTRIES_PER_BLOCK as u64);
        let infos = (first..layout.groups()).map(|group| fresh_info(&layout, group));
        let image = sealed(group::encode_table(&layout, index, infos));
        let block = layout.table_start.saturating_add(index);
        reserve.write(device, [(block, &image)], false)?;
    }
    let trees = [Tree::refcounts(&layout), Tree::orphans(&layout)].map(|tree| {
        let mut image = begin(layout.identity(tree.kind.node(), tree.root, tree.root));
        tree.init(&mut image);
        (tree.root, sealed(image))
    });
    let mut root = inode::encode(&layout, layout.root, &root_fields(&layout));
    Tree::directory(layout.root).init(&mut root);
    let header = sealed(journal::encode_header(&layout, 0));
    // What is alone of its kind goes together: neighbours in one request, and one wait for all.
    let singles = trees.into_iter().chain([(layout.root, sealed(root)), (JOURNAL_AT, header)]);
    let singles: Vec<_> = singles.collect();
    reserve.write(device, singles.iter().map(|(block, image)| (*block, image)), false)?;
    reserve.flush(device)?;
    let mut superblocks: Vec<u64> = layout.superblocks().collect();
    superblocks.reverse();
    for block in superblocks {
        let superblock = sealed(superblock::encode(&layout, block));
        reserve.write(device, [(block, &superblock)], true)?;
    }
    Ok(())
}

/// The largest transaction must fit a ring twice, and trees are deeper where there is more to describe.
const fn journal_blocks_min(blocks: u64) -> u64 {
    if blocks <= SMALL_BLOCKS { JOURNAL_BLOCKS_MIN } else { JOURNAL_BLOCKS_LARGE }
}

fn sealed(mut image: Image) -> Image {
    seal(&mut image, 0);
    image
}

fn root_fields(layout: &Layout) -> Fields {
    Fields {
        kind: FileKind::Directory,
        nlink: 2,
        flags: 0,
        size: 0,
        blocks: 0,
        generation: 0,
        parent: layout.root,
        times: Times::default(),
    }
}
