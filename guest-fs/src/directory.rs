//! The root directory in memory: all its blocks, searched from the first to the last.

use alloc::rc::Rc;
use alloc::vec::Vec;

use crate::format::directory::{ENTRY_AREA_BYTES, Entry};

/// One block of entries.
#[derive(Clone, Debug)]
pub(crate) struct DirectoryBlock {
    /// Where it is on the device.
    pub(crate) block: u64,
    pub(crate) entries: Rc<Vec<Entry>>,
}

impl DirectoryBlock {
    fn used_bytes(&self) -> usize {
        self.entries.iter().map(Entry::size_bytes).fold(0, usize::saturating_add)
    }
}

/// Where a name was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Index of the block in the directory.
    pub(crate) index: usize,
    /// Index of the entry in the block.
    pub(crate) slot: usize,
    pub(crate) ino: u64,
}

/// The root directory.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    pub(crate) blocks: Vec<DirectoryBlock>,
}

impl Directory {
    pub(crate) fn find(&self, name: &[u8]) -> Option<Place> {
        self.blocks.iter().enumerate().find_map(|(index, block)| {
            let slot = block.entries.iter().position(|entry| *entry.name == *name)?;
            let ino = block.entries.get(slot)?.ino;
            Some(Place { index, slot, ino })
        })
    }

    /// The first block with room for `bytes`.
    pub(crate) fn room_for(&self, bytes: usize) -> Option<usize> {
        self.blocks
            .iter()
            .position(|block| block.used_bytes().saturating_add(bytes) <= ENTRY_AREA_BYTES)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.blocks.iter().flat_map(|block| block.entries.iter())
    }
}
