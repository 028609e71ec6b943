//! qcow2 images, through imago.
//!
//! What it does not do: backing files and external data files are refused, because an image that a
//! stranger made could name any file of the host. Nor does it take or show the image's own snapshots.

use std::io;
use std::path::Path;

use imago::file::File;
use imago::qcow2::Qcow2;
use imago::storage::{Storage, StorageOpenOptions};
use imago::{DenyImplicitOpenGate, FormatAccess, FormatDriverBuilder};

use super::MediaError;
use super::file::HostImage;

/// How a qcow2 image begins.
const MAGIC: [u8; 4] = *b"QFI\xfb";

/// Whole clusters of any image are whole multiples of this. Imago 0.2.6 subtracts a cluster too many
/// when it zeroes a part of one in an image that is smaller, so parts are written as bytes.
const CLUSTER_BYTES_MAX: u64 = 2 << 20;

/// A qcow2 image, version 2 or 3.
#[derive(Debug)]
pub struct Qcow2Image {
    format: FormatAccess<File>,
}

impl Qcow2Image {
    /// Whether a file that begins like this is a qcow2 image.
    #[must_use]
    pub fn is_qcow2(first_bytes: &[u8]) -> bool {
        first_bytes.starts_with(&MAGIC)
    }

    /// Opens an image that exists, for reading and writing.
    ///
    /// # Errors
    /// [`MediaError`] if it is no such image, or needs other files.
    pub fn open(path: &Path) -> Result<Self, MediaError> {
        Self::open_as(path, true)
    }

    /// Opens an image that exists, for reading only.
    ///
    /// # Errors
    /// As [`Qcow2Image::open`].
    pub fn open_read_only(path: &Path) -> Result<Self, MediaError> {
        Self::open_as(path, false)
    }

    fn open_as(path: &Path, is_writable: bool) -> Result<Self, MediaError> {
        Self::try_open(path, is_writable).map_err(|source| {
            let why = format!(
                "{source} (a qcow2 image must be of version 2 or 3 and need no backing or data \
                 file; `qemu-img convert -O raw` makes any image plain)"
            );
            MediaError {
                operation: "open",
                path: path.display().to_string(),
                offset: 0,
                source: io::Error::new(source.kind(), why),
            }
        })
    }

    fn try_open(path: &Path, is_writable: bool) -> io::Result<Self> {
        let file = File::open(StorageOpenOptions::new().filename(path).write(is_writable))?;
        let image =
            Qcow2::<File>::builder(file).write(is_writable).open(DenyImplicitOpenGate::default())?;
        Ok(Self { format: FormatAccess::new(image) })
    }

    /// Writes zeros as bytes.
    fn write_zeros(&self, from: u64, end: u64) -> io::Result<()> {
        let length = usize::try_from(end.saturating_sub(from)).unwrap_or(0);
        if length == 0 { Ok(()) } else { self.format.write(&vec![0; length], from) }
    }
}

impl HostImage for Qcow2Image {
    fn size_bytes(&self) -> u64 {
        self.format.size()
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> io::Result<()> {
        self.format.read(dst, offset)
    }

    fn write_at(&self, offset: u64, src: &[u8]) -> io::Result<()> {
        self.format.write(src, offset)
    }

    fn zero_at(&self, offset: u64, length: u64) -> io::Result<()> {
        let end = offset.saturating_add(length);
        let first = offset.next_multiple_of(CLUSTER_BYTES_MAX).min(end);
        let last = end.checked_div(CLUSTER_BYTES_MAX).unwrap_or(0);
        let last = last.saturating_mul(CLUSTER_BYTES_MAX).max(first);
        self.write_zeros(offset, first)?;
        if first < last {
            self.format.write_zeroes(first, last.saturating_sub(first))?;
        }
        self.write_zeros(last, end)
    }

    fn sync(&self) -> io::Result<()> {
        self.format.flush()?;
        self.format.sync()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use imago::FormatCreateBuilder;
    use imago::qcow2::Qcow2CreateBuilder;

    use super::*;
    use crate::media::{FileMedia, Media};
    use std::sync::Arc;

    /// A fresh image of so many bytes.
    pub(in crate::media) fn create(path: &Path, bytes: u64) {
        std::fs::File::create(path).expect("temporary file");
        let file = File::open(StorageOpenOptions::new().filename(path).write(true)).expect("file");
        Qcow2CreateBuilder::<File>::new(file).size(bytes).create().expect("format");
    }

    pub(in crate::media) fn open(path: &Path, block_bytes: u32) -> FileMedia {
        let image = Arc::new(Qcow2Image::open(path).expect("an image"));
        FileMedia::over(image, path, block_bytes).expect("whole blocks")
    }

    #[test]
    fn what_was_flushed_is_there_when_the_image_is_opened_again() {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        create(file.path(), 64 << 20);
        let mut media = open(file.path(), 4096);
        media.write(5000, &[7; 8192]).expect("write");
        media.flush().expect("flush");
        drop(media);
        let mut first = [0; 4];
        std::os::unix::fs::FileExt::read_exact_at(file.as_file(), &mut first, 0).expect("header");
        assert!(Qcow2Image::is_qcow2(&first));
        assert!(file.as_file().metadata().expect("metadata").len() < 8 << 20, "it is sparse");
        let mut block = [0; 4096];
        open(file.path(), 4096).read(5001, &mut block).expect("read");
        assert_eq!(block, [7; 4096]);
    }

    #[test]
    fn any_discard_reads_zeros_and_a_large_one_takes_no_space() {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        create(file.path(), 16 << 20);
        let mut media = open(file.path(), 4096);
        media.discard(0, 4096).expect("discard of holes");
        media.flush().expect("flush");
        assert!(file.as_file().metadata().expect("metadata").len() < 4 << 20, "it is sparse");
        for (slba, blocks) in [(0, 4096), (1, 4095), (511, 514), (600, 100), (3000, 1)] {
            media.write(0, &vec![7; 16 << 20]).expect("write");
            media.discard(slba, blocks).expect("discard");
            let mut block = [0; 4096];
            for lba in 0..4096 {
                media.read(lba, &mut block).expect("read");
                let is_zero = (slba..slba + blocks).contains(&lba);
                assert_eq!(block, [if is_zero { 0 } else { 7 }; 4096], "block {lba}");
            }
        }
    }

    #[test]
    fn an_image_that_needs_another_file_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().expect("folder");
        let (base, top) = (folder.path().join("base"), folder.path().join("top"));
        std::fs::write(&base, vec![0; 1 << 20]).expect("write");
        std::fs::File::create(&top).expect("temporary file");
        let file = File::open(StorageOpenOptions::new().filename(&top).write(true)).expect("file");
        Qcow2CreateBuilder::<File>::new(file)
            .size(1 << 20)
            .backing(base.display().to_string(), "raw".into())
            .create()
            .expect("format");
        let text = Qcow2Image::open(&top).expect_err("a backing file").to_string();
        assert!(text.contains("backing") && text.contains("qemu-img convert -O raw"), "{text}");
        std::fs::write(&top, b"QFI\xfb and then nonsense").expect("write");
        Qcow2Image::open(&top).expect_err("no image");
    }
}
