//! The header that every metadata block starts with, its checksum, and what a bad one is called.

use core::fmt;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::checksum::checksum;
use super::{BLOCK, Image, blank};

/// Where the checksum is in every block.
const CRC_AT: usize = 4;

/// The first 48 bytes of every metadata block.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) magic: [u8; 4],
    pub(crate) crc: U32,
    pub(crate) uuid: [u8; 16],
    pub(crate) block: U64,
    pub(crate) lsn: U64,
    pub(crate) owner: U64,
}

const _: () = assert!(size_of::<Header>() == 48);

/// What a metadata block is. The magic numbers are part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Structure {
    /// The superblock or its copy.
    Superblock = 1,
    /// Where the journal's valid part begins.
    JournalHeader = 2,
    /// The start of a batch in the journal.
    JournalDescriptor = 3,
    /// The end of a batch in the journal.
    JournalCommit = 4,
    /// The allocation bitmap of a group.
    Bitmap = 5,
    /// An inode.
    Inode = 6,
    // 7 and 8 were the extent leaf and the directory block of version 1.
    /// What is known of some groups without looking at their bitmaps.
    GroupTable = 9,
    /// A node of a file's extent tree.
    ExtentNode = 10,
    /// A node of a directory's tree of names.
    DirectoryNode = 11,
    /// A node of the tree of shared blocks.
    RefcountNode = 12,
    /// A node of the tree of inodes that recovery must finish.
    OrphanNode = 13,
    /// Blocks whose older images in the journal are void.
    JournalRevoke = 14,
}

impl Structure {
    /// Does it belong to no file but to all of them?
    pub(crate) const fn is_shared(self) -> bool {
        matches!(self, Self::Bitmap | Self::GroupTable | Self::RefcountNode | Self::OrphanNode)
    }

    /// The first four bytes of such a block.
    #[must_use]
    pub const fn magic(self) -> [u8; 4] {
        *match self {
            Self::Superblock => b"SlSb",
            Self::JournalHeader => b"SlJh",
            Self::JournalDescriptor => b"SlJd",
            Self::JournalCommit => b"SlJc",
            Self::Bitmap => b"SlBm",
            Self::Inode => b"SlIn",
            Self::GroupTable => b"SlGt",
            Self::ExtentNode => b"SlXn",
            Self::DirectoryNode => b"SlDn",
            Self::RefcountNode => b"SlRn",
            Self::OrphanNode => b"SlOn",
            Self::JournalRevoke => b"SlJr",
        }
    }

    /// The structure with this number, if there is one.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Superblock,
            2 => Self::JournalHeader,
            3 => Self::JournalDescriptor,
            4 => Self::JournalCommit,
            5 => Self::Bitmap,
            6 => Self::Inode,
            9 => Self::GroupTable,
            10 => Self::ExtentNode,
            11 => Self::DirectoryNode,
            12 => Self::RefcountNode,
            13 => Self::OrphanNode,
            14 => Self::JournalRevoke,
            _ => return None,
        })
    }
}

impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Superblock => "superblock",
            Self::JournalHeader => "journal header",
            Self::JournalDescriptor => "journal descriptor",
            Self::JournalCommit => "journal commit record",
            Self::Bitmap => "bitmap block",
            Self::Inode => "inode",
            Self::GroupTable => "group table block",
            Self::ExtentNode => "extent node",
            Self::DirectoryNode => "directory node",
            Self::RefcountNode => "refcount node",
            Self::OrphanNode => "orphan node",
            Self::JournalRevoke => "journal revoke block",
        })
    }
}

/// What a block should have had and had not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expected {
    /// The magic number of its structure.
    Magic,
    /// A checksum that fits the content.
    Checksum,
    /// The UUID of this filesystem.
    Uuid,
    /// Its own block number.
    OwnBlock,
    /// The inode that it belongs to.
    Owner,
    /// A sensible value in this field.
    Field(&'static str),
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("its magic number"),
            Self::Checksum => f.write_str("a right checksum"),
            Self::Uuid => f.write_str("this filesystem's UUID"),
            Self::OwnBlock => f.write_str("its own block number"),
            Self::Owner => f.write_str("its owner's inode number"),
            Self::Field(what) => f.write_str(what),
        }
    }
}

/// A metadata block is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Corruption {
    /// The block.
    pub block: u64,
    /// What it should be.
    pub structure: Structure,
    /// What it should have.
    pub expected: Expected,
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { block, structure, expected } = self;
        write!(f, "block {block}: expected {structure} with {expected}")
    }
}

