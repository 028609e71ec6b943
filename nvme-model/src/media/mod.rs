//! Where blocks live when the power is off.

mod file;
mod ram;

pub use file::FileMedia;
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
pub trait Media: Send {
    /// Bytes of a block: 512 or 4096.
    fn block_bytes(&self) -> u32;

    /// How many blocks there are.
    fn size_blocks(&self) -> u64;

    /// Reads whole blocks from `lba` on. Blocks never written are zeros.
    ///
    /// # Errors
    /// [`MediaError`] if the host fails.
    fn read(&mut self, lba: u64, dst: &mut [u8]) -> Result<(), MediaError>;

    /// Writes whole blocks from `lba` on.
    ///
    /// # Errors
    /// [`MediaError`] if the host fails; any of the blocks may then be old or new.
    fn write(&mut self, lba: u64, src: &[u8]) -> Result<(), MediaError>;

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
}

#[cfg(test)]
mod tests;
