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
    /// Two superblocks say different things.
    SuperblocksDiffer {
        /// Where the one is that differs.
        block: u64,
    },
    /// The journal holds committed batches: the filesystem was not unmounted. Mounting repairs this.
    JournalNotEmpty {
        /// How many.
        batches: u32,
    },
    /// The table says something else of a group than its bitmap.
    BadGroup {
        /// Which group.
        group: u64,
    },
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
    /// A name stands where its hash does not belong: nobody finds it.
    WrongHash {
        /// The directory.
        directory: u64,
        /// Which name.
        name: Vec<u8>,
    },
    /// An inode says another number of names than there are.
    BadNlink {
        /// Which.
        ino: u64,
        /// What it says.
        found: u32,
        /// How many there are.
        expected: u32,
    },
    /// A directory says another number of entries than there are.
    BadSize {
        /// Which.
        ino: u64,
        /// What it says.
        found: u64,
        /// How many there are.
        expected: u64,
    },
    /// An inode says another number of blocks than it has.
    BadBlocks {
        /// Which.
        ino: u64,
        /// What it says.
        found: u64,
        /// How many it has.
        expected: u64,
    },
    /// A directory entry says another kind than its inode.
    WrongKind {
        /// The directory.
        directory: u64,
        /// The inode.
        ino: u64,
    },
    /// A directory says that it is in another one.
    WrongParent {
        /// Which.
        ino: u64,
        /// Where it says it is.
        found: u64,
    },
    /// A symbolic link points to nothing.
    EmptySymlink {
        /// Which.
        ino: u64,
    },
    /// Two extents of a file overlap.
    ExtentsOverlap {
        /// The file.
        ino: u64,
        /// Where the second one begins.
        file_block: u64,
    },
    /// An inode waits for recovery, which would not know what to do with it.
    NotAnOrphan {
        /// Which.
        ino: u64,
    },
    /// Shared blocks have another number of owners than is noted. The first difference.
    BadOwners {
        /// Where.
        block: u64,
        /// The number noted.
        found: u32,
        /// The number of files.
        expected: u32,
    },
    /// Anything else that a mount would refuse.
    Other(MountError),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt(corruption) => corruption.fmt(f),
            Self::Unreadable(error) => write!(f, "unreadable, {error}"),
            Self::SuperblocksDiffer { block } => {
                write!(f, "the superblock at block {block} differs from the others")
            }
            Self::JournalNotEmpty { batches } => {
                write!(f, "the journal holds {batches} batches: not unmounted")
            }
            Self::BadGroup { group } => {
                write!(f, "the table says something else of group {group} than its bitmap")
            }
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
            Self::WrongHash { directory, name } => {
                let name = String::from_utf8_lossy(name);
                write!(f, "the name {name} in directory {directory} is where its hash is not")
            }
            Self::BadNlink { ino, found, expected } => {
                write!(f, "inode {ino} has {expected} names, but says {found}")
            }
            Self::BadSize { ino, found, expected } => {
                write!(f, "directory {ino} has {expected} entries, but says {found}")
            }
            Self::BadBlocks { ino, found, expected } => {
                write!(f, "inode {ino} has {expected} blocks, but says {found}")
            }
            Self::WrongKind { directory, ino } => {
                write!(f, "inode {ino} is of another kind than directory {directory} says")
            }
            Self::WrongParent { ino, found } => {
                write!(f, "directory {ino} says that it is in {found}, which is wrong")
            }
            Self::EmptySymlink { ino } => write!(f, "symbolic link {ino} points to nothing"),
            Self::ExtentsOverlap { ino, file_block } => {
                write!(f, "two extents of inode {ino} overlap at file block {file_block}")
            }
            Self::NotAnOrphan { ino } => {
                write!(f, "inode {ino} waits for recovery, which cannot finish it")
            }
            Self::BadOwners { block, found, expected } => {
                write!(f, "block {block} belongs to {expected} files, but {found} are noted")
            }
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
    /// Files and symbolic links that were readable.
    pub files: u64,
    /// Directories that were readable, without the root.
    pub directories: u64,
    /// Blocks that belong to something, without the fixed ones.
    pub blocks_used: u64,
    /// Inodes without a name that the next mount frees.
    pub orphans: u64,
    /// Unfinished copies on write that the next mount frees.
    pub staged: u64,
    /// Blocks that a repair has written.
    pub repaired_blocks: u64,
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
