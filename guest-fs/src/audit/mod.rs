//! Who watches: the auditor, and the clock that the filesystem's times come from.
//!
//! Two auditors are here: [`Never`] ("in this context, never that") and [`LockWatch`] (the order of locks, with
//! reclaim as one of them).

mod deed;
mod never;
mod order;

pub use deed::Deeds;
pub use never::{Never, Violation};
pub use order::{LockClass, LockWatch};

use crate::events::Event;

/// Sees everything that the filesystem does, with the context in which it does it.
///
/// Transactions, log reservations and forces, allocations, locks: every deed is an [`Event`] and passes
/// here before it goes into the trace. Log locks and held blocks, which are too many for a trace, pass only
/// here. An auditor can assert: in context X, never Y.
pub trait Auditor {
    /// Called for every event, in order. Must not call the filesystem.
    fn saw(&self, event: &Event);
}

/// Virtual time.
pub trait Clock {
    /// Nanoseconds since an epoch of its own.
    fn now_ns(&self) -> u64;
}
