//! Events of the filesystem as text for people.

use core::fmt;

use super::Event;

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
            _ => self.fmt_more(f),
        }
    }
}

impl Event {
    fn fmt_more(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IoLock { ino, context } => write!(f, "inode {ino} I/O lock for {context:?}"),
            Self::IoUnlock { ino, context } => write!(f, "inode {ino} I/O unlock for {context:?}"),
            Self::IoLockBusy { ino, context, errno } => {
                write!(f, "inode {ino} I/O lock is held: {errno} for {context:?}")
            }
            Self::Reserve { ino, context, blocks } => {
                write!(f, "inode {ino} has {blocks} blocks reserved, for {context:?}")
            }
            Self::Freeze => f.write_str("frozen"),
            Self::Thaw => f.write_str("thawed"),
            Self::FrozenWait { context } => write!(f, "frozen: no transaction for {context:?}"),
            Self::Moved { ino, from, to, blocks } => {
                write!(f, "inode {ino} moves {blocks} blocks from {from} to {to}")
            }
            Self::LogLock { context } => write!(f, "log lock for {context:?}"),
            Self::LogUnlock => f.write_str("log unlock"),
            Self::BlockHold { block, context } => write!(f, "block {block} taken for {context:?}"),
            Self::BioAlloc { context } => write!(f, "bios from the heap for {context:?}"),
            Self::PageAlloc { context, is_refused: false } => {
                write!(f, "page of the cache for {context:?}")
            }
            Self::PageAlloc { context, is_refused: true } => {
                write!(f, "no memory for a page of the cache for {context:?}")
            }
            _ => Ok(()),
        }
    }
}
