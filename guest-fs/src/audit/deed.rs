//! What an event is, to somebody who forbids things.

use bitflags::bitflags;
use iomap::Context;

use crate::events::Event;

bitflags! {
    /// Kinds of deeds that a context may be forbidden.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct Deeds: u16 {
        /// A transaction, with its reservation of log space.
        const TXN = 1 << 0;
        /// The log is forced, or a checkpoint written.
        const LOG_FORCE = 1 << 1;
        /// Blocks are allocated or freed.
        const ALLOC = 1 << 2;
        /// The lock of an inode's map (XFS: ILOCK), had or not.
        const INODE_LOCK = 1 << 3;
        /// The lock around a whole I/O (XFS: IOLOCK), had or not.
        const IO_LOCK = 1 << 4;
        /// Memory for a page of the cache.
        const PAGE_ALLOC = 1 << 5;
        /// Memory for bios.
        const BIO_ALLOC = 1 << 6;
        /// Space is claimed for dirty pages, or a claim given up.
        const CLAIM = 1 << 7;
        /// A map or a size changes.
        const CHANGE = 1 << 8;
        /// A transaction meets a frozen filesystem.
        const FROZEN = 1 << 9;
        /// A metadata block is held against other transactions.
        const HOLD = 1 << 10;
    }
}

impl Event {
    /// What kind of deed it is, and in which context; `None` if it is none that anybody would forbid.
    #[must_use]
    pub const fn deed(&self) -> Option<(Context, Deeds)> {
        Some(match *self {
            Self::TxnBegin { context, .. }
            | Self::TxnCommit { context, .. }
            | Self::TxnCancel { context } => (context, Deeds::TXN),
            Self::LogForce { context, .. }
            | Self::Checkpoint { context, .. }
            | Self::LogLock { context } => (context, Deeds::LOG_FORCE),
            Self::Alloc { context, .. } | Self::Free { context, .. } => (context, Deeds::ALLOC),
            Self::InodeLock { context, .. } | Self::InodeLockBusy { context, .. } => {
                (context, Deeds::INODE_LOCK)
            }
            Self::IoLock { context, .. } | Self::IoLockBusy { context, .. } => {
                (context, Deeds::IO_LOCK)
            }
            Self::PageAlloc { context, .. } => (context, Deeds::PAGE_ALLOC),
            Self::BioAlloc { context } => (context, Deeds::BIO_ALLOC),
            Self::Reserve { context, .. } => (context, Deeds::CLAIM),
            Self::Convert { context, .. }
            | Self::Resize { context, .. }
            | Self::CowDone { context, .. } => (context, Deeds::CHANGE),
            Self::FrozenWait { context } => (context, Deeds::FROZEN),
            Self::BlockHeld { context, .. } | Self::BlockHold { context, .. } => {
                (context, Deeds::HOLD)
            }
            _ => return None,
        })
    }
}
