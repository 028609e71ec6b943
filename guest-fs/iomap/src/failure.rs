//! What an I/O through this library answers when it did not work: what, where, and who found out.

use core::fmt;

use block::BlockError;
use hal::trace::Layer;

use crate::Errno;

/// Why `swap_rw` does not use a mapping: a swap I/O overwrites existing blocks and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SwapRefusal {
    /// There are no blocks.
    Hole = 1,
    /// Blocks are not chosen yet.
    Delalloc = 2,
    /// The blocks belong to another file too.
    Shared = 3,
    /// The inode has metadata that is not on media.
    Dirty = 4,
    /// The callback allocated or changed the size, which it must not.
    Changed = 5,
}

/// At which point an I/O failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The transfer is empty or not page-aligned.
    Misaligned,
    /// Submission: the mapping callback refused.
    MapRefused,
    /// Submission: the mapping does not cover a whole page at the position asked for.
    BadMapping,
    /// Submission: the mapping is none that swap may use.
    NotOverwrite(SwapRefusal),
    /// Submission: the device did not take the bio.
    Submission,
    /// Completion: the device failed the bio.
    Completion,
    /// Before anything was asked: the filesystem refuses the I/O as a whole.
    Refused,
    /// Completion: the device did its work, the filesystem's `end_io` or `iomap_end` failed.
    EndIo,
    /// After the completion: the data is not what was written there (only where somebody keeps checksums).
    Checksum,
}

impl FailureKind {
    /// A small number for trace records; unique per kind.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Misaligned => 1,
            Self::MapRefused => 2,
            Self::BadMapping => 3,
            Self::Submission => 4,
            Self::Completion => 5,
            Self::EndIo => 6,
            Self::Refused => 7,
            Self::Checksum => 8,
            Self::NotOverwrite(refusal) => 16 | refusal as u8,
        }
    }

    /// The kind with this number, if there is one.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Misaligned,
            2 => Self::MapRefused,
            3 => Self::BadMapping,
            4 => Self::Submission,
            5 => Self::Completion,
            6 => Self::EndIo,
            7 => Self::Refused,
            8 => Self::Checksum,
            17 => Self::NotOverwrite(SwapRefusal::Hole),
            18 => Self::NotOverwrite(SwapRefusal::Delalloc),
            19 => Self::NotOverwrite(SwapRefusal::Shared),
            20 => Self::NotOverwrite(SwapRefusal::Dirty),
            21 => Self::NotOverwrite(SwapRefusal::Changed),
            _ => return None,
        })
    }

    /// True if the device did not see the bytes at the failure's position.
    #[must_use]
    pub const fn is_submission(self) -> bool {
        !matches!(self, Self::Completion | Self::EndIo | Self::Checksum)
    }
}

/// An I/O that failed. The whole transfer counts as failed, as in Linux `iomap_dio_complete`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoFailure {
    /// What the caller gets.
    pub errno: Errno,
    /// The first byte in the file that is concerned.
    pub pos: u64,
    /// Who found out first: the filesystem for a refused mapping, driver or block layer for a
    /// device error, this library for a mapping that it refuses.
    pub learned_by: Layer,
    /// At which point.
    pub kind: FailureKind,
    /// What the block layer said, if it came from there.
    pub device: Option<BlockError>,
}

impl IoFailure {
    /// A failure that the filesystem's callbacks gave.
    pub(crate) const fn filesystem(errno: Errno, pos: u64, kind: FailureKind) -> Self {
        Self { errno, pos, learned_by: Layer::Filesystem, kind, device: None }
    }

    /// A failure that this library found.
    pub(crate) const fn library(errno: Errno, pos: u64, kind: FailureKind) -> Self {
        Self { errno, pos, learned_by: Layer::Iomap, kind, device: None }
    }

    /// A failure from below. A request that does not fit is the block layer's own finding.
    pub(crate) fn device(error: BlockError, pos: u64, kind: FailureKind) -> Self {
        let learned_by = match error {
            BlockError::Invalid => Layer::Block,
            _ => Layer::Driver,
        };
        Self { errno: error.into(), pos, learned_by, kind, device: Some(error) }
    }
}

impl fmt::Display for IoFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {} ({:?}", self.errno, self.pos, self.kind)?;
        match self.device {
            Some(error) => write!(f, ": {error})"),
            None => f.write_str(")"),
        }
    }
}

impl core::error::Error for IoFailure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_finds_its_kind_again() {
        let kinds: Vec<_> = (0..=255).filter_map(FailureKind::from_code).collect();
        assert_eq!(kinds.len(), 13);
        for kind in kinds {
            assert_eq!(FailureKind::from_code(kind.code()), Some(kind));
        }
    }
}
