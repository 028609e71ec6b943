//! The names of a directory: records of its tree, by the hash of the name.
//!
//! A key is the upper 48 bits of the hash and a 16-bit number that tells names of one hash apart. It is
//! also the entry's cookie: it does not change while the name is there, so reading a directory in pieces
//! sees every name that is there all the time exactly once. The value is the inode's number (8 bytes), its
//! kind (1), and the name.
//!
//! What this module does not do: no paths, no link counts, no `.` and `..`: those are in the inode.

#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use iomap::Errno;

use crate::btree::Tree;
use crate::format::bytes::get_u64;
use crate::format::inode::FileKind;
use crate::format::superblock::Layout;
use crate::meta::{Fault, MetaRead, MetaWrite};

/// The longest name in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 255;

/// Bytes of a value before the name.
const HEAD: usize = 9;

/// How many names can have one hash.
const COLLISIONS: u64 = 1 << 16;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The record's key.
    pub(crate) cookie: u64,
    pub(crate) ino: u64,
    pub(crate) kind: FileKind,
}

/// May a file have this name?
pub(crate) fn is_name(name: &[u8]) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && !name.iter().any(|byte| matches!(byte, b'/' | 0))
        && name != b"."
        && name != b".."
}

/// Does a record of a directory make sense by itself?
pub(crate) fn is_record(layout: &Layout, value: &[u8]) -> bool {
    decode(0, value)
        .is_some_and(|(entry, name)| is_name(name) && (layout.is_data_run(entry.ino, 1)))
}

/// The entry and the name of a record.
pub(crate) fn decode(key: u64, value: &[u8]) -> Option<(Entry, &[u8])> {
    let name = value.get(HEAD..)?;
    let kind = FileKind::from_code(u16::from(*value.get(8)?))?;
    Some((Entry { cookie: key, ino: get_u64(value, 0), kind }, name))
}

/// FNV-1a with the filesystem's UUID in front, then mixed so that the upper bits depend on all others.
/// Part of the format.
pub(crate) fn hash(uuid: &[u8; 16], name: &[u8]) -> u64 {
    let bytes = uuid.iter().chain(name);
    let sum = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let sum = (sum ^ sum >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let sum = (sum ^ sum >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    sum ^ sum >> 33
}

/// The first key of a name.
pub(crate) fn first_key(uuid: &[u8; 16], name: &[u8]) -> u64 {
    hash(uuid, name) & !(COLLISIONS - 1)
}

/// Finds a name.
///
/// # Errors
/// What reading the tree gives.
pub(crate) fn find<M: MetaRead + ?Sized>(
    meta: &M,
    directory: u64,
    name: &[u8],
) -> Result<Option<Entry>, Fault> {
    let first = first_key(&meta.layout().uuid, name);
    let mut found = None;
    Tree::directory(directory).scan(meta, first, |key, value| {
        if key & !(COLLISIONS - 1) != first {
            return Ok(false);
        }
        found = decode(key, value).filter(|(_, other)| *other == name).map(|(entry, _)| entry);
        Ok(found.is_none())
    })?;
    Ok(found)
}

/// Adds a name that is not there.
///
/// # Errors
/// `ENOSPC` if 65536 names have the same hash, and what the tree gives.
pub(crate) fn add<W: MetaWrite + ?Sized>(
    meta: &mut W,
    directory: u64,
    name: &[u8],
    ino: u64,
    kind: FileKind,
) -> Result<(), Fault> {
    let first = first_key(&meta.layout().uuid, name);
    let mut key = first;
    let tree = Tree::directory(directory);
    tree.scan(meta, first, |taken, _| {
        let is_taken = taken == key;
        key = key.wrapping_add(u64::from(is_taken));
        Ok(is_taken)
    })?;
    if key & !(COLLISIONS - 1) != first {
        return Err(Errno::ENOSPC.into());
    }
    tree.insert(meta, key, &value(ino, kind, name))
}

/// Lets a name stand for another inode.
///
/// # Errors
/// What the tree gives.
pub(crate) fn retarget<W: MetaWrite + ?Sized>(
    meta: &mut W,
    directory: u64,
    name: &[u8],
    cookie: u64,
    ino: u64,
    kind: FileKind,
) -> Result<(), Fault> {
    Tree::directory(directory).replace(meta, cookie, &value(ino, kind, name))
}

/// Takes a name away.
///
/// # Errors
/// What the tree gives.
pub(crate) fn remove<W: MetaWrite + ?Sized>(
    meta: &mut W,
    directory: u64,
    cookie: u64,
) -> Result<bool, Fault> {
    Tree::directory(directory).remove(meta, cookie)
}

fn value(ino: u64, kind: FileKind, name: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(HEAD.saturating_add(name.len()));
    value.extend_from_slice(&ino.to_le_bytes());
    value.push(u8::try_from(kind.code()).unwrap_or(u8::MAX));
    value.extend_from_slice(name);
    value
}
