//! Extents, and the leaf block that holds those which do not fit into the inode.

use alloc::vec::Vec;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::superblock::Layout;
use super::{BLOCK, Corruption, Header, Image, Structure, begin, verify};

/// The most blocks of a file.
pub(crate) const FILE_BLOCKS_MAX: u64 = 1 << 40;

/// Extents in a leaf.
pub(crate) const LEAF_EXTENTS_MAX: usize = (BLOCK - 64) / size_of::<DiskExtent>();

/// The one flag of an extent: it reads as zeros.
const UNWRITTEN: u32 = 1;

/// A run of file blocks that is a run of device blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The first block in the file.
    pub(crate) file_block: u64,
    /// The first block on the device.
    pub(crate) block: u64,
    /// How many; at least 1, fits 32 bits.
    pub(crate) blocks: u64,
    /// Allocated but never written: reads as zeros.
    pub(crate) is_unwritten: bool,
}

impl Extent {
    /// One past the last block in the file.
    pub(crate) const fn file_end(&self) -> u64 {
        self.file_block.saturating_add(self.blocks)
    }

    /// One past the last block on the device.
    pub(crate) const fn end(&self) -> u64 {
        self.block.saturating_add(self.blocks)
    }

    /// Can `next` be part of this extent?
    pub(crate) const fn continues_with(&self, next: &Self) -> bool {
        self.file_end() == next.file_block
            && self.end() == next.block
            && self.is_unwritten == next.is_unwritten
            && self.blocks.saturating_add(next.blocks) <= u32::MAX as u64
    }
}

/// An extent on disk.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct DiskExtent {
    file_block: U64,
    block: U64,
    blocks: U32,
    flags: U32,
}

const _: () = assert!(size_of::<DiskExtent>() == 24);

impl From<Extent> for DiskExtent {
    fn from(extent: Extent) -> Self {
        Self {
            file_block: extent.file_block.into(),
            block: extent.block.into(),
            blocks: u32::try_from(extent.blocks).unwrap_or(u32::MAX).into(),
            flags: if extent.is_unwritten { UNWRITTEN.into() } else { 0.into() },
        }
    }
}

/// Extents of one block, checked: in order, apart, inside the file and the data area.
///
/// # Errors
/// The field that makes no sense.
pub(super) fn decode_all(
    layout: &Layout,
    disk: &[DiskExtent],
    count: u32,
) -> Result<Vec<Extent>, &'static str> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let disk = disk.get(..count).ok_or("an extent count that fits the block")?;
    let mut extents = Vec::with_capacity(count);
    let mut file_end = 0;
    for raw in disk {
        let extent = Extent {
            file_block: raw.file_block.get(),
            block: raw.block.get(),
            blocks: raw.blocks.get().into(),
            is_unwritten: raw.flags.get() == UNWRITTEN,
        };
        if raw.flags.get() & !UNWRITTEN != 0 {
            return Err("known extent flags");
        }
        if extent.file_block < file_end || extent.file_end() > FILE_BLOCKS_MAX {
            return Err("extents in file order that do not overlap");
        }
        if !layout.is_data_run(extent.block, extent.blocks) {
            return Err("extents inside the data area");
        }
        file_end = extent.file_end();
        extents.push(extent);
    }
    Ok(extents)
}

/// A leaf on disk.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Disk {
    header: Header,
    count: U32,
    reserved: [u8; 12],
    extents: [DiskExtent; LEAF_EXTENTS_MAX],
}

const _: () = assert!(size_of::<Disk>() == BLOCK);

/// The leaf at `block` of inode `owner`.
pub(crate) fn encode_leaf(layout: &Layout, block: u64, owner: u64, extents: &[Extent]) -> Image {
    let mut image = begin(layout.identity(Structure::ExtentLeaf, block, owner));
    let disk: &mut Disk = zerocopy::transmute_mut!(&mut *image);
    disk.count = u32::try_from(extents.len()).unwrap_or(u32::MAX).into();
    for (slot, extent) in disk.extents.iter_mut().zip(extents) {
        *slot = (*extent).into();
    }
    image
}

/// Reads the leaf at `block` of inode `owner`. It has at least one extent.
///
/// # Errors
/// [`Corruption`] if it is none or its extents make no sense.
pub(crate) fn decode_leaf(
    layout: &Layout,
    block: u64,
    owner: u64,
    image: &Image,
) -> Result<Vec<Extent>, Corruption> {
    let identity = layout.identity(Structure::ExtentLeaf, block, owner);
    verify(image, identity)?;
    let disk: &Disk = zerocopy::transmute_ref!(&**image);
    let extents = decode_all(layout, &disk.extents, disk.count.get());
    let extents = extents.map_err(|what| identity.field(what))?;
    if extents.is_empty() {
        return Err(identity.field("at least one extent"));
    }
    Ok(extents)
}

#[cfg(test)]
mod tests {
    use super::super::seal;
    use super::*;

    #[test]
    fn a_leaf_has_this_wire_form() {
        let layout = Layout::plan([1; 16], [0; 32], 4096, 64).unwrap();
        let extents = [
            Extent { file_block: 1, block: 100, blocks: 2, is_unwritten: false },
            Extent { file_block: 5, block: 300, blocks: 1, is_unwritten: true },
        ];
        let mut image = encode_leaf(&layout, 90, 80, &extents);
        seal(&mut image, 1);
        assert_eq!(image[48..52], 2_u32.to_le_bytes());
        assert_eq!(image[52..64], [0; 12]);
        assert_eq!(image[64..72], 1_u64.to_le_bytes());
        assert_eq!(image[72..80], 100_u64.to_le_bytes());
        assert_eq!(image[80..88], [2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(image[104..112], [1, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(decode_leaf(&layout, 90, 80, &image), Ok(extents.to_vec()));
        decode_leaf(&layout, 90, 81, &image).unwrap_err();
        assert_eq!(LEAF_EXTENTS_MAX, 168);
    }

    #[test]
    fn extents_that_overlap_or_leave_the_data_area_are_refused() {
        let layout = Layout::plan([1; 16], [0; 32], 4096, 64).unwrap();
        let good = Extent { file_block: 1, block: 100, blocks: 2, is_unwritten: false };
        let bad = [
            Extent { file_block: 2, ..good },
            Extent { file_block: 3, block: 67, ..good },
            Extent { file_block: 3, block: 4094, ..good },
            Extent { file_block: 3, block: u64::MAX, ..good },
            Extent { file_block: 3, blocks: 0, ..good },
            Extent { file_block: FILE_BLOCKS_MAX - 1, ..good },
        ];
        for extent in bad {
            let disk = [good.into(), extent.into()];
            assert!(decode_all(&layout, &disk, 2).is_err(), "{extent:?}");
        }
        decode_all(&layout, &[good.into()], 2).unwrap_err();
    }
}
