//! Journal blocks: the header with the tail, and the descriptor, revoke block and commit record of a
//! batch.
//!
//! A batch is `descriptor, [revoke], image ..., commit` at consecutive log positions. A log position
//! (LSN) counts ring blocks since mkfs and never wraps; its place is `lsn mod ring size`.

use alloc::vec::Vec;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::superblock::{JOURNAL_AT, Layout};
use super::{BLOCK, Corruption, Header, Image, Structure, begin, checksum, verify};

/// Images that one descriptor can name.
pub(crate) const TARGETS_MAX: usize = (BLOCK - 64) / 8;

/// Positions beyond this are not believed: they would overflow in a few centuries of logging.
const LSN_MAX: u64 = 1 << 62;

/// The journal's header on disk.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct DiskHeader {
    header: Header,
    tail: U64,
    reserved: [u8; BLOCK - 56],
}

/// A descriptor on disk.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct DiskDescriptor {
    header: Header,
    count: U32,
    revokes: U32,
    reserved: [u8; 8],
    targets: [U64; TARGETS_MAX],
}

/// A commit record on disk.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct DiskCommit {
    header: Header,
    batch_lsn: U64,
    count: U32,
    batch_crc: U32,
    reserved: [u8; BLOCK - 64],
}

const _: () = assert!(size_of::<DiskHeader>() == BLOCK);
const _: () = assert!(size_of::<DiskDescriptor>() == BLOCK);
const _: () = assert!(size_of::<DiskCommit>() == BLOCK);

/// The journal's header: recovery starts at `tail`.
pub(crate) fn encode_header(layout: &Layout, tail: u64) -> Image {
    let mut image = begin(layout.identity(Structure::JournalHeader, JOURNAL_AT, 0));
    let disk: &mut DiskHeader = zerocopy::transmute_mut!(&mut *image);
    disk.tail = tail.into();
    image
}

/// Where recovery starts.
///
/// # Errors
/// [`Corruption`] if the block is no journal header.
pub(crate) fn decode_header(layout: &Layout, image: &Image) -> Result<u64, Corruption> {
    let identity = layout.identity(Structure::JournalHeader, JOURNAL_AT, 0);
    verify(image, identity)?;
    let disk: &DiskHeader = zerocopy::transmute_ref!(&**image);
    let tail = disk.tail.get();
    if tail > LSN_MAX { Err(identity.field("a log position below 2^62")) } else { Ok(tail) }
}

/// What a descriptor announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// The places of the images that follow.
    pub(crate) targets: Vec<u64>,
    /// How many blocks the revoke block names; without any there is no revoke block.
    pub(crate) revokes: usize,
}

impl Descriptor {
    /// Ring blocks of the batch: descriptor, revoke block, images, commit record.
    pub(crate) fn batch_blocks(&self) -> u64 {
        let images = self.targets.len() as u64;
        images.saturating_add(2).saturating_add(u64::from(self.revokes > 0))
    }
}

/// The start of the batch at `lsn`.
pub(crate) fn encode_descriptor(layout: &Layout, lsn: u64, descriptor: &Descriptor) -> Image {
    let block = layout.ring_block(lsn);
    let mut image = begin(layout.identity(Structure::JournalDescriptor, block, 0));
    let disk: &mut DiskDescriptor = zerocopy::transmute_mut!(&mut *image);
    disk.count = u32::try_from(descriptor.targets.len()).unwrap_or(u32::MAX).into();
    disk.revokes = u32::try_from(descriptor.revokes).unwrap_or(u32::MAX).into();
    store_blocks(&mut disk.targets, &descriptor.targets);
    image
}

/// What the descriptor at `lsn` announces; `None` if no batch starts there: the end of the log.
pub(crate) fn decode_descriptor(layout: &Layout, lsn: u64, image: &Image) -> Option<Descriptor> {
    let block = layout.ring_block(lsn);
    let header = verify(image, layout.identity(Structure::JournalDescriptor, block, 0)).ok()?;
    if header.lsn.get() != lsn {
        return None;
    }
    let disk: &DiskDescriptor = zerocopy::transmute_ref!(&**image);
    let targets = load_blocks(&disk.targets, disk.count)?;
    let revokes = usize::try_from(disk.revokes.get()).ok().filter(|n| *n <= TARGETS_MAX)?;
    Some(Descriptor { targets, revokes })
}

/// The block at `lsn` that makes older images of `blocks` void.
pub(crate) fn encode_revoke(layout: &Layout, lsn: u64, blocks: &[u64]) -> Image {
    let block = layout.ring_block(lsn);
    let mut image = begin(layout.identity(Structure::JournalRevoke, block, 0));
    let disk: &mut DiskDescriptor = zerocopy::transmute_mut!(&mut *image);
    disk.count = u32::try_from(blocks.len()).unwrap_or(u32::MAX).into();
    store_blocks(&mut disk.targets, blocks);
    image
}

