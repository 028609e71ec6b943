//! What the filesystem puts into the trace. The auditor reads it: every transaction, lock,
//! allocation and log force carries the context it happens in.

mod wire;

use core::fmt;

use iomap::{Context, Errno};

/// Why the swap mapping refuses a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SwapMapRefusal {
    /// No such inode in memory: the swap mapping does no metadata I/O.
    NotInMemory = 1,
    /// Not a regular file.
    NotAFile = 2,
    /// Outside the file size.
    BeyondSize = 3,
    /// No blocks.
    Hole = 4,
    /// The inode has metadata that is not in the log on media.
    Dirty = 5,
    /// The filesystem is shut down and the knob says that swap honours it.
    Shutdown = 6,
    /// The filesystem is unmounted.
    Unmounted = 7,
    /// The blocks belong to another file too.
    Shared = 8,
    /// The map is damaged.
    Corrupt = 9,
    /// Space is reserved, blocks are not chosen yet.
    Delalloc = 10,
}

impl SwapMapRefusal {
    const ALL: [Self; 10] = [
        Self::NotInMemory,
        Self::NotAFile,
        Self::BeyondSize,
        Self::Hole,
        Self::Dirty,
        Self::Shutdown,
        Self::Unmounted,
        Self::Shared,
        Self::Corrupt,
        Self::Delalloc,
    ];
}

