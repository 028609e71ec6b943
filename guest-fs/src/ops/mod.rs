//! What users ask of a mounted filesystem.

mod buffered;
mod create;
mod direct;
mod fallocate;
mod file;
mod flush;
mod freeze;
mod link;
mod list;
mod mapped;
mod orphans;
mod path;
mod reflink;
mod relocate;
mod remove;
mod rename;
mod report;
mod sync;
#[cfg(test)]
mod tests;
mod truncate;

pub use buffered::{OpenFile, OpenFlags};
pub(crate) use direct::DioTable;
pub use direct::DioTicket;
pub use fallocate::AllocateMode;
pub use list::DirectoryEntry;
pub use rename::RenameFlags;
pub use report::{FiemapExtent, FiemapFlags};

use block::BlockDevice;
use iomap::Errno;

use crate::filesystem::Ino;
use crate::format::BLOCK_BYTES;
use crate::format::inode::{FILE_BYTES_MAX, Fields, FileKind};
use crate::inode::fields;
use crate::meta::Fault;
use crate::state::Core;

impl<D: BlockDevice> Core<D> {
    /// The fields of an inode that somebody looked up, with the size that users see.
    ///
    /// # Errors
    /// `EIO` after a shutdown, `ENOENT` if nobody did.
    pub(crate) fn known(&self, ino: Ino) -> Result<Fields, Errno> {
        self.check_alive()?;
        let ahead = self.with_inode(ino.0, |incore| incore.size)?;
        let mut fields = self.inode_fields(ino.0).map_err(|fault| self.errno(fault))?;
        fields.size = fields.size.max(ahead.unwrap_or(0));
        Ok(fields)
    }

    /// A regular file that somebody looked up.
    ///
    /// # Errors
    /// As [`Core::known`]; `EISDIR`, `EINVAL` for anything else than a file.
    pub(crate) fn known_file(&self, ino: Ino) -> Result<Fields, Errno> {
        let fields = self.known(ino)?;
        match fields.kind {
            FileKind::File => Ok(fields),
            FileKind::Directory => Err(Errno::EISDIR),
            FileKind::Symlink => Err(Errno::EINVAL),
        }
    }

    /// A regular file that may be changed.
    ///
    /// # Errors
    /// As [`Core::known_file`]; `ETXTBSY` for an active swap file.
    pub(crate) fn changeable(&self, ino: Ino) -> Result<Fields, Errno> {
        let fields = self.known_file(ino)?;
        if self.with_inode(ino.0, |incore| incore.is_swapfile)? {
            return Err(Errno::ETXTBSY);
        }
        Ok(fields)
    }
}

/// A directory that exists.
fn directory<D: BlockDevice>(core: &Core<D>, ino: u64) -> Result<Fields, Fault> {
    let fields = fields(core, ino)?;
    match fields.kind {
        FileKind::Directory if fields.nlink > 0 => Ok(fields),
        FileKind::Directory => Err(Errno::ENOENT.into()),
        _ => Err(Errno::ENOTDIR.into()),
    }
}

/// Whole pages that meet `[start, end)`, in bytes.
const fn page_range(start: u64, end: u64) -> core::ops::Range<u64> {
    let first = start / BLOCK_BYTES;
    first.saturating_mul(BLOCK_BYTES)..end.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES)
}

/// The end of a range that a file can have.
fn check_range(pos: u64, length: u64) -> Result<u64, Errno> {
    let end = pos.checked_add(length).ok_or(Errno::EFBIG)?;
    if end > FILE_BYTES_MAX { Err(Errno::EFBIG) } else { Ok(end) }
}
