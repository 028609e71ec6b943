//! Disk images that a user names: looked at before anything may write to them.

mod device;
mod lock;
pub mod tool;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use guest_fs::{FileSystem, Finding, MkfsError, MountError};
use nvme_model::media::{FileAccess, Qcow2Image};
use nvme_model::{FileMedia, Media, MediaError};

pub use device::ImageDevice;
pub use lock::LockedMedia;

/// Bytes of a block, of the filesystem and of the drive's logical blocks.
const BLOCK_BYTES: u32 = 4096;

/// How images begin that are neither raw nor qcow2.
const FOREIGN: [(&[u8], &str); 3] =
    [(b"KDMV", "VMDK"), (b"vhdxfile", "VHDX"), (b"<<< Oracle VM VirtualBox", "VDI")];

/// The longest of them, and more.
const MAGIC_BYTES_MAX: u64 = 64;

/// Who is going to use the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskUser {
    /// Our guest: the image must be blank, or hold our filesystem in order.
    BuiltInGuest,
    /// Somebody else's guest: what is on it is its business.
    ForeignGuest {
        /// Bytes of a logical block: 512 or 4096.
        lba_bytes: u32,
    },
}

impl DiskUser {
    /// Bytes of a logical block of its drive.
    #[must_use]
    pub const fn lba_bytes(self) -> u32 {
        match self {
            Self::BuiltInGuest => BLOCK_BYTES,
            Self::ForeignGuest { lba_bytes } => lba_bytes,
        }
    }
}

/// Why an image is not used. It was not written to.
#[derive(Debug, thiserror::Error)]
pub enum DiskImageError {
    /// It cannot be a drive's media.
    #[error("{0}")]
    Media(#[from] MediaError),
    /// It cannot be reached past the host's page cache.
    #[error(
        "{path}: a qcow2 image is read and written through the host's page cache: leave direct access out, or use a raw one",
        path = .path.display()
    )]
    NotDirect {
        /// The image.
        path: PathBuf,
    },
    /// It could not be read.
    #[error("{path}: {source}", path = .path.display())]
    Read {
        /// The image.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is of a format that is not read here; as a raw image it would be destroyed.
    #[error(
        "{path}: a {format} image; raw and qcow2 are supported: `qemu-img convert -O qcow2` makes one",
        path = .path.display()
    )]
    Format {
        /// The image.
        path: PathBuf,
        /// What it is.
        format: &'static str,
    },
    /// It does not hold our filesystem, and is not blank.
    #[error(
        "{path}: offset {offset:#x}: {what}; expected a swaplab filesystem (`swaplab image mkfs` \
         makes one), or for a boot a blank image (zeros in its first and last block)", path = .path.display()
    )]
    NotOurs {
        /// The image.
        path: PathBuf,
        /// Where it differs, in bytes.
        offset: u64,
        /// What was expected there.
        what: String,
    },
    /// Somebody else uses it.
    #[error(
        "{path}: in use by another process; end it, or work on a copy", path = .path.display()
    )]
    InUse {
        /// The image.
        path: PathBuf,
    },
    /// No filesystem could be made of it.
    #[error("{path}: {error}", path = .path.display())]
    Mkfs {
        /// The image.
        path: PathBuf,
        /// Why.
        error: MkfsError,
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

/// Opens an image, raw or qcow2, as a drive's media after a check that writes nothing.
///
/// # Errors
/// [`DiskImageError`] with the file, the offset and what was expected.
pub fn open(
    path: &Path,
    user: DiskUser,
    access: FileAccess,
) -> Result<LockedMedia, DiskImageError> {
    let media = open_image_as(path, user.lba_bytes(), access)?;
    if user != DiskUser::BuiltInGuest || is_blank(&media)? {
        return Ok(media);
    }
    let device = ImageDevice::read_only(media);
    check(path, &device)?;
    Ok(device.into_media())
}

/// Opens an image of our filesystem for one user, or for reading only.
fn open_image(path: &Path, is_read_only: bool) -> Result<LockedMedia, DiskImageError> {
    let access = if is_read_only { FileAccess::ReadOnly } else { FileAccess::Cached };
    open_image_as(path, BLOCK_BYTES, access)
}

fn open_image_as(
    path: &Path,
    lba_bytes: u32,
    access: FileAccess,
) -> Result<LockedMedia, DiskImageError> {
    let lock = lock::lock(path, access == FileAccess::ReadOnly)?;
    Ok(LockedMedia::new(open_format(path, lba_bytes, access)?, lock))
}

/// Finds out by its first bytes what an image is. A raw image that a guest made look like qcow2 is
/// taken for that the next time; all it could win is refused there: other files.
fn open_format(
    path: &Path,
    lba_bytes: u32,
    access: FileAccess,
) -> Result<FileMedia, DiskImageError> {
    let read = |source| DiskImageError::Read { path: path.to_owned(), source };
    let mut first = Vec::new();
    let file = File::open(path).map_err(read)?;
    file.take(MAGIC_BYTES_MAX).read_to_end(&mut first).map_err(read)?;
    if let Some((_, format)) = FOREIGN.iter().find(|(magic, _)| first.starts_with(magic)) {
        return Err(DiskImageError::Format { path: path.to_owned(), format });
    }
    if !Qcow2Image::is_qcow2(&first) {
        return Ok(FileMedia::open_as(path, lba_bytes, access)?);
    }
    let image = match access {
        FileAccess::ReadOnly => Qcow2Image::open_read_only(path)?,
        FileAccess::Cached => Qcow2Image::open(path)?,
        FileAccess::Direct => return Err(DiskImageError::NotDirect { path: path.to_owned() }),
    };
    Ok(FileMedia::over(Arc::new(image), path, lba_bytes)?)
}

/// The places where a superblock is hold nothing.
fn is_blank(media: &LockedMedia) -> Result<bool, DiskImageError> {
    let mut bytes = [0; BLOCK_BYTES as usize];
    for block in [0, media.size_blocks().saturating_sub(1)] {
        media.read(block, &mut bytes)?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn check(path: &Path, device: &ImageDevice<LockedMedia>) -> Result<(), DiskImageError> {
    let report = FileSystem::fsck(device).map_err(|error| mount_error(path, error.0))?;
    // A journal that is not empty is what a power cut leaves; mounting replays it.
    let is_damage = |finding: &&Finding| !matches!(finding, Finding::JournalNotEmpty { .. });
    match report.findings.iter().find(is_damage) {
        None => Ok(()),
        Some(finding) => {
            Err(DiskImageError::Damaged { path: path.to_owned(), what: finding.to_string() })
        }
    }
}

/// What is not a filesystem of ours.
fn mount_error(path: &Path, error: MountError) -> DiskImageError {
    DiskImageError::NotOurs {
        path: path.to_owned(),
        offset: u64::from(BLOCK_BYTES) * block_of(&error),
        what: error.to_string(),
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
