//! Reading the journal after a crash.
//!
//! Recovery finds the batches that were committed, newest image of each block, writes those to their
//! places and then moves the tail. Cut anywhere, it can be run again: the tail moves last.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::format::journal::{
    TARGETS_MAX, batch_checksum, decode_descriptor, decode_header, is_commit,
};
use crate::format::superblock::{JOURNAL_AT, Layout};
use crate::format::{Corruption, Expected, Image, Structure, verify};
use crate::store::IoError;

/// Why the journal cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScanError {
    Io(IoError),
    Corrupt(Corruption),
}

/// What a replay would do.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) tail: u64,
    /// Where the next batch goes.
    pub(crate) head: u64,
    pub(crate) batches: u32,
    /// The newest image of each block.
    pub(crate) images: BTreeMap<u64, Image>,
}

/// Reads the journal; writes nothing.
///
/// # Errors
/// [`ScanError`] if a block cannot be read, or a committed batch holds something impossible. A batch
/// that is not complete is not an error: it is the end.
pub(crate) fn scan(
    layout: &Layout,
    mut read: impl FnMut(u64) -> Result<Image, IoError>,
) -> Result<Replay, ScanError> {
    let header = read(JOURNAL_AT).map_err(ScanError::Io)?;
    let tail = decode_header(layout, &header).map_err(ScanError::Corrupt)?;
    let mut replay = Replay { tail, head: tail, batches: 0, images: BTreeMap::new() };
    while let Some((images, blocks)) = read_batch(layout, replay.head, &mut read)? {
        let head = replay.head.saturating_add(blocks);
        if head.saturating_sub(tail) > layout.journal_blocks {
            // More than the ring holds: the log has bitten its own tail, so this is no batch of ours.
            break;
        }
        replay.head = head;
        replay.batches = replay.batches.saturating_add(1);
        replay.images.extend(images);
    }
    Ok(replay)
}

type Batch = (BTreeMap<u64, Image>, u64);

/// The batch at `lsn` and its size in ring blocks; `None` if there is no complete one.
fn read_batch(
    layout: &Layout,
    lsn: u64,
    read: &mut impl FnMut(u64) -> Result<Image, IoError>,
) -> Result<Option<Batch>, ScanError> {
    let mut at = |lsn: u64| read(layout.ring_block(lsn)).map_err(ScanError::Io);
    let descriptor = at(lsn)?;
    let Some(targets) = decode_descriptor(layout, lsn, &descriptor) else {
        return Ok(None);
    };
    let count = targets.len();
    let blocks = (count as u64).saturating_add(2);
    if count > TARGETS_MAX || blocks > layout.journal_blocks {
        return Ok(None);
    }
    let mut images = Vec::with_capacity(count);
    for position in (lsn.saturating_add(1)..).take(count) {
        images.push(at(position)?);
    }
    let crc = batch_checksum(&descriptor, images.iter());
    let commit_lsn = lsn.saturating_add(blocks).saturating_sub(1);
    let commit = at(commit_lsn)?;
    if !is_commit(layout, commit_lsn, lsn, count, crc, &commit) {
        return Ok(None);
    }
    let batch = targets.into_iter().zip(images);
    for (target, image) in batch.clone() {
        check_image(layout, target, &image).map_err(ScanError::Corrupt)?;
    }
    Ok(Some((batch.collect(), blocks)))
}

/// A committed image must be a metadata block of this filesystem that belongs to its target.
fn check_image(layout: &Layout, target: u64, image: &Image) -> Result<(), Corruption> {
    let structures =
        [Structure::Bitmap, Structure::Inode, Structure::ExtentLeaf, Structure::Directory];
    let structure = structures.into_iter().find(|s| image.starts_with(&s.magic()));
    let mut owner = [0; 8];
    owner.copy_from_slice(image.get(40..48).unwrap_or(&[0; 8]));
    let identity =
        layout.identity(structure.unwrap_or(Structure::Inode), target, u64::from_le_bytes(owner));
    if structure.is_none() || !layout.is_journalled(target) {
        return Err(identity.fault(Expected::Field("a replayed image of metadata")));
    }
    verify(image, identity).map(|_| ())
}