/// The blocks that the revoke block at `lsn` names; `None` if there is none.
pub(crate) fn decode_revoke(layout: &Layout, lsn: u64, image: &Image) -> Option<Vec<u64>> {
    let block = layout.ring_block(lsn);
    let header = verify(image, layout.identity(Structure::JournalRevoke, block, 0)).ok()?;
    let disk: &DiskDescriptor = zerocopy::transmute_ref!(&**image);
    load_blocks(&disk.targets, disk.count).filter(|_| header.lsn.get() == lsn)
}

fn store_blocks(slots: &mut [U64], blocks: &[u64]) {
    for (slot, block) in slots.iter_mut().zip(blocks) {
        *slot = (*block).into();
    }
}

fn load_blocks(slots: &[U64], count: U32) -> Option<Vec<u64>> {
    let slots = slots.get(..usize::try_from(count.get()).ok()?)?;
    Some(slots.iter().map(|block| block.get()).collect())
}

/// What binds a commit record to its batch: the checksum over all blocks before it.
pub(crate) fn batch_checksum<'a>(blocks: impl Iterator<Item = &'a Image>) -> u32 {
    checksum(blocks.map(|image| &image[..]))
}

/// The end of the batch at `batch_lsn`; the record itself is at `lsn`.
pub(crate) fn encode_commit(
    layout: &Layout,
    lsn: u64,
    batch_lsn: u64,
    count: usize,
    batch_crc: u32,
) -> Image {
    let block = layout.ring_block(lsn);
    let mut image = begin(layout.identity(Structure::JournalCommit, block, 0));
    let disk: &mut DiskCommit = zerocopy::transmute_mut!(&mut *image);
    disk.batch_lsn = batch_lsn.into();
    disk.count = u32::try_from(count).unwrap_or(u32::MAX).into();
    disk.batch_crc = batch_crc.into();
    image
}

/// Does this block commit that very batch?
pub(crate) fn is_commit(
    layout: &Layout,
    lsn: u64,
    batch_lsn: u64,
    count: usize,
    batch_crc: u32,
    image: &Image,
) -> bool {
    let block = layout.ring_block(lsn);
    let Ok(header) = verify(image, layout.identity(Structure::JournalCommit, block, 0)) else {
        return false;
    };
    let disk: &DiskCommit = zerocopy::transmute_ref!(&**image);
    header.lsn.get() == lsn
        && disk.batch_lsn.get() == batch_lsn
        && u64::from(disk.count.get()) == count as u64
        && disk.batch_crc.get() == batch_crc
}

#[cfg(test)]
mod tests {
    use super::super::{blank, seal};
    use super::*;

    fn layout() -> Layout {
        Layout::plan([1; 16], [0; 32], 4096, 256).unwrap()
    }

    #[test]
    fn journal_blocks_have_this_wire_form() {
        let mut header = encode_header(&layout(), 0x77);
        seal(&mut header, 0);
        assert_eq!(header[48..56], 0x77_u64.to_le_bytes());
        assert_eq!(decode_header(&layout(), &header), Ok(0x77));

        let announced = Descriptor { targets: vec![66, 200], revokes: 3 };
        let mut descriptor = encode_descriptor(&layout(), 257, &announced);
        seal(&mut descriptor, 257);
        assert_eq!(descriptor[24..32], 4_u64.to_le_bytes(), "the ring starts at block 3");
        assert_eq!(descriptor[48..64], [2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(descriptor[64..80], [66, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(announced.batch_blocks(), 5);
        assert_eq!(decode_descriptor(&layout(), 257, &descriptor), Some(announced));
        assert_eq!(decode_descriptor(&layout(), 513, &descriptor), None, "an older lap");

        let mut revoke = encode_revoke(&layout(), 258, &[9, 8]);
        seal(&mut revoke, 258);
        assert_eq!(revoke[48..56], [2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(decode_revoke(&layout(), 258, &revoke), Some(vec![9, 8]));
        assert_eq!(decode_revoke(&layout(), 259, &revoke), None);

        let mut commit = encode_commit(&layout(), 68, 65, 2, 0xaabb_ccdd);
        seal(&mut commit, 68);
        assert_eq!(commit[48..56], 65_u64.to_le_bytes());
        assert_eq!(commit[56..64], [2, 0, 0, 0, 0xdd, 0xcc, 0xbb, 0xaa]);
        assert!(is_commit(&layout(), 68, 65, 2, 0xaabb_ccdd, &commit));
        assert!(!is_commit(&layout(), 68, 65, 2, 0xaabb_ccde, &commit));
        assert!(!is_commit(&layout(), 68, 64, 2, 0xaabb_ccdd, &commit));
    }

    #[test]
    fn a_block_of_zeros_ends_the_log() {
        assert_eq!(decode_descriptor(&layout(), 0, &blank()), None);
        assert!(!is_commit(&layout(), 1, 0, 0, 0, &blank()));
    }
}
