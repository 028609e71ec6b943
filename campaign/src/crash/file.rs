//! An image as a file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use nvme_model::crash::{CrashPoint, WriteLog};
use nvme_model::media::OverlayMedia;
use nvme_model::{Media, MediaError};

use super::ImageName;

/// Why an image was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteImageError {
    /// There is no such cut, or the cut has no such image.
    #[error("cut {cut} has no image {image}: cuts are 0 to {end}, images 0 to its count less one")]
    None {
        /// The cut.
        cut: u64,
        /// The image.
        image: ImageName,
        /// The last cut.
        end: u64,
    },
    /// It could not be read.
    #[error("{0}")]
    Media(#[from] MediaError),
    /// The file could not be written.
    #[error("{0}")]
    File(#[from] io::Error),
}

/// One image of a cut as media.
///
/// # Errors
/// [`WriteImageError::None`], [`WriteImageError::Media`].
pub fn image(log: &WriteLog, cut: u64, image: ImageName) -> Result<OverlayMedia, WriteImageError> {
    let none = WriteImageError::None { cut, image, end: log.end() };
    if cut > log.end() {
        return Err(none);
    }
    let point = CrashPoint::at(log, cut)?;
    let chosen = image.of(point.space()).ok_or(none)?;
    Ok(point.media(&chosen)?)
}

/// Writes media to a new raw image; blocks of zeros take no place in it.
///
/// # Errors
/// [`WriteImageError::File`] if the file is there already or cannot be written.
pub fn write(media: &dyn Media, path: &Path) -> Result<(), WriteImageError> {
    let file = File::create_new(path)?;
    let block_bytes = media.block_bytes();
    let mut block = vec![0; block_bytes as usize];
    file.set_len(media.size_blocks() * u64::from(block_bytes))?;
    for lba in 0..media.size_blocks() {
        media.read(lba, &mut block)?;
        if block.iter().any(|byte| *byte != 0) {
            file.write_all_at(&block, lba * u64::from(block_bytes))?;
        }
    }
    Ok(())
}
