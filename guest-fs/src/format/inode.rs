//! An inode: one block, named by its block number (as in GFS2 and OCFS2).

use alloc::vec::Vec;

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::extent::{DiskExtent, Extent, FILE_BLOCKS_MAX, decode_all};
use super::superblock::Layout;
use super::{BLOCK, BLOCK_BYTES, Corruption, Header, Image, Structure, begin, verify};

/// Extents that fit into the inode itself.
pub(crate) const INLINE_EXTENTS_MAX: usize = FORK_BYTES / size_of::<DiskExtent>();

/// Leaves that an inode can point to.
pub(crate) const LEAVES_MAX: usize = FORK_BYTES / size_of::<DiskLeaf>();

const FORK_BYTES: usize = BLOCK - 128;

/// What an inode stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
}

impl FileKind {
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::File => 1,
            Self::Directory => 2,
        }
    }

    pub(crate) const fn from_code(code: u16) -> Option<Self> {
        Some(match code {
            1 => Self::File,
            2 => Self::Directory,
            _ => return None,
        })
    }
}

/// A pointer to a leaf on disk.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct DiskLeaf {
    file_block: U64,
    block: U64,
}

/// An inode on disk.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Disk {
    header: Header,
    kind: U16,
    format: U16,
    nlink: U32,
    flags: U64,
    size: U64,
    blocks: U64,
    count: U32,
    reserved: [u8; 44],
    fork: [u8; FORK_BYTES],
}

const _: () = assert!(size_of::<Disk>() == BLOCK);

const FORMAT_INLINE: u16 = 0;
const FORMAT_LEAVES: u16 = 1;

/// Where an inode's extents are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fork {
    /// In the inode.
    Inline(Vec<Extent>),
    /// In leaves: first file block and device block of each, in file order, at least one.
    Leaves(Vec<(u64, u64)>),
}

/// What an inode block says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawInode {
    pub(crate) kind: FileKind,
    pub(crate) nlink: u32,
    /// Size in bytes.
    pub(crate) size: u64,
    /// Blocks of data and leaves.
    pub(crate) blocks: u64,
    pub(crate) fork: Fork,
}

/// The inode `ino`.
pub(crate) fn encode(layout: &Layout, ino: u64, inode: &RawInode) -> Image {
    let mut image = begin(layout.identity(Structure::Inode, ino, ino));
    let disk: &mut Disk = zerocopy::transmute_mut!(&mut *image);
    disk.kind = inode.kind.code().into();
    disk.nlink = inode.nlink.into();
    disk.size = inode.size.into();
    disk.blocks = inode.blocks.into();
    let count = match &inode.fork {
        Fork::Inline(extents) => {
            disk.format = FORMAT_INLINE.into();
            let mut slots = [DiskExtent::new_zeroed(); INLINE_EXTENTS_MAX];
            for (slot, extent) in slots.iter_mut().zip(extents) {
                *slot = (*extent).into();
            }
            put_prefix(&mut disk.fork, slots.as_bytes());
            extents.len()
        }
        Fork::Leaves(leaves) => {
            disk.format = FORMAT_LEAVES.into();
            let mut slots = [DiskLeaf::new_zeroed(); LEAVES_MAX];
            for (slot, (file_block, block)) in slots.iter_mut().zip(leaves) {
                *slot = DiskLeaf { file_block: (*file_block).into(), block: (*block).into() };
            }
            put_prefix(&mut disk.fork, slots.as_bytes());
            leaves.len()
        }
    };
    disk.count = u32::try_from(count).unwrap_or(u32::MAX).into();
    image
}

fn put_prefix(dst: &mut [u8], src: &[u8]) {
    for (slot, byte) in dst.iter_mut().zip(src) {
        *slot = *byte;
    }
}

