//! Who watches: the auditor, and the clock that the filesystem's times come from.

use crate::events::Event;

/// Sees everything that the filesystem does, with the context in which it does it.
///
/// Transactions, log reservations and forces, allocations, locks: every deed is an [`Event`] and passes
/// here before it goes into the trace. An auditor can assert: in context X, never Y.
pub trait Auditor {
    /// Called for every event, in order. Must not call the filesystem.
    fn saw(&self, event: &Event);
}

/// Virtual time.
pub trait Clock {
    /// Nanoseconds since an epoch of its own.
    fn now_ns(&self) -> u64;
}
