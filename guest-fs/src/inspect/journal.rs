//! The journal, batch by batch.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::format::superblock::Layout;
use crate::format::{Image, Structure};
use crate::log::recovery::{JOURNALLED, ScanError, read_batch, scan};
use crate::planted::Plant;
use crate::store::IoError;

/// What the journal holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// Where recovery starts, as a log position (it counts blocks since mkfs).
    pub tail: u64,
    /// Where the next batch goes.
    pub head: u64,
    /// What recovery would replay, in order.
    pub batches: Vec<Batch>,
}

/// A batch of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its position.
    pub lsn: u64,
    /// Blocks of the ring that it takes.
    pub blocks: u64,
    /// The blocks that it has images of, and what they are.
    pub images: Vec<(u64, Option<Structure>)>,
    /// The blocks whose older images it voids.
    pub revoked: Vec<u64>,
}

/// Reads the journal. Gives the newest image of each block, too.
pub(super) fn read(
    layout: &Layout,
    mut read: impl FnMut(u64) -> Result<Image, IoError>,
) -> Result<(Journal, BTreeMap<u64, Image>), ScanError> {
    let plant = Plant::default();
    let replay = scan(layout, plant, &mut read)?;
    let mut journal = Journal { tail: replay.tail, head: replay.head, batches: Vec::new() };
    let mut lsn = replay.tail;
    while lsn < replay.head {
        let Some(batch) = read_batch(layout, plant, lsn, &mut read)? else { break };
        let kind = |image: &Image| JOURNALLED.into_iter().find(|s| image.starts_with(&s.magic()));
        let images = batch.images.iter().map(|(block, image)| (*block, kind(image))).collect();
        let blocks = batch.blocks.max(1);
        journal.batches.push(Batch { lsn, blocks, images, revoked: batch.revoked });
        lsn = lsn.saturating_add(blocks);
    }
    Ok((journal, replay.images))
}
