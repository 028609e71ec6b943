//! The second line against a guest that never ends: the host's clock.
//!
//! The first line is the bound on virtual time and waits, which ends a guest at the same event everywhere. A guest
//! that reads a register again and again and never waits does not move virtual time; it is stopped here, at one of its
//! calls, and what came out is the machine's failure and no verdict.
//!
//! What this cannot do: stop a guest that calls nothing at all. A thread cannot be stopped from outside; the kvm
//! engine stops such a guest.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The clock is looked at once in so many calls: asking costs more than most calls.
const CALLS: u32 = 1024;

/// Watches one life.
#[derive(Debug, Default)]
pub(super) struct Watch {
    calls: Cell<u32>,
    /// `None`: for ever.
    until: Option<Instant>,
}

impl Watch {
    /// From now on.
    pub(super) fn new(patience: Duration) -> Self {
        Self { calls: Cell::new(0), until: Instant::now().checked_add(patience) }
    }

    /// Counts a call of the guest; true if it is too late.
    pub(super) fn has_lost_patience(&self) -> bool {
        let calls = self.calls.get().wrapping_add(1);
        self.calls.set(calls);
        calls.is_multiple_of(CALLS) && self.until.is_some_and(|until| Instant::now() >= until)
    }
}
