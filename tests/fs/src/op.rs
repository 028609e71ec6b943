//! What users do.

use std::fmt;

use guest_fs::AllocateMode;

/// Bytes of a sector: the unit of sizes and of content here.
pub const SECTOR: u64 = 512;

/// Sectors of a page.
pub const PAGE_SECTORS: u64 = 8;

/// An operation. Sizes and ranges are in sectors, direct writes in pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Makes an empty file.
    Create(String),
    /// Makes an empty directory.
    Mkdir(String),
    /// Makes a symbolic link at the path to the target.
    Symlink(String, String),
    /// Gives the first path's file the second name, too.
    Link(String, String),
    /// Takes a name away.
    Unlink(String),
    /// Removes an empty directory.
    Rmdir(String),
    /// Gives the first path the second name.
    Rename(String, String),
    /// Makes a file so many sectors long.
    Truncate(String, u64),
    /// Allocates, punches or zeroes so many sectors from the first on.
    Allocate(String, AllocateMode, u64, u64),
    /// Writes pages directly, from the first on.
    Write(String, u64, u64),
    /// Writes pages directly at the end.
    Append(String, u64),
    /// Makes the second file a clone of the first.
    Clone(String, String),
    /// Makes a file durable.
    Fsync(String),
    /// Makes everything durable.
    Sync,
}

impl Op {
    /// The path that an fsync after it would be of: what it made or changed.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::Create(path)
            | Self::Mkdir(path)
            | Self::Symlink(_, path)
            | Self::Link(_, path)
            | Self::Rename(_, path)
            | Self::Truncate(path, _)
            | Self::Allocate(path, ..)
            | Self::Write(path, ..)
            | Self::Append(path, _)
            | Self::Clone(_, path)
            | Self::Fsync(path) => path,
            // What is gone cannot be synced: its directory can.
            Self::Unlink(path) | Self::Rmdir(path) => path.rfind('/').map_or("/", |at| &path[..at]),
            Self::Sync => "/",
        }
    }

    /// Makes something durable and changes nothing.
    #[must_use]
    pub fn is_persistence(&self) -> bool {
        matches!(self, Self::Fsync(_) | Self::Sync)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(path) => write!(f, "creat {path}"),
            Self::Mkdir(path) => write!(f, "mkdir {path}"),
            Self::Symlink(target, path) => write!(f, "symlink {target} {path}"),
            Self::Link(from, to) => write!(f, "link {from} {to}"),
            Self::Unlink(path) => write!(f, "unlink {path}"),
            Self::Rmdir(path) => write!(f, "rmdir {path}"),
            Self::Rename(from, to) => write!(f, "rename {from} {to}"),
            Self::Truncate(path, size) => write!(f, "truncate {path} {size}"),
            Self::Allocate(path, mode, first, count) => {
                write!(f, "fallocate {mode:?} {path} {first}+{count}")
            }
            Self::Write(path, first, pages) => write!(f, "dwrite {path} page {first}+{pages}"),
            Self::Append(path, pages) => write!(f, "append {path} {pages} pages"),
            Self::Clone(from, to) => write!(f, "clone {from} {to}"),
            Self::Fsync(path) => write!(f, "fsync {path}"),
            Self::Sync => f.write_str("sync"),
        }
    }
}
