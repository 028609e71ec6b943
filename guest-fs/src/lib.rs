//! A small journaling filesystem with two mapping callbacks: one for direct I/O, one for swap.
//!
//! It is the experiment's subject: [`DioIomap`] may allocate, run transactions and refuses everything
//! after a shutdown; [`SwapIomap`] only reads the map in memory and serves swap whatever happened to the
//! filesystem. `FORMAT.md` describes the disk, `DESIGN.md` says why it is so.
//!
//! What this crate does not do: no swap, no mmap; it makes no task, but waits as one where there are tasks. It
//! knows [`iomap`], [`block`] and `tasks`, and nothing above.
//!
//! Invariant: input from the device is hostile. A corrupt image gives errors, never a panic or a loop.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

mod audit;
mod btree;
mod dir;
pub mod events;
mod extent;
mod filesystem;
mod format;
mod fsck;
mod inode;
pub mod inspect;
mod lock;
mod log;
mod map;
mod meta;
mod mkfs;
mod mount;
mod ops;
pub mod planted;
mod refcount;
mod shutdown;
mod space;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod txn;

pub use audit::{Auditor, Clock, Deeds, LockClass, LockWatch, Never, Violation};
pub use filesystem::{FileExtent, FileSystem, Ino, Stat, StatFs};
pub use format::inode::{FileKind, Times};
pub use format::{Corruption, Expected, Structure};
pub use fsck::{Finding, FsckError, Report};
pub use map::{DioIomap, SwapIomap};
pub use mkfs::{MkfsError, MkfsOptions};
pub use mount::{CACHE_PAGES, FsKnobs, MountError, MountOptions};
pub use ops::{
    AllocateMode, DioTicket, DirectoryEntry, FiemapExtent, FiemapFlags, OpenFile, OpenFlags,
    RenameFlags,
};
pub use shutdown::{ShutdownKind, ShutdownReason};
pub use store::IoError;
