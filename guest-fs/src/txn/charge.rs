//! The memory of a transaction: taken as its changes grow, given back when it ends.
//!
//! Asked for as Linux filesystems do inside transactions: reclaim may not call back into the filesystem, and the
//! request may not fail. So it may wait for ever, with whatever locks its caller holds: one half of the deadlock
//! that the project is about.

use core::cell::Cell;

use tasks::{Gfp, TaskHandle};

/// Bytes that somebody owes to the memory.
#[derive(Debug)]
pub(super) struct Charge {
    tasks: TaskHandle,
    bytes: Cell<usize>,
}

impl Charge {
    /// Nothing yet.
    pub(super) const fn new(tasks: TaskHandle) -> Self {
        Self { tasks, bytes: Cell::new(0) }
    }

    /// Takes `bytes` more, waiting for them if need be.
    pub(super) fn more(&self, bytes: usize) {
        if self.tasks.alloc(bytes, Gfp::NOFS | Gfp::NOFAIL).is_ok() {
            self.bytes.set(self.bytes.get().saturating_add(bytes));
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.tasks.free(self.bytes.get());
    }
}
