//! Shutdown, as XFS means it: from one moment on the filesystem refuses everything and writes nothing.

use core::fmt;

use crate::format::Corruption;
use crate::store::IoError;

/// How a user shuts the filesystem down (Linux `XFS_FSOP_GOING_FLAGS_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ShutdownKind {
    /// Everything is brought to its place first: what a mount finds is what was there.
    Default = 0,
    /// The log is forced first: what a mount recovers is what was there.
    LogFlush = 1,
    /// At once: transactions that were not forced to the log are lost.
    NoLogFlush = 2,
}

/// Why the filesystem is shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShutdownReason {
    /// A user asked for it.
    User(ShutdownKind),
    /// The journal could not be written.
    LogIo(IoError),
    /// Metadata could not be written to its place.
    MetadataIo(IoError),
    /// A metadata block is not what it should be.
    Corrupt(Corruption),
    /// Metadata in memory contradict each other: a bug of this filesystem, or a corrupt image that
    /// looked fine block by block. The text says what.
    Inconsistent(&'static str),
}

impl ShutdownReason {
    /// A small number for trace records; unique per kind of reason.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::User(ShutdownKind::Default) => 1,
            Self::User(ShutdownKind::LogFlush) => 2,
            Self::User(ShutdownKind::NoLogFlush) => 3,
            Self::LogIo(_) => 4,
            Self::MetadataIo(_) => 5,
            Self::Corrupt(_) => 6,
            Self::Inconsistent(_) => 7,
        }
    }

    /// The block that is concerned, or 0.
    pub(crate) const fn block(&self) -> u64 {
        match self {
            Self::User(_) | Self::Inconsistent(_) => 0,
            Self::LogIo(error) | Self::MetadataIo(error) => error.block,
            Self::Corrupt(corruption) => corruption.block,
        }
    }
}

impl fmt::Display for ShutdownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(ShutdownKind::Default) => f.write_str("by user, after a sync"),
            Self::User(ShutdownKind::LogFlush) => f.write_str("by user, after a log force"),
            Self::User(ShutdownKind::NoLogFlush) => f.write_str("by user, without a log force"),
            Self::LogIo(error) => write!(f, "log I/O error, {error}"),
            Self::MetadataIo(error) => write!(f, "metadata I/O error, {error}"),
            Self::Corrupt(corruption) => write!(f, "corrupt metadata, {corruption}"),
            Self::Inconsistent(what) => write!(f, "inconsistent metadata: {what}"),
        }
    }
}