/// Reads the inode `ino`.
///
/// # Errors
/// [`Corruption`] if the block is none or its fields make no sense.
pub(crate) fn decode(layout: &Layout, ino: u64, image: &Image) -> Result<RawInode, Corruption> {
    let identity = layout.identity(Structure::Inode, ino, ino);
    verify(image, identity)?;
    let disk: &Disk = zerocopy::transmute_ref!(&**image);
    let kind = FileKind::from_code(disk.kind.get());
    let kind = kind.ok_or(identity.field("the kind file or directory"))?;
    if disk.flags.get() != 0 {
        return Err(identity.field("known inode flags"));
    }
    if disk.size.get() > FILE_BLOCKS_MAX.saturating_mul(BLOCK_BYTES) {
        return Err(identity.field("a size of at most 2^52 bytes"));
    }
    let fork = decode_fork(layout, disk).map_err(|what| identity.field(what))?;
    Ok(RawInode {
        kind,
        nlink: disk.nlink.get(),
        size: disk.size.get(),
        blocks: disk.blocks.get(),
        fork,
    })
}

fn decode_fork(layout: &Layout, disk: &Disk) -> Result<Fork, &'static str> {
    match disk.format.get() {
        FORMAT_INLINE => {
            let (slots, _) = <[DiskExtent; INLINE_EXTENTS_MAX]>::ref_from_prefix(&disk.fork)
                .map_err(|_| "extents")?;
            Ok(Fork::Inline(decode_all(layout, slots, disk.count.get())?))
        }
        FORMAT_LEAVES => {
            let (slots, _) = <[DiskLeaf; LEAVES_MAX]>::ref_from_prefix(&disk.fork)
                .map_err(|_| "leaf pointers")?;
            let count = usize::try_from(disk.count.get()).unwrap_or(usize::MAX);
            let slots = slots.get(..count).ok_or("a leaf count that fits the inode")?;
            if slots.is_empty() {
                return Err("at least one leaf");
            }
            let leaves: Vec<_> =
                slots.iter().map(|slot| (slot.file_block.get(), slot.block.get())).collect();
            if !leaves.is_sorted_by(|a, b| a.0 < b.0) {
                return Err("leaves in file order");
            }
            if leaves.iter().any(|(_, block)| !layout.is_data_run(*block, 1)) {
                return Err("leaves inside the data area");
            }
            Ok(Fork::Leaves(leaves))
        }
        _ => Err("a known extent format"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::seal;
    use super::*;

    fn layout() -> Layout {
        Layout::plan([1; 16], [0; 32], 4096, 64).unwrap()
    }

    #[test]
    fn an_inode_with_extents_has_this_wire_form() {
        let extent = Extent { file_block: 0, block: 200, blocks: 3, is_unwritten: true };
        let inode = RawInode {
            kind: FileKind::File,
            nlink: 1,
            size: 12_000,
            blocks: 3,
            fork: Fork::Inline(vec![extent]),
        };
        let mut image = encode(&layout(), 90, &inode);
        seal(&mut image, 1);
        assert_eq!(image[40..48], 90_u64.to_le_bytes());
        assert_eq!(image[48..56], [1, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(image[56..64], [0; 8]);
        assert_eq!(image[64..72], 12_000_u64.to_le_bytes());
        assert_eq!(image[72..80], 3_u64.to_le_bytes());
        assert_eq!(image[80..84], 1_u32.to_le_bytes());
        assert_eq!(image[84..128], [0; 44]);
        assert_eq!(image[136..144], 200_u64.to_le_bytes());
        assert_eq!(decode(&layout(), 90, &image), Ok(inode));
        assert_eq!((INLINE_EXTENTS_MAX, LEAVES_MAX), (165, 248));
    }

    #[test]
    fn an_inode_with_leaves_has_this_wire_form() {
        let fork = Fork::Leaves(vec![(0, 100), (500, 101)]);
        let inode = RawInode { kind: FileKind::Directory, nlink: 1, size: 0, blocks: 2, fork };
        let mut image = encode(&layout(), 90, &inode);
        seal(&mut image, 1);
        assert_eq!(image[48..52], [2, 0, 1, 0]);
        assert_eq!(image[144..152], 500_u64.to_le_bytes());
        assert_eq!(image[152..160], 101_u64.to_le_bytes());
        assert_eq!(decode(&layout(), 90, &image), Ok(inode));
    }
}