/// An event of [`hal::trace::Layer::Filesystem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields that repeat: ino, context, block and counts of blocks")]
pub enum Event {
    /// A transaction has its reservation.
    TxnBegin { context: Context, reserved: u32 },
    /// A transaction's changes are in memory, pinned until the log is forced.
    TxnCommit { context: Context, blocks: u32 },
    /// A transaction was dropped; nothing changed.
    TxnCancel { context: Context },
    /// The log is written up to and including batch `lsn`.
    LogForce { context: Context, lsn: u64, blocks: u32 },
    /// The batch at `lsn` is durable, or the log is broken.
    LogForceDone { lsn: u64, errno: Option<Errno> },
    /// Logged metadata goes to its place; the log is empty up to `tail` afterwards.
    Checkpoint { context: Context, tail: u64, blocks: u32 },
    /// An inode's lock was taken.
    InodeLock { ino: u64, context: Context },
    /// An inode's lock was released.
    InodeUnlock { ino: u64, context: Context },
    /// An inode's lock was not to be had.
    InodeLockBusy { ino: u64, context: Context, errno: Errno },
    /// Blocks were allocated to a file.
    Alloc { ino: u64, context: Context, block: u64, blocks: u32 },
    /// Blocks of a file were freed.
    Free { ino: u64, context: Context, block: u64, blocks: u32 },
    /// Unwritten blocks became written.
    Convert { ino: u64, context: Context, file_block: u64, blocks: u32 },
    /// A file has a new size.
    Resize { ino: u64, context: Context, size: u64 },
    /// A file was created.
    Create { ino: u64 },
    /// A file was unlinked.
    Unlink { ino: u64 },
    /// The filesystem is shut down from now on (`reason`: `ShutdownReason::code`).
    Shutdown { reason: u8, block: u64 },
    /// The filesystem is mounted.
    Mount { blocks: u64, free: u64 },
    /// The journal was replayed from `tail` on.
    Recovery { batches: u32, blocks: u64, tail: u64, head: u64 },
    /// The superblock was unreadable; its copy was used.
    SuperblockCopyUsed { block: u64 },
    /// Unmount, or why not.
    Unmount { errno: Option<Errno> },
    /// A file became an active swap file.
    SwapClaim { ino: u64 },
    /// It is none any more.
    SwapRelease { ino: u64 },
    /// The swap mapping refused a range.
    SwapMapRefused { ino: u64, context: Context, why: SwapMapRefusal, pos: u64 },
    /// A metadata block is held by another open transaction.
    BlockHeld { block: u64, context: Context },
    /// Written copies took the place of shared blocks.
    CowDone { ino: u64, context: Context, file_block: u64, blocks: u32 },
    /// Recovery must finish this inode if nobody does before.
    OrphanAdd { ino: u64 },
    /// An inode that had no name is gone, or a truncation is finished.
    OrphanDone { ino: u64 },
    /// A name became another one.
    Rename { ino: u64 },
    /// Blocks of one file belong to another file too from now on.
    Share { ino: u64, from: u64, block: u64, blocks: u32 },
    /// An inode's I/O lock was taken.
    IoLock { ino: u64, context: Context },
    /// An inode's I/O lock was released.
    IoUnlock { ino: u64, context: Context },
    /// An inode's I/O lock was not to be had.
    IoLockBusy { ino: u64, context: Context, errno: Errno },
    /// Dirty pages of a file have a claim on `blocks` blocks now (with what its map may need).
    Reserve { ino: u64, context: Context, blocks: u64 },
    /// The heap is asked for the bios of a direct I/O.
    BioAlloc { context: Context },
    /// Memory for a page of the cache was asked for.
    PageAlloc { context: Context, is_refused: bool },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TxnBegin { context, reserved } => {
                write!(f, "txn begin, {reserved} blocks reserved, for {context:?}")
            }
            Self::TxnCommit { context, blocks } => {
                write!(f, "txn commit, {blocks} blocks, for {context:?}")
            }
            Self::TxnCancel { context } => write!(f, "txn cancel for {context:?}"),
            Self::LogForce { context, lsn, blocks } => {
                write!(f, "log force at lsn {lsn}, {blocks} blocks, for {context:?}")
            }
            Self::LogForceDone { lsn, errno: None } => write!(f, "log durable from lsn {lsn}"),
            Self::LogForceDone { lsn, errno: Some(errno) } => {
                write!(f, "log force at lsn {lsn} gave {errno}")
            }
            Self::Checkpoint { context, tail, blocks } => {
                write!(f, "checkpoint to lsn {tail}, {blocks} blocks, for {context:?}")
            }
            Self::InodeLock { ino, context } => write!(f, "inode {ino} lock for {context:?}"),
            Self::InodeUnlock { ino, context } => write!(f, "inode {ino} unlock for {context:?}"),
            Self::InodeLockBusy { ino, context, errno } => {
                write!(f, "inode {ino} lock is held: {errno} for {context:?}")
            }
            Self::Alloc { ino, context, block, blocks } => {
                write!(f, "inode {ino} gets {blocks} blocks at {block} for {context:?}")
            }
            Self::Free { ino, context, block, blocks } => {
                write!(f, "inode {ino} frees {blocks} blocks at {block} for {context:?}")
            }
            Self::Convert { ino, context, file_block, blocks } => {
                write!(f, "inode {ino} converts {file_block}+{blocks} for {context:?}")
            }
            Self::Resize { ino, context, size } => {
                write!(f, "inode {ino} size {size} for {context:?}")
            }
            Self::Create { ino } => write!(f, "create inode {ino}"),
            Self::Unlink { ino } => write!(f, "unlink inode {ino}"),
            Self::Shutdown { reason, block } => {
                write!(f, "shutdown, reason {reason}, block {block}")
            }
            Self::Mount { blocks, free } => write!(f, "mount, {free} of {blocks} blocks free"),
            Self::Recovery { batches, blocks, tail, head } => {
                write!(f, "recovery of {batches} batches, {blocks} blocks, lsn {tail} to {head}")
            }
            Self::SuperblockCopyUsed { block } => write!(f, "superblock copy at {block} used"),
            Self::Unmount { errno: None } => f.write_str("unmount"),
            Self::Unmount { errno: Some(errno) } => write!(f, "unmount refused: {errno}"),
            Self::SwapClaim { ino } => write!(f, "inode {ino} is a swap file"),
            Self::SwapRelease { ino } => write!(f, "inode {ino} is no swap file any more"),
            Self::SwapMapRefused { ino, context, why, pos } => {
                write!(f, "swap map of inode {ino} at {pos} refused, {why:?}, for {context:?}")
            }
            Self::BlockHeld { block, context } => write!(f, "block {block} held, {context:?}"),
            Self::CowDone { ino, context, file_block, blocks } => {
                write!(f, "inode {ino} has its own {file_block}+{blocks} now, for {context:?}")
            }
            Self::OrphanAdd { ino } => write!(f, "inode {ino} is an orphan"),
            Self::OrphanDone { ino } => write!(f, "inode {ino} is no orphan any more"),
            Self::Rename { ino } => write!(f, "rename inode {ino}"),
            Self::Share { ino, from, block, blocks } => {
                write!(f, "inode {ino} shares {blocks} blocks at {block} with inode {from}")
            }
            Self::IoLock { ino, context } => write!(f, "inode {ino} I/O lock for {context:?}"),
            Self::IoUnlock { ino, context } => write!(f, "inode {ino} I/O unlock for {context:?}"),
            Self::IoLockBusy { ino, context, errno } => {
                write!(f, "inode {ino} I/O lock is held: {errno} for {context:?}")
            }
            Self::Reserve { ino, context, blocks } => {
                write!(f, "inode {ino} has {blocks} blocks reserved, for {context:?}")
            }
            Self::BioAlloc { context } => write!(f, "bios from the heap for {context:?}"),
            Self::PageAlloc { context, is_refused: false } => {
                write!(f, "page of the cache for {context:?}")
            }
            Self::PageAlloc { context, is_refused: true } => {
                write!(f, "no memory for a page of the cache for {context:?}")
            }
        }
    }
}
