//! A directory block: entries one after the other.

use alloc::boxed::Box;
use alloc::vec::Vec;

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::superblock::Layout;
use super::{BLOCK, Corruption, Header, Image, Structure, begin, verify};

/// The longest name in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 255;

/// Bytes for entries in a block.
pub(crate) const ENTRY_AREA_BYTES: usize = BLOCK - 64;

/// Bytes of an entry before its name: inode number, name length.
const ENTRY_HEAD_BYTES: usize = 10;

/// A directory block on disk.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Disk {
    header: Header,
    count: U32,
    used: U16,
    reserved: [u8; 10],
    area: [u8; ENTRY_AREA_BYTES],
}

const _: () = assert!(size_of::<Disk>() == BLOCK);

/// A name and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) ino: u64,
    pub(crate) name: Box<[u8]>,
}

impl Entry {
    /// Bytes that the entry takes in its block.
    pub(crate) fn size_bytes(&self) -> usize {
        ENTRY_HEAD_BYTES.saturating_add(self.name.len())
    }
}

/// May a file have this name?
pub(crate) fn is_name(name: &[u8]) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && !name.iter().any(|byte| matches!(byte, b'/' | 0))
        && name != b"."
        && name != b".."
}

/// The directory block at `block` of directory `owner`. The entries must fit.
pub(crate) fn encode(layout: &Layout, block: u64, owner: u64, entries: &[Entry]) -> Image {
    let mut area = Vec::with_capacity(ENTRY_AREA_BYTES);
    for entry in entries {
        let length = u16::try_from(entry.name.len()).unwrap_or(u16::MAX);
        area.extend_from_slice(&entry.ino.to_le_bytes());
        area.extend_from_slice(&length.to_le_bytes());
        area.extend_from_slice(&entry.name);
    }
    debug_assert!(area.len() <= ENTRY_AREA_BYTES, "{} bytes of entries", area.len());
    let mut image = begin(layout.identity(Structure::Directory, block, owner));
    let disk: &mut Disk = zerocopy::transmute_mut!(&mut *image);
    disk.count = u32::try_from(entries.len()).unwrap_or(u32::MAX).into();
    disk.used = u16::try_from(area.len()).unwrap_or(u16::MAX).into();
    for (slot, byte) in disk.area.iter_mut().zip(area) {
        *slot = byte;
    }
    image
}

/// Reads the directory block at `block` of directory `owner`.
///
/// # Errors
/// [`Corruption`] if it is none or its entries make no sense.
pub(crate) fn decode(
    layout: &Layout,
    block: u64,
    owner: u64,
    image: &Image,
) -> Result<Vec<Entry>, Corruption> {
    let identity = layout.identity(Structure::Directory, block, owner);
    verify(image, identity)?;
    let disk: &Disk = zerocopy::transmute_ref!(&**image);
    let area = disk.area.get(..usize::from(disk.used.get()));
    let mut area = area.ok_or(identity.field("entries that fit the block"))?;
    let mut entries = Vec::new();
    while !area.is_empty() {
        let (entry, rest) =
            split_entry(area).ok_or(identity.field("entries that end with their area"))?;
        if !is_name(&entry.name) {
            return Err(identity.field("names without slash, of 1 to 255 bytes"));
        }
        if !layout.is_data_run(entry.ino, 1) {
            return Err(identity.field("inode numbers inside the data area"));
        }
        entries.push(entry);
        area = rest;
    }
    if entries.len() as u64 != u64::from(disk.count.get()) {
        return Err(identity.field("the right number of entries"));
    }
    Ok(entries)
}

fn split_entry(area: &[u8]) -> Option<(Entry, &[u8])> {
    let (ino, rest) = area.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
    Some((Entry { ino: u64::from_le_bytes(*ino), name: name.into() }, rest))
}

#[cfg(test)]
mod tests {
    use super::super::seal;
    use super::*;

    #[test]
    fn a_directory_block_has_this_wire_form() {
        let layout = Layout::plan([1; 16], [0; 32], 4096, 64).unwrap();
        let entries = [
            Entry { ino: 100, name: b"swap"[..].into() },
            Entry { ino: 101, name: b"x"[..].into() },
        ];
        let mut image = encode(&layout, 90, 67, &entries);
        seal(&mut image, 1);
        assert_eq!(image[48..54], [2, 0, 0, 0, 25, 0]);
        assert_eq!(image[54..64], [0; 10]);
        assert_eq!(image[64..78], *b"\x64\0\0\0\0\0\0\0\x04\0swap");
        assert_eq!(image[78..89], *b"\x65\0\0\0\0\0\0\0\x01\0x");
        assert_eq!(decode(&layout, 90, 67, &image).unwrap(), entries);
    }

    #[test]
    fn names_that_no_path_could_hold_are_refused() {
        for name in [&b""[..], b".", b"..", b"a/b", b"a\0b", &[b'a'; 256]] {
            assert!(!is_name(name), "{name:?}");
        }
        assert!(is_name(&[b'a'; 255]) && is_name(b"..."));
    }
}
