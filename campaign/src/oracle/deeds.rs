//! What events say about deeds: who did something that swap I/O must never need, which blocks change.

use std::ops::Range;

use guest_fs::events::Event as FsEvent;
use iomap::Context;
use nvme_model::Event as ModelEvent;
use nvme_spec::NvmOpcode;

/// In whose context the filesystem does something that swap I/O must never need: a transaction, a
/// change of the map, a lock, a log write.
pub(crate) const fn context_of_deed(event: &FsEvent) -> Option<Context> {
    match event {
        FsEvent::TxnBegin { context, .. }
        | FsEvent::TxnCommit { context, .. }
        | FsEvent::TxnCancel { context }
        | FsEvent::LogForce { context, .. }
        | FsEvent::Checkpoint { context, .. }
        | FsEvent::InodeLock { context, .. }
        | FsEvent::InodeLockBusy { context, .. }
        | FsEvent::IoLock { context, .. }
        | FsEvent::IoLockBusy { context, .. }
        | FsEvent::Alloc { context, .. }
        | FsEvent::Free { context, .. }
        | FsEvent::Convert { context, .. }
        | FsEvent::Resize { context, .. } => Some(*context),
        _ => None,
    }
}

/// The blocks that a command is about to change, as the controller took it off the queue: nothing that
/// happens behind the cache can hide it.
pub(super) fn blocks_of_write(event: &ModelEvent) -> Option<Range<u64>> {
    match event {
        ModelEvent::Fetch { sqid: 1.., opcode, slba, blocks, .. }
            if [NvmOpcode::WRITE, NvmOpcode::WRITE_ZEROES].contains(&NvmOpcode(*opcode)) =>
        {
            Some(*slba..slba.saturating_add(u64::from(*blocks)))
        }
        _ => None,
    }
}
