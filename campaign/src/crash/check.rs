//! Whether an image is in order after its recovery.

use std::rc::Rc;

use guest_fs::{FileSystem, Finding, MountOptions};
use iomap::Errno;
use nvme_model::media::OverlayMedia;

use crate::disk_image::ImageDevice;

/// The name that the guest's script gives its swap file.
const SWAP_FILE: &str = "swapfile";

const BLOCK_BYTES: u64 = 4096;

/// Mounts the image, which recovers it, looks for a swap file of so many blocks if one is promised, unmounts and checks.
/// Nothing reaches what is below the overlay.
///
/// # Errors
/// What is wrong, in the words of the step that found it.
pub fn check(media: OverlayMedia, swap_file_blocks: Option<u64>) -> Result<(), String> {
    let device = Rc::new(ImageDevice::writable(media));
    let fs = FileSystem::mount(Rc::clone(&device), MountOptions::default());
    let fs = fs.map_err(|error| format!("mount: {error}"))?;
    if let Some(blocks) = swap_file_blocks {
        has_swap_file(&fs, blocks)?;
    }
    fs.unmount().map_err(|(_, errno)| format!("unmount after recovery: {errno}"))?;
    let report = FileSystem::fsck(&*device).map_err(|error| format!("fsck: {error}"))?;
    match report.findings.first() {
        None => Ok(()),
        Some(Finding::JournalNotEmpty { batches }) => {
            Err(format!("fsck: {batches} batches in the journal after an unmount"))
        }
        Some(finding) => Err(format!("fsck: {finding}")),
    }
}

fn has_swap_file(fs: &FileSystem<ImageDevice<OverlayMedia>>, blocks: u64) -> Result<(), String> {
    let lost = |errno: Errno| format!("the swap file, which fsync had made safe, is lost: {errno}");
    let stat = fs.open(SWAP_FILE).and_then(|ino| fs.stat(ino)).map_err(lost)?;
    if stat.size_bytes < blocks * BLOCK_BYTES {
        return Err(format!(
            "the swap file has {} bytes, fsync had made {} safe",
            stat.size_bytes,
            blocks * BLOCK_BYTES
        ));
    }
    Ok(())
}
