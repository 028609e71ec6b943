//! Media in a file of the host.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{Media, MediaError};

/// Zeros for a discard, written piece by piece.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// A disk image: block `n` is at byte `n * block_bytes`. Needs nothing but a whole number of blocks.
#[derive(Debug)]
pub struct FileMedia {
    file: File,
    path: String,
    block_bytes: u32,
    size_blocks: u64,
}

impl FileMedia {
    /// Opens an image that exists. Writes nothing to it.
    ///
    /// # Errors
    /// [`MediaError`] if it cannot be opened for reading and writing, is not a regular file, is empty
    /// or does not end at a block boundary. The file is untouched then.
    pub fn open(path: &Path, block_bytes: u32) -> Result<Self, MediaError> {
        let name = path.display().to_string();
        let fail =
            |offset, source| MediaError { operation: "open", path: name.clone(), offset, source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|source| fail(0, source))?;
        let metadata = file.metadata().map_err(|source| fail(0, source))?;
        let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        if !metadata.is_file() {
            return Err(fail(0, invalid("expected a regular file".into())));
        }
        let length = metadata.len();
        let size_blocks = length.checked_div(block_bytes.into()).unwrap_or(0);
        let whole = size_blocks.saturating_mul(block_bytes.into());
        if size_blocks == 0 || whole != length {
            let why = format!("length {length} is not a positive multiple of {block_bytes} bytes");
            return Err(fail(whole, invalid(why)));
        }
        Ok(Self { file, path: name, block_bytes, size_blocks })
    }

    fn offset(&self, lba: u64) -> u64 {
        lba.saturating_mul(self.block_bytes.into())
    }

    fn error(&self, operation: &'static str, lba: u64, source: io::Error) -> MediaError {
        MediaError { operation, path: self.path.clone(), offset: self.offset(lba), source }
    }
}

impl Media for FileMedia {
    fn block_bytes(&self) -> u32 {
        self.block_bytes
    }

    fn size_blocks(&self) -> u64 {
        self.size_blocks
    }

    fn read(&mut self, lba: u64, dst: &mut [u8]) -> Result<(), MediaError> {
        self.file
            .read_exact_at(dst, self.offset(lba))
            .map_err(|source| self.error("read", lba, source))
    }

    fn write(&mut self, lba: u64, src: &[u8]) -> Result<(), MediaError> {
        self.file
            .write_all_at(src, self.offset(lba))
            .map_err(|source| self.error("write", lba, source))
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        self.file.sync_data().map_err(|source| self.error("sync", 0, source))
    }

    fn discard(&mut self, lba: u64, blocks: u64) -> Result<(), MediaError> {
        let end = self.offset(lba.saturating_add(blocks));
        let mut at = self.offset(lba);
        while at < end {
            let length = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
            let piece = ZEROS.get(..length).unwrap_or(&ZEROS);
            self.file.write_all_at(piece, at).map_err(|source| self.error("write", lba, source))?;
            at = at.saturating_add(piece.len() as u64);
        }
        Ok(())
    }

    fn resize(&mut self, size_blocks: u64) -> Result<(), MediaError> {
        let length = self.offset(size_blocks);
        self.file.set_len(length).map_err(|source| self.error("resize", size_blocks, source))?;
        self.size_blocks = size_blocks;
        Ok(())
    }
}
