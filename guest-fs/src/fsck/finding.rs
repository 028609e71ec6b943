//! What a check can find.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::format::Corruption;
use crate::mount::MountError;
use crate::store::IoError;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A block is not what it should be.
    Corrupt(Corruption),
    /// A block cannot be read.
    Unreadable(IoError),
    /// The superblock and its copy say different things.
    SuperblocksDiffer,
    /// The journal holds committed batches: the filesystem was not unmounted. Mounting repairs this.
    JournalNotEmpty {
        /// How many.
        batches: u32,
    },
    /// The bitmap marks blocks beyond the end of the filesystem.
    BitmapBeyondEnd,
    /// A block belongs to two things.
    UsedTwice {
        /// The first such block of a run.
        block: u64,
        /// The second owner.
        ino: u64,
    },
    /// A block belongs to a file, but the bitmap calls it free.
    NotMarked {
        /// Which.
        block: u64,
    },
    /// The bitmap calls a block used that belongs to nothing.
    Leaked {
        /// Which.
        block: u64,
    },
    /// Two directory entries have one name.
    DuplicateName {
        /// Which.
        name: Vec<u8>,
    },
    /// An inode with one name says otherwise.
    BadNlink {
        /// Which.
        ino: u64,
        /// What it says.
        found: u32,
    },
    /// A directory entry points to something that is no file.
    NotAFile {
        /// To what.
        ino: u64,
    },
    /// Anything else that a mount would refuse.
    Other(MountError),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt(corruption) => corruption.fmt(f),
            Self::Unreadable(error) => write!(f, "unreadable, {error}"),
            Self::SuperblocksDiffer => f.write_str("the superblock and its copy differ"),
            Self::JournalNotEmpty { batches } => {
                write!(f, "the journal holds {batches} batches: not unmounted")
            }
            Self::BitmapBeyondEnd => f.write_str("the bitmap marks blocks beyond the end"),
            Self::UsedTwice { block, ino } => {
                write!(f, "block {block} of inode {ino} belongs to something else too")
            }
            Self::NotMarked { block } => {
                write!(f, "block {block} is in use, but the bitmap calls it free")
            }
            Self::Leaked { block } => {
                write!(f, "block {block} belongs to nothing, but the bitmap calls it used")
            }
            Self::DuplicateName { name } => {
                write!(f, "two entries are called {}", String::from_utf8_lossy(name))
            }
            Self::BadNlink { ino, found } => {
                write!(f, "inode {ino} has 1 name, but says {found}")
            }
            Self::NotAFile { ino } => write!(f, "inode {ino} has a name, but is no file"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is wrong, at most 1000.
    pub findings: Vec<Finding>,
    /// There was more.
    pub is_truncated: bool,
    /// Files that were readable.
    pub files: u64,
    /// Blocks of data and maps that they use, the directory's included.
    pub blocks_used: u64,
}

impl Report {
    /// Nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// There is nothing to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FsckError(pub MountError);

impl fmt::Display for FsckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no filesystem to check: {}", self.0)
    }
}

impl core::error::Error for FsckError {}
