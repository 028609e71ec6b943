//! Where blocks live when the power is off.
//!
//! | media | what it is | snapshot |
//! |---|---|---|
//! | [`RamMedia`] | sparse, in memory | constant time, both go on |
//! | [`OverlayMedia`] | what was written in memory, the rest from a base that stays as it is | constant time, both go on |
//! | [`FileMedia`] | an image on the host | constant time; from then on nothing is written to the image |
//!
//! What they do not do: media errors, atomicity and what a power cut leaves are decided above them, in
//! `namespace` and [`crate::crash`]. What `write` returned for is there.

mod blocks;
mod file;
mod overlay;
mod ram;
mod raw;

use std::fmt;
use std::sync::Arc;

pub use file::{FileAccess, FileMedia, HostImage};
pub use overlay::OverlayMedia;
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

    /// Like [`Media::write`], of bytes that the media may keep instead of copying them.
    ///
    /// # Errors
    /// As [`Media::write`].
    fn write_shared(&mut self, lba: u64, src: &Arc<Vec<u8>>) -> Result<(), MediaError> {
        self.write(lba, src)
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

    /// Media that holds what this holds now, in constant time. Afterwards each of the two changes alone.
    fn snapshot(&self) -> Box<dyn Media>;
}

#[cfg(test)]
mod tests;
