//! Reading the journal after a crash.
//!
//! Recovery finds the batches that were committed, newest image of each block, writes those to their
//! places and then moves the tail. Cut anywhere, it can be run again: the tail moves last.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::format::bytes::get_u64;
use crate::format::journal::{
    batch_checksum, decode_descriptor, decode_header, decode_revoke, is_commit,
};
use crate::format::superblock::{JOURNAL_AT, Layout};
use crate::format::{Corruption, Expected, Image, Structure, verify};
use crate::planted::{Plant, Planted};
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
    plant: Plant,
    mut read: impl FnMut(u64) -> Result<Image, IoError>,
) -> Result<Replay, ScanError> {
    let header = read(JOURNAL_AT).map_err(ScanError::Io)?;
    let tail = decode_header(layout, &header).map_err(ScanError::Corrupt)?;
    let mut replay = Replay { tail, head: tail, batches: 0, images: BTreeMap::new() };
    while let Some(batch) = read_batch(layout, plant, replay.head, &mut read)? {
        let head = replay.head.saturating_add(batch.blocks);
        if head.saturating_sub(tail) > layout.journal_blocks {
            // More than the ring holds: the log has bitten its own tail, so this is no batch of ours.
            break;
        }
        replay.head = head;
        replay.batches = replay.batches.saturating_add(1);
        let revoked = batch.revoked.into_iter().filter(|_| !plant.has(Planted::RevokeIgnored));
        for block in revoked {
            replay.images.remove(&block);
        }
        replay.images.extend(batch.images);
    }
    Ok(replay)
}

/// What may be replayed.
pub(crate) const JOURNALLED: [Structure; 7] = [
    Structure::Bitmap,
    Structure::GroupTable,
    Structure::Inode,
    Structure::ExtentNode,
    Structure::DirectoryNode,
    Structure::RefcountNode,
    Structure::OrphanNode,
];

/// What a complete batch holds.
pub(crate) struct Batch {
    pub(crate) images: Vec<(u64, Image)>,
    pub(crate) revoked: Vec<u64>,
    /// Ring blocks that it takes.
    pub(crate) blocks: u64,
}

/// The batch at `lsn`; `None` if there is no complete one.
pub(crate) fn read_batch(
    layout: &Layout,
    plant: Plant,
    lsn: u64,
    read: &mut impl FnMut(u64) -> Result<Image, IoError>,
) -> Result<Option<Batch>, ScanError> {
    let mut at = |lsn: u64| read(layout.ring_block(lsn)).map_err(ScanError::Io);
    let first = at(lsn)?;
    let Some(descriptor) = decode_descriptor(layout, lsn, &first) else {
        return Ok(None);
    };
    let blocks = descriptor.batch_blocks();
    if blocks > layout.journal_blocks {
        return Ok(None);
    }
    let commit_lsn = lsn.saturating_add(blocks).saturating_sub(1);
    let mut content = alloc::vec![first];
    for position in lsn.saturating_add(1)..commit_lsn {
        content.push(at(position)?);
    }
    let crc = batch_checksum(content.iter());
    let commit = at(commit_lsn)?;
    let is_torn = !is_commit(layout, commit_lsn, lsn, descriptor.targets.len(), crc, &commit);
    if is_torn && !plant.has(Planted::TornBatchReplayed) {
        return Ok(None);
    }
    let mut content = content.into_iter().skip(1);
    let mut revoked = Vec::new();
    if descriptor.revokes > 0 {
        let revoke_lsn = lsn.saturating_add(1);
        let block = content.next().and_then(|image| decode_revoke(layout, revoke_lsn, &image));
        let identity = layout.identity(Structure::JournalRevoke, layout.ring_block(revoke_lsn), 0);
        let bad = ScanError::Corrupt(identity.field("as many blocks as announced"));
        revoked = block.filter(|blocks| blocks.len() == descriptor.revokes).ok_or(bad)?;
    }
    let images: Vec<_> = descriptor.targets.into_iter().zip(content).collect();
    for (target, image) in images.iter().filter(|_| !is_torn) {
        check_image(layout, *target, image).map_err(ScanError::Corrupt)?;
    }
    Ok(Some(Batch { images, revoked, blocks }))
}

/// A committed image must be a metadata block of this filesystem that belongs to its target.
fn check_image(layout: &Layout, target: u64, image: &Image) -> Result<(), Corruption> {
    let structure = JOURNALLED.into_iter().find(|s| image.starts_with(&s.magic()));
    let owner = get_u64(&image[..], 40);
    let identity = layout.identity(structure.unwrap_or(Structure::Inode), target, owner);
    if structure.is_none() || !layout.is_journalled(target) {
        return Err(identity.fault(Expected::Field("a replayed image of metadata")));
    }
    verify(image, identity).map(|_| ())
}

/// Is what is in place newer than the image that would be replayed over it?
///
/// It cannot be, unless the log was cut short by damage: then going back would mix old and new.
pub(crate) fn is_newer_in_place(
    layout: &Layout,
    target: u64,
    image: &Image,
    place: &Image,
) -> bool {
    let identity = |structure| layout.identity(structure, target, get_u64(&image[..], 40));
    let structure = JOURNALLED.into_iter().find(|s| image.starts_with(&s.magic()));
    structure.is_some_and(|structure| {
        verify(place, identity(structure)).is_ok()
            && get_u64(&place[..], 32) > get_u64(&image[..], 32)
    })
}
