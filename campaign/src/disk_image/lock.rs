//! One user of an image at a time, or any number of lookers.

use std::fs::File;
use std::path::Path;

use nvme_model::{FileMedia, Media, MediaError};
use rustix::fs::{FlockOperation, flock};

use super::DiskImageError;

/// An image that nobody else may use while this lives: a lock of flock(2), so only programs that ask
/// notice. Those of this project do.
#[derive(Debug)]
pub struct LockedMedia {
    media: FileMedia,
    _lock: File,
}

/// Takes the lock of an image.
///
/// # Errors
/// [`DiskImageError::InUse`].
pub(super) fn lock(path: &Path, is_shared: bool) -> Result<File, DiskImageError> {
    let read = |source| DiskImageError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(read)?;
    let operation = if is_shared {
        FlockOperation::NonBlockingLockShared
    } else {
        FlockOperation::NonBlockingLockExclusive
    };
    match flock(&file, operation) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(DiskImageError::InUse { path: path.to_owned() }),
        Err(errno) => Err(read(errno.into())),
    }
}

impl LockedMedia {
    pub(super) const fn new(media: FileMedia, lock: File) -> Self {
        Self { media, _lock: lock }
    }
}

impl Media for LockedMedia {
    fn block_bytes(&self) -> u32 {
        self.media.block_bytes()
    }

    fn size_blocks(&self) -> u64 {
        self.media.size_blocks()
    }

    fn read(&self, lba: u64, dst: &mut [u8]) -> Result<(), MediaError> {
        self.media.read(lba, dst)
    }

    fn write(&mut self, lba: u64, src: &[u8]) -> Result<(), MediaError> {
        self.media.write(lba, src)
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        self.media.flush()
    }

    fn discard(&mut self, lba: u64, blocks: u64) -> Result<(), MediaError> {
        self.media.discard(lba, blocks)
    }

    fn reshape(&mut self, size_blocks: u64, block_bytes: u32) -> Result<u64, MediaError> {
        self.media.reshape(size_blocks, block_bytes)
    }

    fn file(&self) -> Option<&str> {
        self.media.file()
    }

    fn snapshot(&self) -> Box<dyn Media> {
        self.media.snapshot()
    }
}
