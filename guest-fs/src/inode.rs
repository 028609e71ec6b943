//! Inodes in memory.

use alloc::rc::Rc;
use alloc::vec::Vec;

use crate::extents::{ExtentMap, IN_INODE};
use crate::format::Image;
use crate::format::extent::encode_leaf;
use crate::format::inode::{FileKind, Fork, RawInode, encode};
use crate::format::superblock::Layout;
use crate::lock::Lock;

/// What a transaction changes of an inode. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Inode {
    pub(crate) kind: FileKind,
    pub(crate) nlink: u32,
    /// Size in bytes.
    pub(crate) size: u64,
    pub(crate) map: ExtentMap,
}

impl Inode {
    pub(crate) fn new(kind: FileKind) -> Self {
        Self { kind, nlink: 1, size: 0, map: ExtentMap::empty() }
    }

    /// Blocks of data and leaves.
    pub(crate) fn blocks(&self) -> u64 {
        self.map.data_blocks().saturating_add(self.map.leaf_blocks())
    }

    /// The blocks that differ from disk: the inode, and its touched leaves.
    pub(crate) fn images(&self, layout: &Layout, ino: u64) -> Vec<(u64, Image)> {
        let leaves = self.map.leaves();
        let fork = match leaves {
            [leaf] if leaf.block == IN_INODE => Fork::Inline(leaf.extents.to_vec()),
            _ => Fork::Leaves(leaves.iter().map(leaf_pointer).collect()),
        };
        let raw = RawInode {
            kind: self.kind,
            nlink: self.nlink,
            size: self.size,
            blocks: self.blocks(),
            fork,
        };
        let mut images = alloc::vec![(ino, encode(layout, ino, &raw))];
        for leaf in leaves.iter().filter(|leaf| leaf.is_touched && leaf.block != IN_INODE) {
            images.push((leaf.block, encode_leaf(layout, leaf.block, ino, &leaf.extents)));
        }
        images
    }
}

fn leaf_pointer(leaf: &crate::extents::Leaf) -> (u64, u64) {
    (leaf.extents.first().map_or(0, |extent| extent.file_block), leaf.block)
}

/// An inode with what is only in memory.
#[derive(Debug)]
pub(crate) struct Incore {
    pub(crate) inode: Inode,
    pub(crate) lock: Rc<Lock>,
    /// The lock around a whole direct I/O (XFS: IOLOCK).
    pub(crate) io_lock: Rc<Lock>,
    /// An active swap file (Linux `S_SWAPFILE`).
    pub(crate) is_swapfile: bool,
    /// The log epoch of the last transaction that changed it; 0 if none did since it was read.
    pub(crate) epoch: u64,
    /// Changes with every change of the map.
    pub(crate) cookie: u64,
}

impl Incore {
    pub(crate) fn new(inode: Inode) -> Self {
        let (lock, io_lock) = (Rc::new(Lock::default()), Rc::new(Lock::default()));
        Self { inode, lock, io_lock, is_swapfile: false, epoch: 0, cookie: 0 }
    }
}
