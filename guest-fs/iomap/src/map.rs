//! What is asked of a mapping callback and what it answers.

use alloc::vec::Vec;

use bitflags::bitflags;

bitflags! {
    /// What the caller is going to do with the mapping (Linux `IOMAP_*` iterator flags).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Intent: u16 {
        /// Data will be written; without it, data will be read.
        const WRITE = 1 << 0;
        /// The range will be zeroed.
        const ZERO = 1 << 1;
        /// Only to report the mapping; nothing may be changed.
        const REPORT = 1 << 2;
        /// For a page of a mapping in memory that a program touches: inside the size, which such a write never moves.
        const FAULT = 1 << 3;
        /// Direct I/O.
        const DIRECT = 1 << 4;
        /// Must not block: answer `EAGAIN` instead.
        const NOWAIT = 1 << 5;
        /// Only existing written blocks may be overwritten.
        const OVERWRITE_ONLY = 1 << 6;
        /// Shared blocks are to be made private.
        const UNSHARE = 1 << 7;
        /// The mail's `IOMAP_SWAP`: no transaction, at submission or completion, ever.
        const SWAP = 1 << 8;
    }
}

bitflags! {
    /// What is special about a mapping (Linux `IOMAP_F_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct MapFlags: u8 {
        /// The blocks were allocated by this very call.
        const NEW = 1 << 0;
        /// The inode has metadata that is not yet on media.
        const DIRTY = 1 << 1;
        /// The blocks are shared with another file.
        const SHARED = 1 << 2;
        /// Several mappings were merged into this one (only for reports: I/O is told of each). FIEMAP shows it.
        const MERGED = 1 << 3;
        /// The file size was changed by this very call.
        const SIZE_CHANGED = 1 << 4;
    }
}

/// What stands behind a file range (Linux `IOMAP_HOLE` and so on).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MapKind {
    /// No blocks.
    Hole,
    /// Space is reserved, blocks are not chosen yet.
    Delalloc,
    /// Blocks with data.
    Mapped,
    /// Blocks that read as zeros until they are converted.
    Unwritten,
}

/// The answer of a mapping callback: one contiguous piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iomap {
    /// What stands behind the range.
    pub kind: MapKind,
    /// What is special about it.
    pub flags: MapFlags,
    /// The first byte in the file. At or before the position asked for.
    pub offset: u64,
    /// Bytes. The range covers the position asked for.
    pub length: u64,
    /// The device block (4 KiB) of `offset`; `None` for holes and delayed allocation.
    pub block: Option<u64>,
    /// Changes when a mapping of this inode may have become stale.
    pub validity_cookie: u64,
}

/// On whose behalf a callback runs. Passed down the call chain, never kept in a global, so that the
/// trace (and the auditor that reads it) can say: in this context, that must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Context {
    /// A system call of a user.
    User = 1,
    /// Turning a swap file on or off.
    Activation = 2,
    /// A page goes out to swap: memory is being reclaimed, nothing may need memory.
    SwapOut = 3,
    /// A page comes in from swap: a fault is waiting.
    SwapIn = 4,
    /// The completion of a direct I/O or of writeback.
    Completion = 5,
    /// Dirty pages are written: a transaction that waits for memory waits for itself.
    Writeback = 6,
    /// Memory is being reclaimed, other than by a swap-out: clean pages are given up.
    Reclaim = 7,
    /// A user's direct I/O is submitted: no page of the cache is made for it, and no space only claimed. Its completion is
    /// a [`Context::Completion`].
    Dio = 8,
}

impl Context {
    /// The context with this number, if there is one.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::User,
            2 => Self::Activation,
            3 => Self::SwapOut,
            4 => Self::SwapIn,
            5 => Self::Completion,
            6 => Self::Writeback,
            7 => Self::Reclaim,
            8 => Self::Dio,
            _ => return None,
        })
    }

    /// True inside swap I/O, where the promise "no transaction, no lock, no allocation" is made.
    #[must_use]
    pub const fn is_swap_io(self) -> bool {
        matches!(self, Self::SwapOut | Self::SwapIn)
    }
}

/// Which way data moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the device into memory.
    Read,
    /// From memory to the device.
    Write,
}

/// A page-aligned file transfer that owns its pages while it runs.
///
/// The functions that take it put every page back, in order, whatever the outcome.
#[derive(Debug)]
pub struct Transfer<P> {
    /// Which way.
    pub direction: Direction,
    /// The first byte in the file; a multiple of the page size.
    pub pos: u64,
    /// The pages, in file order.
    pub pages: Vec<P>,
}
