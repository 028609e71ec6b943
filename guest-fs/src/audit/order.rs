//! The order in which kinds of locks are taken (Linux lockdep), with reclaim as one of them.
//!
//! One filesystem's locks, seen by its events, for a machine without tasks. Memory is touched by every
//! allocation (it may reclaim), and held by everything that happens in a context that reclaims: so a lock that is
//! taken in both ways is an inversion, although no run of one task would hang on it.

use alloc::vec::Vec;
use core::cell::RefCell;

use iomap::Context;
use tasks::LockOrder;

use super::Auditor;
use crate::events::Event;

/// A kind of lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockClass {
    /// The lock around a whole I/O of an inode (XFS: IOLOCK).
    IoLock,
    /// A transaction's room in the log.
    LogSpace,
    /// The lock of an inode's map (XFS: ILOCK).
    InodeLock,
    /// A metadata block that a transaction holds (XFS: a locked buffer).
    Block,
    /// The log while it is written.
    LogLock,
    /// Reclaim (Linux `fs_reclaim`): no lock, but everything that asks for memory may wait for it.
    Reclaim,
}

#[derive(Debug, Default)]
struct State {
    /// What is held now, in the order in which it was taken.
    held: Vec<(LockClass, u64)>,
    order: LockOrder<LockClass>,
    inversions: Vec<(LockClass, LockClass)>,
}

/// An auditor that notes which kinds of locks are taken inside which, and says when both orders were seen.
#[derive(Debug, Default)]
pub struct LockWatch(RefCell<State>);

impl LockWatch {
    /// An auditor that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Pairs (held, wanted) that closed a circle of orders, in the order in which they were found.
    #[must_use]
    pub fn inversions(&self) -> Vec<(LockClass, LockClass)> {
        self.0.borrow().inversions.clone()
    }

    /// Was `wanted` ever taken while `held` was?
    #[must_use]
    pub fn has_seen(&self, held: LockClass, wanted: LockClass) -> bool {
        self.0.borrow().order.has_seen(held, wanted)
    }
}

impl State {
    fn take(&mut self, class: LockClass, number: u64, context: Context) {
        self.touch(class, context);
        self.held.push((class, number));
    }

    /// Is about to take something, or only touches it (memory).
    fn touch(&mut self, class: LockClass, context: Context) {
        let is_reclaim = context.is_swap_io() || context == Context::Reclaim;
        let outer = is_reclaim.then_some(LockClass::Reclaim);
        let mut held: Vec<LockClass> = self.held.iter().map(|(class, _)| *class).collect();
        held.extend(outer);
        for held in held {
            // Two of one kind (parent and child, two files of a clone) go by number: no order to see here.
            if held != class && self.order.note(held, class) {
                self.inversions.push((held, class));
            }
        }
    }

    fn give(&mut self, class: LockClass, number: u64) {
        let at = self.held.iter().rposition(|held| *held == (class, number));
        if let Some(at) = at {
            self.held.remove(at);
        }
    }

    fn give_all(&mut self, class: LockClass) {
        self.held.retain(|(held, _)| *held != class);
    }
}

impl Auditor for LockWatch {
    fn saw(&self, event: &Event) {
        let state = &mut *self.0.borrow_mut();
        match *event {
            Event::IoLock { ino, context } => state.take(LockClass::IoLock, ino, context),
            Event::IoUnlock { ino, .. } => state.give(LockClass::IoLock, ino),
            Event::InodeLock { ino, context } => state.take(LockClass::InodeLock, ino, context),
            Event::InodeUnlock { ino, .. } => state.give(LockClass::InodeLock, ino),
            Event::LogLock { context } => state.take(LockClass::LogLock, 0, context),
            Event::LogUnlock => state.give(LockClass::LogLock, 0),
            Event::TxnBegin { context, .. } => state.take(LockClass::LogSpace, 0, context),
            Event::BlockHold { block, context } => state.take(LockClass::Block, block, context),
            Event::TxnCommit { .. } | Event::TxnCancel { .. } => {
                // One task: the transaction that ends is the last one begun.
                state.give(LockClass::LogSpace, 0);
                state.give_all(LockClass::Block);
            }
            Event::PageAlloc { context, .. } | Event::BioAlloc { context } => {
                state.touch(LockClass::Reclaim, context);
            }
            Event::InodeLockBusy { context, .. } => state.touch(LockClass::InodeLock, context),
            Event::IoLockBusy { context, .. } => state.touch(LockClass::IoLock, context),
            _ => {}
        }
    }
}
