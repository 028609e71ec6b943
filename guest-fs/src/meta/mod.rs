//! Metadata blocks, whoever holds them: the traits that trees are written against.
//!
//! A reader is the mounted filesystem, a transaction (which sees its own changes), the memory-only view
//! of swap, or a check of an unmounted device. Each gives verified blocks or a [`Fault`].

pub(crate) mod cache;
mod load;
#[cfg(test)]
pub(crate) mod testing;

use alloc::rc::Rc;

use iomap::Errno;

use crate::format::superblock::Layout;
use crate::format::{Corruption, Image, Structure};
use crate::store::IoError;

pub(crate) use load::read_verified;

/// Why a metadata block is not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The device failed.
    Io(IoError),
    /// The block is not what it should be.
    Corrupt(Corruption),
    /// It is not in memory, and the reader may not look further.
    Absent,
    /// Anything else: no space, a lock that is held.
    Errno(Errno),
}

impl From<IoError> for Fault {
    fn from(error: IoError) -> Self {
        Self::Io(error)
    }
}

impl From<Corruption> for Fault {
    fn from(corruption: Corruption) -> Self {
        Self::Corrupt(corruption)
    }
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

/// Gives metadata blocks.
pub(crate) trait MetaRead {
    fn layout(&self) -> &Layout;

    /// The block, which is a `structure` of `owner`.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be had or is something else.
    fn read(&self, structure: Structure, block: u64, owner: u64) -> Result<Rc<Image>, Fault>;
}

/// Changes metadata blocks, all together or not at all.
pub(crate) trait MetaWrite: MetaRead {
    /// The block, to be changed.
    ///
    /// # Errors
    /// As [`MetaRead::read`]; a lock that somebody else holds.
    fn edit(&mut self, structure: Structure, block: u64, owner: u64) -> Result<&mut Image, Fault>;

    /// A new block, empty but for its header.
    ///
    /// # Errors
    /// `ENOSPC`, and what reading a bitmap gives.
    fn create(&mut self, structure: Structure, owner: u64) -> Result<u64, Fault>;

    /// The block belongs to nothing any more.
    ///
    /// # Errors
    /// What reading a bitmap gives.
    fn destroy(&mut self, block: u64, owner: u64) -> Result<(), Fault>;
}
