//! Journal blocks: the header with the tail, and the descriptor and commit record of a batch.
//!
//! A batch is `descriptor, image ..., commit` at consecutive log positions. A log position (LSN)
//! counts ring blocks since mkfs and never wraps; its place is `lsn mod ring size`.

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
    reserved: [u8; 12],
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

/// The start of the batch at `lsn` that will write `targets`.
pub(crate) fn encode_descriptor(layout: &Layout, lsn: u64, targets: &[u64]) -> Image {
    let block = layout.ring_block(lsn);
    let mut image = begin(layout.identity(Structure::JournalDescriptor, block, 0));
    let disk: &mut DiskDescriptor = zerocopy::transmute_mut!(&mut *image);
    disk.count = u32::try_from(targets.len()).unwrap_or(u32::MAX).into();
    for (slot, target) in disk.targets.iter_mut().zip(targets) {
        *slot = (*target).into();
    }
    image
}

/// The targets of the batch at `lsn`; `None` if no batch starts there: the end of the log.
pub(crate) fn decode_descriptor(layout: &Layout, lsn: u64, image: &Image) -> Option<Vec<u64>> {
    let block = layout.ring_block(lsn);
    let header = verify(image, layout.identity(Structure::JournalDescriptor, block, 0)).ok()?;
    if header.lsn.get() != lsn {
        return None;
    }
    let disk: &DiskDescriptor = zerocopy::transmute_ref!(&**image);
    let targets = disk.targets.get(..usize::try_from(disk.count.get()).ok()?)?;
    Some(targets.iter().map(|target| target.get()).collect())
}

/// What binds a commit record to its batch.
pub(crate) fn batch_checksum<'a>(
    descriptor: &'a Image,
    images: impl Iterator<Item = &'a Image>,
) -> u32 {
    checksum(core::iter::once(descriptor).chain(images).map(|image| &image[..]))
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
        Layout::plan([1; 16], [0; 32], 4096, 64).unwrap()
    }

    #[test]
    fn journal_blocks_have_this_wire_form() {
        let mut header = encode_header(&layout(), 0x77);
        seal(&mut header, 0);
        assert_eq!(header[48..56], 0x77_u64.to_le_bytes());
        assert_eq!(decode_header(&layout(), &header), Ok(0x77));

        let mut descriptor = encode_descriptor(&layout(), 65, &[66, 200]);
        seal(&mut descriptor, 65);
        assert_eq!(descriptor[24..32], 3_u64.to_le_bytes(), "the ring starts at block 2");
        assert_eq!(descriptor[48..52], 2_u32.to_le_bytes());
        assert_eq!(descriptor[64..80], [66, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(decode_descriptor(&layout(), 65, &descriptor), Some(vec![66, 200]));
        assert_eq!(decode_descriptor(&layout(), 129, &descriptor), None, "an older lap");

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
