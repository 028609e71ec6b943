//! The superblock: what the filesystem is and where its parts are. Written by mkfs, never changed.
//!
//! The device is cut into groups of [`GROUP_BLOCKS`]. The first block of every group is kept for a
//! superblock, the second for the group's bitmap; all other fixed parts follow in group 0.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::group::ENTRIES_PER_BLOCK;
use super::{BLOCK, Corruption, Header, Identity, Image, Structure, begin, verify};

/// The version of the format. A change that no feature bit describes makes a new version.
pub(crate) const VERSION: u32 = 2;

/// Where the superblock is.
pub(crate) const SUPERBLOCK_AT: u64 = 0;

/// Where the journal's header is; its ring follows.
pub(crate) const JOURNAL_AT: u64 = 2;

/// Blocks of an allocation group: 64 MiB.
pub(crate) const GROUP_BLOCKS: u64 = 1 << 14;

/// Blocks at the start of a group that hold no data: superblock and bitmap.
const GROUP_HEAD: u64 = 2;

/// Groups that one block of the table speaks for.
const PER_BLOCK: u64 = ENTRIES_PER_BLOCK as u64;

/// The smallest journal ring: it must hold the largest transaction twice.
pub(crate) const JOURNAL_BLOCKS_MIN: u64 = 256;

/// The largest filesystem: 16 TiB.
pub(crate) const BLOCKS_MAX: u64 = 1 << 32;

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
    group_blocks: U64,
    table_start: U64,
    table_blocks: U64,
    refcounts: U64,
    orphans: U64,
    root: U64,
    label: [u8; 32],
    reserved: [u8; BLOCK - 176],
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
    /// The group table.
    pub(crate) table_start: u64,
    pub(crate) table_blocks: u64,
    /// The root of the tree of shared blocks.
    pub(crate) refcounts: u64,
    /// The root of the tree of orphans.
    pub(crate) orphans: u64,
    /// The root directory's inode; everything before it is fixed.
    pub(crate) root: u64,
}

impl Layout {
    /// Lays out a filesystem on `device` blocks; `None` if that is too small, or the journal too large
    /// for the first group. A last group too short to hold anything is left out.
    pub(crate) fn plan(
        uuid: [u8; 16],
        label: [u8; 32],
        device: u64,
        journal_blocks: u64,
    ) -> Option<Self> {
        let device = device.min(BLOCKS_MAX);
        let tail = device % GROUP_BLOCKS;
        let is_short = device > GROUP_BLOCKS && tail <= GROUP_HEAD + 1;
        let blocks = if is_short { device.checked_sub(tail)? } else { device };
        let table_start = JOURNAL_AT.checked_add(1)?.checked_add(journal_blocks)?;
        let table_blocks = blocks.div_ceil(GROUP_BLOCKS).div_ceil(PER_BLOCK);
        let refcounts = table_start.checked_add(table_blocks)?;
        let layout = Self {
            uuid,
            label,
            compat: 0,
            ro_compat: 0,
            incompat: 0,
            version: VERSION,
            blocks,
            journal_blocks,
            table_start,
            table_blocks,
            refcounts,
            orphans: refcounts.checked_add(1)?,
            root: refcounts.checked_add(2)?,
        };
        // Room for an inode and a block of data at least.
        let has_room = layout.root.checked_add(8)? <= blocks.min(GROUP_BLOCKS);
        (has_room && layout.is_consistent()).then_some(layout)
    }

    /// Do the parts follow each other as `plan` lays them out?
    fn is_consistent(&self) -> bool {
        let groups = self.groups();
        let last = self.blocks % GROUP_BLOCKS;
        let table_start = self.journal_blocks.checked_add(JOURNAL_AT + 1);
        self.journal_blocks >= JOURNAL_BLOCKS_MIN
            && self.blocks <= BLOCKS_MAX
            && (groups == 1 || last == 0 || last > GROUP_HEAD + 1)
            && table_start == Some(self.table_start)
            && self.table_blocks == groups.div_ceil(PER_BLOCK)
            && self.table_start.checked_add(self.table_blocks) == Some(self.refcounts)
            && self.refcounts.checked_add(1) == Some(self.orphans)
            && self.refcounts.checked_add(2) == Some(self.root)
            && self.root.saturating_add(1) < self.blocks.min(GROUP_BLOCKS)
    }

