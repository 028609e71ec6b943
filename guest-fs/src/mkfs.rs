//! Making a filesystem.

use alloc::vec::Vec;
use core::fmt;

use block::BlockDevice;
use hal::OutOfMemory;

use crate::format::inode::{FileKind, Fork, RawInode};
use crate::format::superblock::{self, JOURNAL_AT, JOURNAL_BLOCKS_MIN, Layout, SUPERBLOCK_AT};
use crate::format::{Image, bitmap, blank, inode, journal, seal};
use crate::space::Bits;
use crate::store::{IoError, Reserve};

/// The largest journal that is chosen by itself.
const JOURNAL_BLOCKS_DEFAULT_MAX: u64 = 2048;

/// What the new filesystem is to be like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MkfsOptions {
    /// Tells this filesystem's blocks from those of an older one. Nothing here is random, so the caller
    /// chooses.
    pub uuid: [u8; 16],
    /// A name for people; zero-padded.
    pub label: [u8; 32],
    /// Blocks of the journal's ring (at least 64); `None`: 1/64 of the device, 64 to 2048.
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
    /// The journal must have at least 64 blocks.
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
                write!(f, "a journal of {blocks} blocks is too small, at least 64 are needed")
            }
            Self::OutOfMemory => f.write_str("no DMA memory left"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for MkfsError {}

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
/// that was cut while it was made is none.
pub(crate) fn mkfs<D: BlockDevice>(device: &D, options: &MkfsOptions) -> Result<(), MkfsError> {
    let blocks = device.geometry().size_blocks;
    let chosen = (blocks / 64).clamp(JOURNAL_BLOCKS_MIN, JOURNAL_BLOCKS_DEFAULT_MAX);
    let journal_blocks = options.journal_blocks.unwrap_or(chosen);
    if journal_blocks < JOURNAL_BLOCKS_MIN {
        return Err(MkfsError::JournalTooSmall { blocks: journal_blocks });
    }
    let layout = Layout::plan(options.uuid, options.label, blocks, journal_blocks);
    let layout = layout.ok_or(MkfsError::TooSmall { blocks })?;
    let reserve = Reserve::new(device)?;

    // No old superblock, no old log: nothing of an earlier filesystem may be taken for a part of ours.
    // The superblocks go first, so that nobody mounts what is left of the rest.
    let zeros = blank();
    reserve.write(device, [(SUPERBLOCK_AT, &zeros)], true)?;
    reserve.write(device, [(layout.copy_at(), &zeros)], true)?;
    let ring_end = JOURNAL_AT.saturating_add(1).saturating_add(journal_blocks);
    let ring = JOURNAL_AT.saturating_add(1)..ring_end;
    reserve.write(device, ring.map(|block| (block, &zeros)), false)?;

    let sealed = |mut image: Image| {
        seal(&mut image, 0);
        image
    };
    for (index, image) in bitmaps(&layout) {
        let block = layout.bitmap_start.saturating_add(index);
        reserve.write(device, [(block, &sealed(image))], false)?;
    }
    let root = RawInode {
        kind: FileKind::Directory,
        nlink: 1,
        size: 0,
        blocks: 0,
        fork: Fork::Inline(Vec::new()),
    };
    let root = sealed(inode::encode(&layout, layout.root, &root));
    reserve.write(device, [(layout.root, &root)], false)?;
    let header = sealed(journal::encode_header(&layout, 0));
    reserve.write(device, [(JOURNAL_AT, &header)], false)?;
    reserve.flush(device)?;
    for block in [layout.copy_at(), SUPERBLOCK_AT] {
        let superblock = sealed(superblock::encode(&layout, block));
        reserve.write(device, [(block, &superblock)], true)?;
    }
    Ok(())
}

/// The bitmap of an empty filesystem: everything up to the root's inode is in use, and the copy.
fn bitmaps(layout: &Layout) -> impl Iterator<Item = (u64, Image)> + '_ {
    let mut used = Bits::new(layout.blocks);
    (0..=layout.root).for_each(|block| used.set(block, true));
    used.set(layout.copy_at(), true);
    (0..layout.bitmap_blocks).map(move |index| {
        let start = usize::try_from(index).unwrap_or(usize::MAX);
        let words = used.words().chunks(bitmap::WORDS_PER_BLOCK).nth(start).unwrap_or(&[]);
        (index, bitmap::encode(layout, index, words))
    })
}