impl core::error::Error for Corruption {}

/// What the header of a block must say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) structure: Structure,
    pub(crate) uuid: [u8; 16],
    pub(crate) block: u64,
    pub(crate) owner: u64,
}

impl Identity {
    pub(crate) const fn fault(&self, expected: Expected) -> Corruption {
        Corruption { block: self.block, structure: self.structure, expected }
    }

    /// A field that makes no sense.
    pub(crate) const fn field(&self, what: &'static str) -> Corruption {
        self.fault(Expected::Field(what))
    }
}

/// The checksum of a block: its own field counts as zero.
fn block_checksum(image: &[u8; BLOCK]) -> u32 {
    let (before, rest) = image.split_at(CRC_AT);
    let (_, after) = rest.split_at(size_of::<u32>());
    checksum([before, &[0; 4], after])
}

fn header(image: &[u8; BLOCK]) -> Option<&Header> {
    Header::ref_from_prefix(image).ok().map(|(header, _)| header)
}

/// A blank block with its header filled in, all but checksum and LSN.
pub(crate) fn begin(identity: Identity) -> Image {
    let mut image = blank();
    if let Ok((header, _)) = Header::mut_from_prefix(&mut image[..]) {
        header.magic = identity.structure.magic();
        header.uuid = identity.uuid;
        header.block = identity.block.into();
        header.owner = identity.owner.into();
    }
    image
}

/// Makes the block final: notes which log record it belongs to and computes the checksum.
pub(crate) fn seal(image: &mut Image, lsn: u64) {
    if let Ok((header, _)) = Header::mut_from_prefix(&mut image[..]) {
        header.lsn = lsn.into();
    }
    let crc = block_checksum(image);
    if let Ok((header, _)) = Header::mut_from_prefix(&mut image[..]) {
        header.crc = crc.into();
    }
}

/// Is this block what and where it should be?
///
/// # Errors
/// [`Corruption`] with the first thing that is wrong.
pub(crate) fn verify(image: &[u8; BLOCK], identity: Identity) -> Result<&Header, Corruption> {
    let header = header(image).ok_or(identity.fault(Expected::Magic))?;
    if header.magic == identity.structure.magic() && header.crc.get() != block_checksum(image) {
        return Err(identity.fault(Expected::Checksum));
    }
    verify_cached(image, identity)
}

/// [`verify`] for a block that was verified when it was read: is it the one that is wanted?
///
/// # Errors
/// [`Corruption`] with the first thing that is wrong.
pub(crate) fn verify_cached(
    image: &[u8; BLOCK],
    identity: Identity,
) -> Result<&Header, Corruption> {
    let header = header(image).ok_or(identity.fault(Expected::Magic))?;
    let checks = [
        (header.magic == identity.structure.magic(), Expected::Magic),
        (header.uuid == identity.uuid, Expected::Uuid),
        (header.block.get() == identity.block, Expected::OwnBlock),
        (header.owner.get() == identity.owner, Expected::Owner),
    ];
    match checks.iter().find(|(is_right, _)| !is_right) {
        Some((_, expected)) => Err(identity.fault(*expected)),
        None => Ok(header),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTITY: Identity =
        Identity { structure: Structure::Inode, uuid: [7; 16], block: 0x1234, owner: 9 };

    #[test]
    fn a_header_has_this_wire_form() {
        let mut image = begin(IDENTITY);
        seal(&mut image, 0x55);
        assert_eq!(image[..4], *b"SlIn");
        assert_eq!(image[4..8], block_checksum(&image).to_le_bytes());
        assert_eq!(image[8..24], [7; 16]);
        assert_eq!(image[24..32], 0x1234_u64.to_le_bytes());
        assert_eq!(image[32..40], 0x55_u64.to_le_bytes());
        assert_eq!(image[40..48], 9_u64.to_le_bytes());
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let mut image = begin(IDENTITY);
        seal(&mut image, 1);
        verify(&image, IDENTITY).unwrap();
        for bit in 0..BLOCK * 8 {
            image[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&image, IDENTITY).is_err(), "bit {bit}");
            image[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_valid_block_at_another_place_is_refused() {
        let mut image = begin(IDENTITY);
        seal(&mut image, 1);
        let elsewhere = Identity { block: 0x1235, ..IDENTITY };
        let corruption = verify(&image, elsewhere).unwrap_err();
        assert_eq!(corruption.expected, Expected::OwnBlock);
        assert_eq!(corruption.to_string(), "block 4661: expected inode with its own block number");
    }
}