    /// The superblock's copy in the last block.
    pub(crate) const fn copy_at(&self) -> u64 {
        self.blocks.saturating_sub(1)
    }

    /// Every block that holds a superblock: the first, the first of groups 1, 2, 4, 8 and so on,
    /// and the last.
    pub(crate) fn superblocks(&self) -> impl Iterator<Item = u64> + use<> {
        let blocks = self.blocks;
        let in_groups = copies_in_groups().take_while(move |block| *block < blocks);
        core::iter::once(SUPERBLOCK_AT).chain(in_groups).chain([self.copy_at()])
    }

    /// How many groups there are.
    pub(crate) const fn groups(&self) -> u64 {
        self.blocks.div_ceil(GROUP_BLOCKS)
    }

    /// The group of a block.
    pub(crate) const fn group_of(block: u64) -> u64 {
        block / GROUP_BLOCKS
    }

    /// The first block of a group.
    pub(crate) const fn group_start(group: u64) -> u64 {
        group.saturating_mul(GROUP_BLOCKS)
    }

    /// Blocks of a group; the last one may be shorter.
    pub(crate) fn group_blocks(&self, group: u64) -> u64 {
        self.blocks.saturating_sub(Self::group_start(group)).min(GROUP_BLOCKS)
    }

    /// Where the bitmap of a group is.
    pub(crate) const fn bitmap_at(group: u64) -> u64 {
        Self::group_start(group).saturating_add(1)
    }

    /// How many blocks at the start of a group are fixed.
    pub(crate) fn group_head(&self, group: u64) -> u64 {
        if group == 0 { self.root.saturating_add(1) } else { GROUP_HEAD }
    }

    /// The block and slot of the group table that speaks for a group.
    pub(crate) const fn table_place(&self, group: u64) -> (u64, usize) {
        let index = group / PER_BLOCK;
        (self.table_start.saturating_add(index), (group % PER_BLOCK) as usize)
    }

    /// The block of the ring where log position `lsn` is.
    pub(crate) fn ring_block(&self, lsn: u64) -> u64 {
        let index = lsn.checked_rem(self.journal_blocks).unwrap_or(0);
        JOURNAL_AT.saturating_add(1).saturating_add(index)
    }

    /// May the blocks `[start, start + blocks)` be allocated? A run lies inside one group.
    pub(crate) fn is_data_run(&self, start: u64, blocks: u64) -> bool {
        let Some(end) = start.checked_add(blocks) else { return false };
        let group = Self::group_of(start);
        blocks > 0
            && end <= self.copy_at()
            && end <= Self::group_start(group.saturating_add(1))
            && start.saturating_sub(Self::group_start(group)) >= self.group_head(group)
    }

    /// May the journal replay an image to `block`?
    pub(crate) fn is_journalled(&self, block: u64) -> bool {
        let in_group = block % GROUP_BLOCKS;
        let is_fixed = (self.table_start..=self.root).contains(&block);
        block < self.copy_at() && (in_group == 1 || is_fixed || self.is_data_run(block, 1))
    }

    /// What the header of a block of this filesystem must say.
    pub(crate) const fn identity(&self, structure: Structure, block: u64, owner: u64) -> Identity {
        Identity { structure, uuid: self.uuid, block, owner }
    }
}

