//! The superblock: what the filesystem is and where its parts are. Written by mkfs, never changed.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{BLOCK, Corruption, Header, Identity, Image, Structure, begin, bitmap, verify};

/// The version of the format. A change that no feature bit describes makes a new version.
pub(crate) const VERSION: u32 = 1;

/// Where the superblock is. A copy is in the last block of the filesystem.
pub(crate) const SUPERBLOCK_AT: u64 = 0;

/// Where the journal's header is; its ring follows.
pub(crate) const JOURNAL_AT: u64 = 1;

/// The smallest journal ring: it must hold the largest transaction twice.
pub(crate) const JOURNAL_BLOCKS_MIN: u64 = 64;

/// Feature bits that this code knows. None is defined yet; a reader refuses unknown incompatible
/// bits, and unknown read-only-compatible ones too, because it always writes.
pub(crate) const KNOWN_INCOMPAT: u64 = 0;
pub(crate) const KNOWN_RO_COMPAT: u64 = 0;

/// The superblock on disk.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Disk {
    header: Header,
    version: U32,
    block_bytes: U32,
    compat: U64,
    ro_compat: U64,
    incompat: U64,
    blocks: U64,
    journal_blocks: U64,
    bitmap_start: U64,
    bitmap_blocks: U64,
    root: U64,
    label: [u8; 32],
    reserved: [u8; BLOCK - 152],
}

const _: () = assert!(size_of::<Disk>() == BLOCK);

/// Where everything is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) uuid: [u8; 16],
    pub(crate) label: [u8; 32],
    pub(crate) compat: u64,
    pub(crate) ro_compat: u64,
    pub(crate) incompat: u64,
    pub(crate) version: u32,
    /// Blocks of the filesystem.
    pub(crate) blocks: u64,
    /// Blocks of the journal's ring, without its header.
    pub(crate) journal_blocks: u64,
    pub(crate) bitmap_start: u64,
    pub(crate) bitmap_blocks: u64,
    /// The root directory's inode.
    pub(crate) root: u64,
}

impl Layout {
    /// Lays out a filesystem of `blocks` blocks; `None` if that is too small.
    pub(crate) fn plan(
        uuid: [u8; 16],
        label: [u8; 32],
        blocks: u64,
        journal_blocks: u64,
    ) -> Option<Self> {
        let bitmap_start = JOURNAL_AT.checked_add(1)?.checked_add(journal_blocks)?;
        let bitmap_blocks = blocks.div_ceil(bitmap::BITS_PER_BLOCK);
        let root = bitmap_start.checked_add(bitmap_blocks)?;
        let layout = Self {
            uuid,
            label,
            compat: 0,
            ro_compat: 0,
            incompat: 0,
            version: VERSION,
            blocks,
            journal_blocks,
            bitmap_start,
            bitmap_blocks,
            root,
        };
        // The root's inode, and one block for a file to be in, before the superblock's copy.
        (layout.is_consistent() && root.checked_add(3)? <= blocks).then_some(layout)
    }

    /// Do the parts follow each other as `plan` lays them out?
    fn is_consistent(&self) -> bool {
        let bitmap_start = self.journal_blocks.checked_add(JOURNAL_AT + 1);
        self.journal_blocks >= JOURNAL_BLOCKS_MIN
            && bitmap_start == Some(self.bitmap_start)
            && self.bitmap_blocks == self.blocks.div_ceil(bitmap::BITS_PER_BLOCK)
            && self.bitmap_start.checked_add(self.bitmap_blocks) == Some(self.root)
            && self.root < self.copy_at()
    }

    /// Where the superblock's copy is.
    pub(crate) const fn copy_at(&self) -> u64 {
        self.blocks.saturating_sub(1)
    }

    /// The block of the ring where log position `lsn` is.
    pub(crate) fn ring_block(&self, lsn: u64) -> u64 {
        let index = lsn.checked_rem(self.journal_blocks).unwrap_or(0);
        JOURNAL_AT.saturating_add(1).saturating_add(index)
    }

