//! Images in the hands of people: made, checked, looked into, written to, without a machine.
//!
//! Who looks writes nothing: a mount that has to replay a journal does it in memory.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use guest_fs::{FileSystem, MkfsError, MkfsOptions, MountOptions};
use nvme_model::Media;
use nvme_model::media::OverlayMedia;

use super::device::ImageDevice;
use super::lock::LockedMedia;
use super::{BLOCK_BYTES, DiskImageError, open_image};

/// A filesystem of which nothing reaches the image.
pub type LookedAt = FileSystem<ImageDevice<OverlayMedia>>;

/// A filesystem in an image.
pub type Changed = FileSystem<ImageDevice<LockedMedia>>;

/// Blocks at the start of an image that are looked at before something is made of it: everything that
/// others put at the start of a disk is there.
const FIRST_BLOCKS: u64 = 32;

/// What others put there: name, where, and the bytes.
const OTHERS: [(&str, usize, &[u8]); 7] = [
    ("an ext2, ext3 or ext4 filesystem", 1080, b"\x53\xef"),
    ("an XFS filesystem", 0, b"XFSB"),
    ("a btrfs filesystem", 0x1_0040, b"_BHRfS_M"),
    ("a partition table (GPT)", 512, b"EFI PART"),
    ("a partition table or boot sector", 510, b"\x55\xaa"),
    ("swap space", 4086, b"SWAPSPACE2"),
    ("a swaplab filesystem", 0, b"SlSb"),
];

/// Opens an image to look at it. Others may look, too.
///
/// # Errors
/// [`DiskImageError`].
pub fn look(path: &Path) -> Result<ImageDevice<LockedMedia>, DiskImageError> {
    open_image(path, true).map(ImageDevice::read_only)
}

/// Opens an image to change it.
///
/// # Errors
/// [`DiskImageError`]; [`DiskImageError::InUse`] if anybody else uses it.
pub fn change(path: &Path) -> Result<ImageDevice<LockedMedia>, DiskImageError> {
    open_image(path, false).map(ImageDevice::writable)
}

/// What is on an image, if it is not blank as far as one can see: the first 128 KiB and the last block.
///
/// # Errors
/// [`DiskImageError`] if it cannot be read.
pub fn content(path: &Path) -> Result<Option<&'static str>, DiskImageError> {
    let media = open_image(path, true)?;
    let mut first = Vec::new();
    let mut block = [0; BLOCK_BYTES as usize];
    let size = media.size_blocks();
    for number in 0..FIRST_BLOCKS.min(size) {
        media.read(number, &mut block)?;
        first.extend_from_slice(&block);
    }
    media.read(size.saturating_sub(1), &mut block)?;
    let is_at = |at: usize, magic: &[u8]| first.get(at..at + magic.len()) == Some(magic);
    if let Some((name, ..)) = OTHERS.iter().find(|(_, at, magic)| is_at(*at, magic)) {
        return Ok(Some(name));
    }
    let is_blank = first.iter().chain(&block).all(|byte| *byte == 0);
    Ok((!is_blank).then_some("data of an unknown kind"))
}

/// Makes a filesystem of a whole image.
///
/// # Errors
/// [`DiskImageError`], [`MkfsError`] among them.
pub fn mkfs(path: &Path, options: &MkfsOptions) -> Result<(), DiskImageError> {
    let device = change(path)?;
    let made = FileSystem::mkfs(&device, options);
    made.map_err(|error: MkfsError| DiskImageError::Mkfs { path: path.to_owned(), error })
}

/// Mounts an image in memory: what its journal holds is replayed there, and the image stays as it is.
///
/// # Errors
/// [`DiskImageError`].
pub fn mount_in_memory(
    path: &Path,
) -> Result<(LookedAt, Rc<ImageDevice<OverlayMedia>>), DiskImageError> {
    let media = open_image(path, true)?;
    let device = Rc::new(ImageDevice::writable(OverlayMedia::new(Arc::new(media))));
    let fs = FileSystem::mount(Rc::clone(&device), MountOptions::default());
    Ok((fs.map_err(|error| super::mount_error(path, error))?, device))
}

/// Mounts an image.
///
/// # Errors
/// [`DiskImageError`].
pub fn mount(path: &Path) -> Result<(Changed, Rc<ImageDevice<LockedMedia>>), DiskImageError> {
    let device = Rc::new(change(path)?);
    let fs = FileSystem::mount(Rc::clone(&device), MountOptions::default());
    Ok((fs.map_err(|error| super::mount_error(path, error))?, device))
}
