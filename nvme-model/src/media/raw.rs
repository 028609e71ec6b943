//! Raw images: the file's bytes are the drive's.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FallocateFlags, OFlags, fallocate};

use super::MediaError;
use super::file::{FileAccess, HostImage};

/// Zeros where the host cannot punch holes, written piece by piece.
const ZEROS_BYTES: u64 = 1 << 16;

/// Enough for the sectors of any disk; a page, too.
const ALIGNMENT: usize = 4096;

/// Sectors that direct access may have at the least.
const SECTOR_BYTES: u32 = 512;

fn is_block_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_block_device())
}

#[derive(Debug)]
pub(super) struct RawImage {
    file: File,
    size_bytes: u64,
    access: FileAccess,
}

impl RawImage {
    pub(super) fn open(
        path: &Path,
        block_bytes: u32,
        access: FileAccess,
    ) -> Result<Self, MediaError> {
        Self::try_open(path, block_bytes, access).map_err(|source| MediaError {
            operation: "open",
            path: path.display().to_string(),
            offset: 0,
            source,
        })
    }

    fn try_open(path: &Path, block_bytes: u32, access: FileAccess) -> io::Result<Self> {
        let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        let mut options = OpenOptions::new();
        let mut flags = 0;
        options.read(true).write(access != FileAccess::ReadOnly);
        if access == FileAccess::Direct {
            if block_bytes.checked_rem(SECTOR_BYTES) != Some(0) {
                let why = format!("blocks of {block_bytes} bytes are no whole sectors");
                return Err(invalid(format!(
                    "{why}, which direct access needs; use cached access"
                )));
            }
            flags = OFlags::DIRECT.bits().cast_signed();
            options.custom_flags(flags);
        }
        if access != FileAccess::ReadOnly && is_block_device(path) {
            // Linux refuses a device that is mounted or otherwise taken, with EBUSY.
            options.custom_flags(OFlags::EXCL.bits().cast_signed() | flags);
        }
        let file = options.open(path)?;
        let metadata = file.metadata()?;
        let size_bytes = if metadata.file_type().is_block_device() {
            // A device says 0 as its length; its end is where one can go.
            (&file).seek(SeekFrom::End(0))?
        } else if metadata.is_file() {
            metadata.len()
        } else {
            return Err(invalid("expected a regular file or a block device".into()));
        };
        let image = Self { file, size_bytes, access };
        if access == FileAccess::Direct && image.size_bytes >= block_bytes.into() {
            // Whether the host's disk has larger sectors shows at the first access: have it now.
            image.read_at(0, &mut vec![0; block_bytes as usize])?;
        }
        Ok(image)
    }

    /// Whether the host goes past its page cache for this image.
    #[cfg(test)]
    pub(super) fn is_direct(&self) -> bool {
        rustix::fs::fcntl_getfl(&self.file).is_ok_and(|flags| flags.contains(OFlags::DIRECT))
    }

    /// Lets `act` work on memory as direct access needs it.
    fn aligned<T>(length: usize, act: impl FnOnce(&mut [u8]) -> io::Result<T>) -> io::Result<T> {
        let mut room = vec![0; length.saturating_add(ALIGNMENT)];
        let start = room.as_ptr().align_offset(ALIGNMENT);
        let aligned = room.get_mut(start..start.saturating_add(length));
        act(aligned.unwrap_or_else(|| unreachable!("a byte is aligned within the alignment")))
    }
}

impl HostImage for RawImage {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> io::Result<()> {
        match self.access {
            FileAccess::Cached | FileAccess::ReadOnly => self.file.read_exact_at(dst, offset),
            FileAccess::Direct => Self::aligned(dst.len(), |buffer| {
                self.file.read_exact_at(buffer, offset)?;
                dst.copy_from_slice(buffer);
                Ok(())
            }),
        }
    }

    fn write_at(&self, offset: u64, src: &[u8]) -> io::Result<()> {
        match self.access {
            FileAccess::Cached | FileAccess::ReadOnly => self.file.write_all_at(src, offset),
            FileAccess::Direct => Self::aligned(src.len(), |buffer| {
                buffer.copy_from_slice(src);
                self.file.write_all_at(buffer, offset)
            }),
        }
    }

    fn zero_at(&self, offset: u64, length: u64) -> io::Result<()> {
        if length == 0 {
            return Ok(());
        }
        let punched = fallocate(
            &self.file,
            FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE,
            offset,
            length,
        );
        match punched {
            Err(rustix::io::Errno::OPNOTSUPP) => {}
            punched => return Ok(punched?),
        }
        let end = offset.saturating_add(length);
        let mut at = offset;
        while at < end {
            let piece = usize::try_from(end.saturating_sub(at).min(ZEROS_BYTES)).unwrap_or(0);
            self.write_at(at, &vec![0; piece])?;
            at = at.saturating_add(ZEROS_BYTES);
        }
        Ok(())
    }

    fn has_blocks_of(&self, block_bytes: u32) -> bool {
        self.access == FileAccess::Cached || block_bytes.checked_rem(SECTOR_BYTES) == Some(0)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}
