//! Inodes: their fields through any view of the metadata, and what is only in memory.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;

use iomap::{ErrCursor, Iomap};

use crate::extent::Extent;
use crate::format::inode::{self, Fields};
use crate::format::{Image, Structure};
use crate::lock::Lock;
use crate::map::Reserved;
use crate::meta::{Fault, MetaRead, MetaWrite};

/// The fields of an inode.
///
/// # Errors
/// What reading its block gives.
pub(crate) fn fields<M: MetaRead + ?Sized>(meta: &M, ino: u64) -> Result<Fields, Fault> {
    let image = meta.read(Structure::Inode, ino, ino)?;
    fields_of(meta, ino, &image)
}

/// The fields in an inode's block.
///
/// # Errors
/// Corruption, if they make no sense.
pub(crate) fn fields_of<M: MetaRead + ?Sized>(
    meta: &M,
    ino: u64,
    image: &Image,
) -> Result<Fields, Fault> {
    Ok(inode::load(image, meta.layout().identity(Structure::Inode, ino, ino))?)
}

/// Changes the fields of an inode.
///
/// # Errors
/// What reading its block gives.
pub(crate) fn update<W: MetaWrite + ?Sized>(
    meta: &mut W,
    ino: u64,
    change: impl FnOnce(&mut Fields),
) -> Result<(), Fault> {
    let mut fields = fields(meta, ino)?;
    change(&mut fields);
    inode::store(meta.edit(Structure::Inode, ino, ino)?, &fields);
    Ok(())
}

/// What was read of an inode and is true as long as its cookie is the same.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) fields: Option<(u64, Fields)>,
    /// Of a file without shared blocks; never a hole.
    pub(crate) map: Option<Iomap>,
    /// What the swap mapping gave last; never one that it would refuse.
    pub(crate) swap: Option<Iomap>,
}

impl Seen {
    /// The swap mapping that was given under this cookie, if it has this byte of the file.
    pub(crate) fn swap_at(&self, pos: u64, cookie: u64) -> Option<Iomap> {
        let map = self.swap.as_ref()?;
        let is_there = map.offset <= pos && pos < map.offset.saturating_add(map.length);
        (is_there && map.validity_cookie == cookie).then_some(*map)
    }
}

/// An inode that somebody has looked up.
#[derive(Debug, Default)]
pub(crate) struct Incore {
    pub(crate) lock: Rc<Lock>,
    /// Held over a whole append, so that two of them do not choose one position.
    pub(crate) append_lock: Rc<Lock>,
    /// The lock around a whole direct I/O (XFS: IOLOCK).
    pub(crate) io_lock: Rc<Lock>,
    /// An active swap file (Linux `S_SWAPFILE`).
    pub(crate) is_swapfile: bool,
    /// The log epoch of the last transaction that changed it; 0 if none did since the mount.
    pub(crate) epoch: u64,
    /// Changes with every change of the inode or its map.
    pub(crate) cookie: u64,
    /// The log epoch of the last transaction that changed more than its times.
    pub(crate) data_epoch: u64,
    /// The size that users see, if buffered writes went beyond the one in the metadata.
    pub(crate) size: Option<u64>,
    /// A truncation to that many bytes is under way: pages from there on are not written.
    pub(crate) cut_from: Option<u64>,
    /// File blocks whose dirty pages have a claim on space.
    pub(crate) reserved: Reserved,
    /// File blocks that are being moved.
    pub(crate) moving: core::ops::Range<u64>,
    /// Errors of writeback up to here were told by `fsync` of the inode itself.
    pub(crate) told: ErrCursor,
    /// Its fields and a piece of its map as they were at that cookie: an I/O asks for both again and again.
    pub(crate) seen: Seen,
    /// Who keeps it although it may have no name.
    pub(crate) holds: u32,
    /// It has no name any more.
    pub(crate) is_orphan: bool,
    /// Blocks allocated for copies on write that are not finished, by file block.
    pub(crate) staged: BTreeMap<u64, Extent>,
}

impl Incore {
    /// Of a staged extent only the rest is left.
    pub(crate) fn put_back_staged(&mut self, staged: Extent, rest: [Extent; 2]) {
        self.staged.remove(&staged.file_block);
        let rest = rest.into_iter().filter(|rest| rest.blocks > 0);
        self.staged.extend(rest.map(|rest| (rest.file_block, rest)));
    }
}
