//! What users do.

use std::fmt;

use guest_fs::{AllocateMode, ShutdownKind};

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
    /// Writes sectors through the page cache, from the first on.
    Buffered(String, u64, u64),
    /// Reads sectors through the page cache, from the first on, and compares.
    Read(String, u64, u64),
    /// Reads pages directly, from the first on, and compares.
    DirectRead(String, u64, u64),
    /// Writes pages directly, each by a ticket of its own, all under way at once.
    Burst(String, u64, u64),
    /// Writes sectors through the page cache at the end.
    BufferedAppend(String, u64),
    /// Makes a range share the blocks of another one.
    CloneRange(Span),
    /// The same, if both hold the same already.
    Dedupe(Span),
    /// Moves the blocks of a file elsewhere.
    Relocate(String),
    /// Brings the pieces of a file together.
    Defragment(String),
    /// Opens a file, perhaps to write at its end only; what was open before is closed.
    Hold(String, bool),
    /// Writes sectors to the open file through the page cache.
    HeldWrite(u64, u64),
    /// Reads sectors from the open file and compares.
    HeldRead(u64, u64),
    /// Closes it.
    LetGo,
    /// As [`Op::Rename`], unless there is something with the new name.
    RenameNew(String, String),
    /// Freezes the filesystem, sees that it is, and thaws it.
    Freeze,
    /// Shuts the filesystem down.
    Shutdown(ShutdownKind),
    /// Makes a file durable.
    Fsync(String),
    /// Makes a file's content and size durable.
    Fdatasync(String),
    /// Makes everything durable.
    Sync,
}

/// A range of one file and a place in another (or the same), in pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The file that has the blocks.
    pub from: String,
    /// Where in it.
    pub first: u64,
    /// The file that is to share them.
    pub to: String,
    /// Where in it.
    pub at: u64,
    /// How many; fewer at the end of the first file.
    pub pages: u64,
}

impl Span {
    /// Its sectors, if the first file has so many.
    #[must_use]
    pub fn sectors(&self, size: u64) -> u64 {
        let (first, count) = (self.first * PAGE_SECTORS, self.pages * PAGE_SECTORS);
        if first < size { count.min(size - first) } else { count }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, first, to, at, pages } = self;
        write!(f, "{from} page {first}+{pages} to {to} page {at}")
    }
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
            | Self::Buffered(path, ..)
            | Self::Read(path, ..)
            | Self::DirectRead(path, ..)
            | Self::Burst(path, ..)
            | Self::BufferedAppend(path, _)
            | Self::CloneRange(Span { to: path, .. })
            | Self::Dedupe(Span { to: path, .. })
            | Self::Relocate(path)
            | Self::Defragment(path)
            | Self::Hold(path, _)
            | Self::RenameNew(_, path)
            | Self::Fsync(path)
            | Self::Fdatasync(path) => path,
            // What is gone cannot be synced: its directory can.
            Self::Unlink(path) | Self::Rmdir(path) => path.rfind('/').map_or("/", |at| &path[..at]),
            Self::HeldWrite(..)
            | Self::HeldRead(..)
            | Self::LetGo
            | Self::Freeze
            | Self::Shutdown(_)
            | Self::Sync => "/",
        }
    }

    /// What was done before it is durable when it is done.
    #[must_use]
    pub fn promises(&self) -> bool {
        matches!(self, Self::Fsync(_) | Self::Fdatasync(_) | Self::Freeze | Self::Sync)
    }

    /// Writes something that was never written before.
    #[must_use]
    pub fn writes(&self) -> bool {
        matches!(
            self,
            Self::Write(..)
                | Self::Append(..)
                | Self::Burst(..)
                | Self::Buffered(..)
                | Self::BufferedAppend(..)
                | Self::HeldWrite(..)
        )
    }

    /// Changes content, size or map of a file.
    #[must_use]
    pub fn is_of_data(&self) -> bool {
        matches!(
            self,
            Self::Truncate(..)
                | Self::Allocate(..)
                | Self::Write(..)
                | Self::Append(..)
                | Self::Clone(..)
                | Self::Buffered(..)
                | Self::Burst(..)
                | Self::BufferedAppend(..)
                | Self::CloneRange(_)
                | Self::Dedupe(_)
                | Self::Relocate(_)
                | Self::Defragment(_)
                | Self::HeldWrite(..)
        )
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
            Self::Buffered(path, first, count) => write!(f, "write {path} {first}+{count}"),
            Self::Read(path, first, count) => write!(f, "read {path} {first}+{count}"),
            Self::DirectRead(path, first, pages) => write!(f, "dread {path} page {first}+{pages}"),
            Self::Burst(path, first, pages) => write!(f, "dwrites {path} page {first}+{pages}"),
            Self::BufferedAppend(path, count) => write!(f, "append {path} {count} sectors"),
            Self::CloneRange(span) => write!(f, "clone {span}"),
            Self::Dedupe(span) => write!(f, "dedupe {span}"),
            Self::Relocate(path) => write!(f, "relocate {path}"),
            Self::Defragment(path) => write!(f, "defragment {path}"),
            Self::Hold(path, false) => write!(f, "open {path}"),
            Self::Hold(path, true) => write!(f, "open {path} O_APPEND"),
            Self::HeldWrite(first, count) => write!(f, "write to open file {first}+{count}"),
            Self::HeldRead(first, count) => write!(f, "read from open file {first}+{count}"),
            Self::LetGo => f.write_str("close"),
            Self::RenameNew(from, to) => write!(f, "rename {from} {to} NOREPLACE"),
            Self::Freeze => f.write_str("freeze, thaw"),
            Self::Shutdown(kind) => write!(f, "shut down, {kind:?}"),
            Self::Fsync(path) => write!(f, "fsync {path}"),
            Self::Fdatasync(path) => write!(f, "fdatasync {path}"),
            Self::Sync => f.write_str("sync"),
        }
    }
}
