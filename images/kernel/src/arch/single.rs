//! Global state of a machine with one processor.
// UNSAFETY: `Sync` is promised by hand.
#![expect(unsafe_code, reason = "one processor, interrupts touch only their counters")]

use core::cell::RefCell;

/// A global that is borrowed as a `RefCell` is.
pub(crate) struct Single<T>(RefCell<T>);

// SAFETY: there is one processor and no preemption: interrupts run no Rust, and the page-fault handler
// runs in the middle of a workload access, during which no borrow is held. A violation is a panic of
// the `RefCell`, not a race.
unsafe impl<T> Sync for Single<T> {}

impl<T> Single<T> {
    /// A global that holds `value`.
    pub(crate) const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    /// Runs `f` on the value.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.0.borrow_mut())
    }

    /// Runs `f` on the value unless it is borrowed already (the panic handler's way).
    pub(crate) fn try_with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.0.try_borrow_mut().ok().map(|mut value| f(&mut value))
    }
}
