//! Disk images that a user names: looked at before anything may write to them.

mod device;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use guest_fs::{FileSystem, Finding, MountError};
use nvme_model::{FileMedia, MediaError};

use device::ReadOnlyImage;

/// Bytes of a block, of the filesystem and of the drive's logical blocks.
const BLOCK_BYTES: u32 = 4096;

/// Who is going to use the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskUser {
    /// Our guest: the image must be blank, or hold our filesystem in order.
    BuiltInGuest,
    /// Somebody else's guest: what is on it is its business.
    ForeignGuest,
}

/// Why an image is not used. It was not written to.
#[derive(Debug, thiserror::Error)]
pub enum DiskImageError {
    /// It cannot be a drive's media.
    #[error("{0}")]
    Media(#[from] MediaError),
    /// It could not be read.
    #[error("{path}: {source}", path = .path.display())]
    Read {
        /// The image.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It does not hold our filesystem, and is not blank.
    #[error(
        "{path}: offset {offset:#x}: {what}; expected a swaplab filesystem or a blank image \
         (zeros in its first and last block)", path = .path.display()
    )]
    NotOurs {
        /// The image.
        path: PathBuf,
        /// Where it differs, in bytes.
        offset: u64,
        /// What was expected there.
        what: String,
    },
    /// It holds our filesystem, but not in order.
    #[error("{path}: the filesystem on it is damaged: {what}", path = .path.display())]
    Damaged {
        /// The image.
        path: PathBuf,
        /// The first finding of the check.
        what: String,
    },
}

/// Opens an image as a drive's media after a check that writes nothing.
///
/// # Errors
/// [`DiskImageError`] with the file, the offset and what was expected.
pub fn open(path: &Path, user: DiskUser) -> Result<FileMedia, DiskImageError> {
    let media = FileMedia::open(path, BLOCK_BYTES)?;
    if user == DiskUser::BuiltInGuest {
        let read = |source| DiskImageError::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(read)?;
        if !is_blank(&file).map_err(read)? {
            check(path, file)?;
        }
    }
    Ok(media)
}

/// The places where a superblock is hold nothing.
fn is_blank(file: &File) -> std::io::Result<bool> {
    let last = file.metadata()?.len().saturating_sub(u64::from(BLOCK_BYTES));
    let mut bytes = [0; BLOCK_BYTES as usize];
    for offset in [0, last] {
        file.read_exact_at(&mut bytes, offset)?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn check(path: &Path, file: File) -> Result<(), DiskImageError> {
    let device = ReadOnlyImage::new(file)
        .map_err(|source| DiskImageError::Read { path: path.to_owned(), source })?;
    let report = FileSystem::fsck(&device).map_err(|error| DiskImageError::NotOurs {
        path: path.to_owned(),
        offset: u64::from(BLOCK_BYTES) * block_of(&error.0),
        what: error.0.to_string(),
    })?;
    // A journal that is not empty is what a power cut leaves; mounting replays it.
    let is_damage = |finding: &&Finding| !matches!(finding, Finding::JournalNotEmpty { .. });
    match report.findings.iter().find(is_damage) {
        None => Ok(()),
        Some(finding) => {
            Err(DiskImageError::Damaged { path: path.to_owned(), what: finding.to_string() })
        }
    }
}

fn block_of(error: &MountError) -> u64 {
    match error {
        MountError::Corrupt(corruption) => corruption.block,
        MountError::Io(error) => error.block,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
