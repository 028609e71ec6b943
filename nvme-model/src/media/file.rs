//! Media in a file of the host.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::blocks::Blocks;
use super::raw::RawImage;
use super::{Media, MediaError};

/// Bytes at places, as some image format keeps them in a file.
pub trait HostImage: std::fmt::Debug + Send + Sync {
    /// The size of the drive that the image holds.
    fn size_bytes(&self) -> u64;

    /// Fills `dst`.
    ///
    /// # Errors
    /// What the host says.
    fn read_at(&self, offset: u64, dst: &mut [u8]) -> io::Result<()>;

    /// Stores `src`.
    ///
    /// # Errors
    /// What the host says.
    fn write_at(&self, offset: u64, src: &[u8]) -> io::Result<()>;

    /// Makes a range read as zeros, without space for them if the host can.
    ///
    /// # Errors
    /// What the host says.
    fn zero_at(&self, offset: u64, length: u64) -> io::Result<()>;

    /// Whether blocks of this size can be read and written one by one.
    fn has_blocks_of(&self, _block_bytes: u32) -> bool {
        true
    }

    /// Makes everything written durable.
    ///
    /// # Errors
    /// What the host says.
    fn sync(&self) -> io::Result<()>;
}

/// How a raw image is read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileAccess {
    /// Through the host's page cache.
    #[default]
    Cached,
    /// Past it (`O_DIRECT`). Blocks must be whole sectors of the host's disk.
    Direct,
    /// Through the page cache, and nothing is written.
    ReadOnly,
}

/// A disk image: block `n` is at byte `n * block_bytes`. Needs nothing but a whole number of blocks.
///
/// The first snapshot freezes the image: from then on this media, and the snapshot, keep what is
/// written in memory. Nothing else would leave the snapshot as it is.
#[derive(Debug)]
pub struct FileMedia {
    image: Arc<dyn HostImage>,
    path: Arc<str>,
    /// What was written since the image is frozen.
    later: Blocks,
    is_frozen: AtomicBool,
}

impl FileMedia {
    /// Opens an image that exists. Writes nothing to it.
    ///
    /// # Errors
    /// [`MediaError`] if it cannot be opened for reading and writing, is not a regular file, is empty
    /// or does not end at a block boundary. The file is untouched then.
    pub fn open(path: &Path, block_bytes: u32) -> Result<Self, MediaError> {
        Self::open_as(path, block_bytes, FileAccess::Cached)
    }

    /// As [`FileMedia::open`], with a choice of access.
    ///
    /// # Errors
    /// As [`FileMedia::open`]; also if the host's filesystem has no direct access for such blocks.
    pub fn open_as(path: &Path, block_bytes: u32, access: FileAccess) -> Result<Self, MediaError> {
        let image = RawImage::open(path, block_bytes, access)?;
        Self::over(Arc::new(image), path, block_bytes)
    }

    /// Media in an image of some format; `path` is for messages.
    ///
    /// # Errors
    /// [`MediaError`] if it is empty or does not end at a block boundary.
    pub fn over(
        image: Arc<dyn HostImage>,
        path: &Path,
        block_bytes: u32,
    ) -> Result<Self, MediaError> {
        let length = image.size_bytes();
        let size_blocks = length.checked_div(block_bytes.into()).unwrap_or(0);
        let whole = size_blocks.saturating_mul(block_bytes.into());
        let path: Arc<str> = path.display().to_string().into();
        if size_blocks == 0 || whole != length {
            let why = format!("length {length} is not a positive multiple of {block_bytes} bytes");
            let source = io::Error::new(io::ErrorKind::InvalidData, why);
            let path = path.to_string();
            return Err(MediaError { operation: "open", path, offset: whole, source });
        }
        let later = Blocks::new(size_blocks, block_bytes);
        Ok(Self { image, path, later, is_frozen: AtomicBool::new(false) })
    }

    fn is_frozen(&self) -> bool {
        self.is_frozen.load(Ordering::Relaxed)
    }

    fn offset(&self, lba: u64) -> u64 {
        lba.saturating_mul(self.later.block_bytes().into())
    }

    fn error(&self, operation: &'static str, lba: u64, source: io::Error) -> MediaError {
        MediaError { operation, path: self.path.to_string(), offset: self.offset(lba), source }
    }
}

/// Reads the image, past what was written later.
fn read_image(
    image: &dyn HostImage,
    path: &str,
    block_bytes: u32,
) -> impl Fn(u64, &mut [u8]) -> Result<(), MediaError> {
    move |lba, dst| {
        let offset = lba.saturating_mul(block_bytes.into());
        image.read_at(offset, dst).map_err(|source| MediaError {
            operation: "read",
            path: path.to_owned(),
            offset,
            source,
        })
    }
}

impl Media for FileMedia {
    fn block_bytes(&self) -> u32 {
        self.later.block_bytes()
    }

    fn size_blocks(&self) -> u64 {
        self.later.size_blocks()
    }

    fn read(&self, lba: u64, dst: &mut [u8]) -> Result<(), MediaError> {
        let below = read_image(self.image.as_ref(), &self.path, self.later.block_bytes());
        if self.is_frozen() { self.later.read(lba, dst, &below) } else { below(lba, dst) }
    }

    fn write(&mut self, lba: u64, src: &[u8]) -> Result<(), MediaError> {
        if self.is_frozen() {
            let block_bytes = self.later.block_bytes();
            let below = read_image(self.image.as_ref(), &self.path, block_bytes);
            return self.later.write(lba, src, &below);
        }
        let written = self.image.write_at(self.offset(lba), src);
        written.map_err(|source| self.error("write", lba, source))
    }

    fn flush(&mut self) -> Result<(), MediaError> {
        if self.is_frozen() {
            return Ok(());
        }
        self.image.sync().map_err(|source| self.error("sync", 0, source))
    }

    fn discard(&mut self, lba: u64, blocks: u64) -> Result<(), MediaError> {
        if self.is_frozen() {
            let block_bytes = self.later.block_bytes();
            let below = read_image(self.image.as_ref(), &self.path, block_bytes);
            return self.later.discard(lba, blocks, Some(&below));
        }
        let zeroed = self.image.zero_at(self.offset(lba), self.offset(blocks));
        zeroed.map_err(|source| self.error("discard", lba, source))
    }

    fn file(&self) -> Option<&str> {
        (!self.is_frozen()).then_some(&self.path)
    }

    fn snapshot(&self) -> Box<dyn Media> {
        self.is_frozen.store(true, Ordering::Relaxed);
        Box::new(Self {
            image: Arc::clone(&self.image),
            path: Arc::clone(&self.path),
            later: self.later.clone(),
            is_frozen: AtomicBool::new(true),
        })
    }

    fn reshape(&mut self, size_blocks: u64, block_bytes: u32) -> Result<u64, MediaError> {
        if !self.image.has_blocks_of(block_bytes) {
            return Ok(0);
        }
        let whole = self.size_blocks();
        let room = self.image.size_bytes().checked_div(block_bytes.into()).unwrap_or(0);
        let size_blocks = size_blocks.min(room);
        if !self.is_frozen() {
            self.discard(0, whole)?;
            self.later = Blocks::new(size_blocks, block_bytes);
            return Ok(size_blocks);
        }
        self.later = Blocks::zeros(size_blocks, block_bytes);
        Ok(size_blocks)
    }
}
