//! Allocation groups: a bitmap each, and a table of what is known without looking at the bitmaps.
//!
//! A group whose bitmap was never written is *fresh*: all of it is free but its two first blocks, and
//! in the last group the superblock's copy. So mkfs of a large device writes only the table.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::superblock::{GROUP_BLOCKS, Layout};
use super::{BLOCK, Corruption, Header, Image, Structure, begin, verify_cached};

/// 64-bit words in the bitmap of a group.
pub(crate) const BITMAP_WORDS: usize = (GROUP_BLOCKS / 64) as usize;

/// Entries in a block of the group table.
pub(crate) const ENTRIES_PER_BLOCK: usize = (BLOCK - 64) / size_of::<DiskEntry>();

/// A group's bitmap on disk.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct DiskBitmap {
    header: Header,
    reserved: [u8; 16],
    words: [U64; BITMAP_WORDS],
    rest: [u8; BLOCK - 64 - 8 * BITMAP_WORDS],
}

/// A group's entry in the table on disk.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct DiskEntry {
    free: U32,
    longest: U32,
    flags: U32,
    reserved: U32,
}

/// A block of the group table on disk.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct DiskTable {
    header: Header,
    reserved: [u8; 16],
    entries: [DiskEntry; ENTRIES_PER_BLOCK],
}

const _: () = assert!(size_of::<DiskBitmap>() == BLOCK);
const _: () = assert!(size_of::<DiskTable>() == BLOCK);

/// The flag of a group whose bitmap is on disk.
const HAS_BITMAP: u32 = 1;

/// What the table says of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupInfo {
    /// Free blocks.
    pub(crate) free: u32,
    /// Blocks of the longest free run.
    pub(crate) longest: u32,
    /// The bitmap is on disk; otherwise the group is fresh.
    pub(crate) has_bitmap: bool,
}

/// The bitmap of a group: bit `b` of word `w` speaks for the group's block `64 w + b`; set is in use.
pub(crate) type Words = [u64; BITMAP_WORDS];

/// A bitmap block with these bits.
pub(crate) fn encode_bitmap(layout: &Layout, group: u64, words: &Words) -> Image {
    let block = Layout::bitmap_at(group);
    let mut image = begin(layout.identity(Structure::Bitmap, block, 0));
    store_words(&mut image, words);
    image
}

/// Changes the bits of a bitmap block.
pub(crate) fn store_words(image: &mut Image, words: &Words) {
    let disk: &mut DiskBitmap = zerocopy::transmute_mut!(&mut **image);
    for (slot, word) in disk.words.iter_mut().zip(words) {
        *slot = (*word).into();
    }
}

/// The bits of a bitmap block.
pub(crate) fn words(image: &Image) -> Words {
    let disk: &DiskBitmap = zerocopy::transmute_ref!(&**image);
    let mut words = [0; BITMAP_WORDS];
    for (slot, word) in words.iter_mut().zip(&disk.words) {
        *slot = word.get();
    }
    words
}

/// The `index`-th block of the group table with these entries.
pub(crate) fn encode_table(
    layout: &Layout,
    index: u64,
    infos: impl Iterator<Item = GroupInfo>,
) -> Image {
    let block = layout.table_start.saturating_add(index);
    let mut image = begin(layout.identity(Structure::GroupTable, block, 0));
    for (slot, info) in infos.take(ENTRIES_PER_BLOCK).enumerate() {
        store_info(&mut image, slot, info);
    }
    image
}

/// Changes one entry of a table block.
pub(crate) fn store_info(image: &mut Image, slot: usize, info: GroupInfo) {
    let disk: &mut DiskTable = zerocopy::transmute_mut!(&mut **image);
    if let Some(entry) = disk.entries.get_mut(slot) {
        entry.free = info.free.into();
        entry.longest = info.longest.into();
        entry.flags = if info.has_bitmap { HAS_BITMAP.into() } else { 0.into() };
    }
}

/// The entries of the `index`-th block of the group table: one for each group that exists.
///
/// # Errors
/// [`Corruption`] for entries that make no sense.
pub(crate) fn infos<'a>(
    layout: &Layout,
    index: u64,
    image: &'a Image,
) -> Result<impl Iterator<Item = GroupInfo> + use<'a>, Corruption> {
    let block = layout.table_start.saturating_add(index);
    let identity = layout.identity(Structure::GroupTable, block, 0);
    verify_cached(image, identity)?;
    let disk: &DiskTable = zerocopy::transmute_ref!(&**image);
    let first = index.saturating_mul(ENTRIES_PER_BLOCK as u64);
    let there = layout.groups().saturating_sub(first);
    let count = usize::try_from(there).unwrap_or(usize::MAX).min(ENTRIES_PER_BLOCK);
    for (group, entry) in (first..).zip(disk.entries.iter().take(count)) {
        let usable = layout.group_blocks(group);
        if entry.flags.get() & !HAS_BITMAP != 0 {
            return Err(identity.field("known group flags"));
        }
        if u64::from(entry.free.get()) > usable || entry.longest.get() > entry.free.get() {
            return Err(identity.field("free blocks that the group can have"));
        }
    }
    Ok(disk.entries.iter().take(count).map(|entry| GroupInfo {
        free: entry.free.get(),
        longest: entry.longest.get(),
        has_bitmap: entry.flags.get() & HAS_BITMAP != 0,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitmap_block_has_this_wire_form() {
        let layout = Layout::plan([1; 16], [0; 32], 4096, 256).unwrap();
        let mut bits = [0; BITMAP_WORDS];
        (bits[0], bits[1]) = (0x8000_0000_0000_0001, 2);
        let image = encode_bitmap(&layout, 0, &bits);
        assert_eq!(image[24..32], 1_u64.to_le_bytes(), "the second block of the group");
        assert_eq!(image[48..64], [0; 16]);
        assert_eq!(image[64..74], [1, 0, 0, 0, 0, 0, 0, 0x80, 2, 0]);
        assert_eq!(words(&image), bits);
    }

    #[test]
    fn a_table_block_has_this_wire_form() {
        let layout = Layout::plan([1; 16], [0; 32], 4096, 256).unwrap();
        let info = GroupInfo { free: 0x234, longest: 0x200, has_bitmap: true };
        let image = encode_table(&layout, 0, [info].into_iter());
        assert_eq!(image[64..80], [0x34, 2, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        let read: Vec<_> = infos(&layout, 0, &image).unwrap().collect();
        assert_eq!(read, [info]);
        assert_eq!(ENTRIES_PER_BLOCK, 252);
    }

    #[test]
    fn entries_that_no_group_could_have_are_refused() {
        let layout = Layout::plan([1; 16], [0; 32], 4096, 256).unwrap();
        for (free, longest) in [(4097, 1), (5, 6)] {
            let info = GroupInfo { free, longest, has_bitmap: false };
            let image = encode_table(&layout, 0, [info].into_iter());
            assert!(infos(&layout, 0, &image).is_err(), "{free} {longest}");
        }
    }
}
