//! Where blocks live when the power is off.
//!
//! | media | what it is | snapshot |
//! |---|---|---|
//! | [`RamMedia`] | sparse, in memory | constant time, both go on |
//! | [`OverlayMedia`] | what was written in memory, the rest from a base that stays as it is | constant time, both go on |
//! | [`FileMedia`] | an image on the host: raw, or (feature `qcow2`) qcow2 | constant time; from then on nothing is written to the image |
//!
//! What they do not do: media errors, atomicity and what a power cut leaves are decided above them, in
//! `namespace` and [`crate::crash`]. What `write` returned for is there.

mod blocks;
mod file;
mod overlay;
#[cfg(feature = "qcow2")]
mod qcow2;
mod ram;
mod raw;

use std::fmt;
use std::sync::Arc;

use crate::{BlockBytes, Rest};

pub use file::{FileAccess, FileMedia, HostImage};
pub use overlay::OverlayMedia;
#[cfg(feature = "qcow2")]
pub use qcow2::Qcow2Image;
pub use ram::RamMedia;

/// The host could not do what the media should. Not a fault of the lab: those come from rules.
#[derive(Debug, thiserror::Error)]
#[error("{operation} of {path} at offset {offset}: {source}; check the file and the host's disk")]
pub struct MediaError {
    /// What was tried.
    pub operation: &'static str,
    /// The file.
    pub path: String,
    /// Where, in bytes.
    pub offset: u64,
    /// What the host said.
    pub source: std::io::Error,
}

/// How the bytes of a block will be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// They, or those that take their place, go through the processor's caches.
    Cached,
    /// Others take their place, past the caches.
    Replaced,
}

/// Non-volatile blocks. What `write` returned for, survives a power cut of the controller.
///
/// Callers keep `lba + blocks <= size_blocks` and whole blocks; anything else is their bug.
pub trait Media: fmt::Debug + Send + Sync {
    /// Bytes of a block as it is stored: its data and, right behind it, its metadata if it has any.
    /// 512 to 4096, and up to 64 more.
    fn block_bytes(&self) -> u32;

    /// How many blocks there are.
    fn size_blocks(&self) -> u64;

    /// Reads whole blocks from `lba` on. Blocks never written are zeros.
    ///
    /// # Errors
    /// [`MediaError`] if the host fails.
    fn read(&self, lba: u64, dst: &mut [u8]) -> Result<(), MediaError>;

    /// Writes whole blocks from `lba` on.
    ///
    /// # Errors
    /// [`MediaError`] if the host fails; any of the blocks may then be old or new.
    fn write(&mut self, lba: u64, src: &[u8]) -> Result<(), MediaError>;

    /// Like [`Media::write`], of bytes that the media may keep instead of copying them. Returns bytes that
    /// it has no use for: those that it had kept so far, or these.
    ///
    /// # Errors
    /// As [`Media::write`].
    fn write_shared(
        &mut self,
        lba: u64,
        src: BlockBytes,
    ) -> Result<Option<BlockBytes>, MediaError> {
        self.write(lba, &src).map(|()| Some(src))
    }

    /// So many bytes from `lba` on, if the media has them in memory in one piece: what [`Media::read`] would
    /// copy.
    fn view(&self, _lba: u64, _length: usize) -> Option<&[u8]> {
        None
    }

    /// A hint: this block will be wanted. Asks memory for where it lies, if that is kept in memory; does not wait.
    fn seek(&self, _lba: u64) {}

    /// A hint: this block has its turn after a few others. Asks memory for its first bytes, if they are in memory, and
    /// returns the others, to be asked for before its turn; for less, if they will not be looked at. Does not wait, if
    /// [`Media::seek`] was some time ago.
    fn warm(&self, _lba: u64, _access: Access) -> Rest {
        Rest::default()
    }

    /// Whether it holds more in memory than a processor's caches do: what is written is in none of them by the time that
    /// somebody reads it.
    fn outgrows_caches(&self) -> bool {
        false
    }

    /// Makes what was written safe against a crash of the host, too.
    ///
    /// # Errors
    /// [`MediaError`] if the host fails.
    fn flush(&mut self) -> Result<(), MediaError>;

    /// Makes blocks read as zeros.
    ///
    /// # Errors
    /// [`MediaError`] if the host fails; any of the blocks may then be old or zero.
    fn discard(&mut self, lba: u64, blocks: u64) -> Result<(), MediaError>;

    /// Whether nothing was ever written: every block is a block that was never written.
    fn is_blank(&self) -> bool {
        false
    }

    /// Makes this media of other blocks, all zeros: `size_blocks` or as many as it has room for. Returns
    /// how many; 0 if it cannot have such blocks and is as it was.
    ///
    /// # Errors
    /// [`MediaError`] if the host fails; what the blocks hold is then undefined.
    fn reshape(&mut self, _size_blocks: u64, _block_bytes: u32) -> Result<u64, MediaError> {
        Ok(0)
    }

    /// The host's file that what is written goes to; `None` if it stays in memory.
    fn file(&self) -> Option<&str> {
        None
    }

    /// Media of another size that holds what this holds now as far as both reach, and zeros beyond. Afterwards each of
    /// the two changes alone, and what is written to the new one stays in memory.
    fn resized(&self, size_blocks: u64) -> Box<dyn Media> {
        Box::new(OverlayMedia::resized(Arc::from(self.snapshot()), size_blocks))
    }

    /// Media that holds what this holds now, in constant time. Afterwards each of the two changes alone.
    fn snapshot(&self) -> Box<dyn Media>;
}

impl Clone for Box<dyn Media> {
    fn clone(&self) -> Self {
        self.snapshot()
    }
}

#[cfg(test)]
mod tests;