/// Where copies can be, whatever the size: the first block of groups 1, 2, 4, 8 and so on.
pub(crate) fn copies_in_groups() -> impl Iterator<Item = u64> {
    (0..18).map(|power| GROUP_BLOCKS << power)
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
    disk.group_blocks = GROUP_BLOCKS.into();
    disk.table_start = layout.table_start.into();
    disk.table_blocks = layout.table_blocks.into();
    disk.refcounts = layout.refcounts.into();
    disk.orphans = layout.orphans.into();
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
        table_start: disk.table_start.get(),
        table_blocks: disk.table_blocks.get(),
        refcounts: disk.refcounts.get(),
        orphans: disk.orphans.get(),
        root: disk.root.get(),
    };
    if layout.version == VERSION {
        if disk.block_bytes.get() != BLOCK as u32 || disk.group_blocks.get() != GROUP_BLOCKS {
            return Err(identity.field("blocks of 4096 bytes and groups of 16384 blocks"));
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
        let layout = Layout::plan([1; 16], [2; 32], 4096, 256).unwrap();
        let mut image = encode(&layout, 0);
        seal(&mut image, 0);
        assert_eq!(image[48..52], 2_u32.to_le_bytes());
        assert_eq!(image[52..56], 4096_u32.to_le_bytes());
        assert_eq!(image[56..80], [0; 24]);
        let fields = [4096_u64, 256, 16384, 259, 1, 260, 261, 262];
        for (index, field) in fields.into_iter().enumerate() {
            let at = 80 + 8 * index;
            assert_eq!(image[at..at + 8], field.to_le_bytes(), "field at {at}");
        }
        assert_eq!(image[144..176], [2; 32]);
        assert_eq!(decode(&image, 0), Ok(layout));
        decode(&image, 4095).unwrap_err();
    }

    #[test]
    fn a_filesystem_without_room_is_not_planned() {
        assert!(Layout::plan([0; 16], [0; 32], 270, 256).is_some());
        assert!(Layout::plan([0; 16], [0; 32], 269, 256).is_none());
        assert!(Layout::plan([0; 16], [0; 32], 4096, 255).is_none());
        assert!(Layout::plan([0; 16], [0; 32], 1 << 20, GROUP_BLOCKS).is_none());
        assert!(Layout::plan([0; 16], [0; 32], 4096, u64::MAX).is_none());
    }

    #[test]
    fn a_last_group_that_could_hold_nothing_is_left_out() {
        for tail in 0..6 {
            let layout = Layout::plan([0; 16], [0; 32], 2 * GROUP_BLOCKS + tail, 256).unwrap();
            let expected = if tail <= 3 { 0 } else { tail };
            assert_eq!(layout.blocks, 2 * GROUP_BLOCKS + expected);
        }
    }

    #[test]
    fn sixteen_tebibytes_are_laid_out_inside_the_first_group() {
        let layout = Layout::plan([0; 16], [0; 32], BLOCKS_MAX, 8192).unwrap();
        assert_eq!((layout.groups(), layout.table_blocks), (262_144, 1041));
        assert!(layout.root < GROUP_BLOCKS);
        assert_eq!(layout.superblocks().count(), 20);
    }

    #[test]
    fn a_run_of_data_stays_inside_its_group_and_off_the_fixed_blocks() {
        let layout = Layout::plan([0; 16], [0; 32], 2 * GROUP_BLOCKS, 256).unwrap();
        assert!(layout.is_data_run(layout.root + 1, 1));
        assert!(!layout.is_data_run(layout.root, 1));
        assert!(!layout.is_data_run(GROUP_BLOCKS - 1, 2));
        assert!(!layout.is_data_run(GROUP_BLOCKS + 1, 1));
        assert!(layout.is_data_run(GROUP_BLOCKS + 2, GROUP_BLOCKS - 3));
        assert!(!layout.is_data_run(GROUP_BLOCKS + 2, GROUP_BLOCKS - 2), "the copy");
        assert!(!layout.is_data_run(u64::MAX, 2));
        assert!(layout.is_journalled(GROUP_BLOCKS + 1) && !layout.is_journalled(GROUP_BLOCKS));
        assert!(!layout.is_journalled(3), "the journal itself");
    }
}
