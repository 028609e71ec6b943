//! What the filesystem puts into the trace. The auditor reads it: every transaction, lock,
//! allocation and log force carries the context it happens in.

mod text;
mod wire;

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
    /// A write to blocks that the filesystem is moving.
    Moving = 11,
}

impl SwapMapRefusal {
    const ALL: [Self; 11] = [
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
        Self::Moving,
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
    /// The filesystem is frozen: no transaction begins until the thaw.
    Freeze,
    /// It is not any more.
    Thaw,
    /// A transaction met a frozen filesystem.
    FrozenWait { context: Context },
    /// Blocks of a file are somewhere else now.
    Moved { ino: u64, from: u64, to: u64, blocks: u32 },
    /// The log's lock was taken. Only the auditor is told.
    LogLock { context: Context },
    /// The log's lock was released. Only the auditor is told.
    LogUnlock,
    /// A transaction holds a metadata block. Only the auditor is told.
    BlockHold { block: u64, context: Context },
    /// The heap is asked for the bios of a direct I/O.
    BioAlloc { context: Context },
    /// Memory for a page of the cache was asked for.
    PageAlloc { context: Context, is_refused: bool },
}