    /// May the blocks `[start, start + blocks)` belong to a file's data? The root's inode may not.
    pub(crate) fn is_data_run(&self, start: u64, blocks: u64) -> bool {
        let end = start.checked_add(blocks);
        blocks > 0 && start > self.root && end.is_some_and(|end| end <= self.copy_at())
    }

    /// May the journal replay an image to `block`?
    pub(crate) const fn is_journalled(&self, block: u64) -> bool {
        block >= self.bitmap_start && block < self.copy_at()
    }

    /// What the header of a block of this filesystem must say.
    pub(crate) const fn identity(&self, structure: Structure, block: u64, owner: u64) -> Identity {
        Identity { structure, uuid: self.uuid, block, owner }
    }
}

/// The superblock as it stands at `block`.
pub(crate) fn encode(layout: &Layout, block: u64) -> Image {
    let mut image = begin(layout.identity(Structure::Superblock, block, 0));
    let disk: &mut Disk = zerocopy::transmute_mut!(&mut *image);
    disk.version = layout.version.into();
    disk.block_bytes = (BLOCK as u32).into();
    disk.compat = layout.compat.into();
    disk.ro_compat = layout.ro_compat.into();
    disk.incompat = layout.incompat.into();
    disk.blocks = layout.blocks.into();
    disk.journal_blocks = layout.journal_blocks.into();
    disk.bitmap_start = layout.bitmap_start.into();
    disk.bitmap_blocks = layout.bitmap_blocks.into();
    disk.root = layout.root.into();
    disk.label = layout.label;
    image
}

/// Reads a superblock. Version and features are the caller's business: a newer filesystem is not a
/// corrupt one, and its other fields may mean something else.
///
/// # Errors
/// [`Corruption`] for a block that is none, or whose fields contradict each other.
pub(crate) fn decode(image: &Image, block: u64) -> Result<Layout, Corruption> {
    let disk: &Disk = zerocopy::transmute_ref!(&**image);
    let identity =
        Identity { structure: Structure::Superblock, uuid: disk.header.uuid, block, owner: 0 };
    verify(image, identity)?;
    let layout = Layout {
        uuid: disk.header.uuid,
        label: disk.label,
        compat: disk.compat.get(),
        ro_compat: disk.ro_compat.get(),
        incompat: disk.incompat.get(),
        version: disk.version.get(),
        blocks: disk.blocks.get(),
        journal_blocks: disk.journal_blocks.get(),
        bitmap_start: disk.bitmap_start.get(),
        bitmap_blocks: disk.bitmap_blocks.get(),
        root: disk.root.get(),
    };
    if layout.version == VERSION {
        if disk.block_bytes.get() != BLOCK as u32 {
            return Err(identity.field("a block size of 4096 bytes"));
        }
        if !layout.is_consistent() {
            return Err(identity.field("parts that follow each other inside the filesystem"));
        }
    }
    Ok(layout)
}

#[cfg(test)]
mod tests {
    use super::super::seal;
    use super::*;

    #[test]
    fn a_superblock_has_this_wire_form() {
        let layout = Layout::plan([1; 16], [2; 32], 4096, 64).unwrap();
        let mut image = encode(&layout, 0);
        seal(&mut image, 0);
        assert_eq!(image[48..52], 1_u32.to_le_bytes());
        assert_eq!(image[52..56], 4096_u32.to_le_bytes());
        assert_eq!(image[56..80], [0; 24]);
        let fields = [4096_u64, 64, 66, 1, 67];
        for (index, field) in fields.into_iter().enumerate() {
            let at = 80 + 8 * index;
            assert_eq!(image[at..at + 8], field.to_le_bytes(), "field at {at}");
        }
        assert_eq!(image[120..152], [2; 32]);
        assert_eq!(decode(&image, 0), Ok(layout));
        decode(&image, 4095).unwrap_err();
    }

    #[test]
    fn a_filesystem_without_room_is_not_planned() {
        assert!(Layout::plan([0; 16], [0; 32], 70, 64).is_some());
        assert!(Layout::plan([0; 16], [0; 32], 69, 64).is_none());
        assert!(Layout::plan([0; 16], [0; 32], 4096, 63).is_none());
        assert!(Layout::plan([0; 16], [0; 32], 4096, u64::MAX).is_none());
    }
}
