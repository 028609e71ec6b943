//! Which interrupt vectors were raised since somebody last waited for them.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Vectors of an x86 CPU.
const VECTORS: usize = 256;

#[derive(Debug)]
struct State {
    raised: [bool; VECTORS],
    is_cancelled: bool,
    is_poked: bool,
    is_announced_only: bool,
}

/// How a wait for a vector ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The vector was raised; this wait consumed it.
    Raised,
    /// Time was up.
    TimedOut,
    /// Somebody wants the waiting thread back.
    Cancelled,
}

/// The raised vectors of a machine. Shared between the CPU's thread and the event loop's.
#[derive(Debug)]
pub(crate) struct Raised {
    state: Mutex<State>,
    changed: Condvar,
}

impl Default for Raised {
    fn default() -> Self {
        let state = State {
            raised: [false; VECTORS],
            is_cancelled: false,
            is_poked: false,
            is_announced_only: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl Raised {
    /// Notes that `vector` was raised and wakes whoever waits.
    pub(crate) fn raise(&self, vector: u8) {
        self.lock().raised[usize::from(vector)] = true;
        self.changed.notify_all();
    }

    /// Whether `vector` was raised; it no longer is afterwards.
    pub(crate) fn take(&self, vector: u8) -> bool {
        std::mem::take(&mut self.lock().raised[usize::from(vector)])
    }

    /// Blocks the thread until `vector` is raised, for `limit` at most (for ever without one).
    pub(crate) fn wait(&self, vector: u8, limit: Option<Duration>) -> Woken {
        let keep_waiting = |state: &mut State| {
            !state.raised[usize::from(vector)] && !state.is_cancelled && !state.is_poked
        };
        let state = self.lock();
        let mut state = match limit {
            Some(limit) => {
                self.changed
                    .wait_timeout_while(state, limit, keep_waiting)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
            None => {
                self.changed.wait_while(state, keep_waiting).unwrap_or_else(PoisonError::into_inner)
            }
        };
        state.is_poked = false;
        if std::mem::take(&mut state.raised[usize::from(vector)]) {
            Woken::Raised
        } else if state.is_cancelled {
            Woken::Cancelled
        } else {
            Woken::TimedOut
        }
    }

    /// Ends the present and all later waits at once, or lets them wait again.
    pub(crate) fn set_cancelled(&self, is_cancelled: bool) {
        self.lock().is_cancelled = is_cancelled;
        self.changed.notify_all();
    }

    /// Ends the present or the next wait as if its time were up.
    pub(crate) fn poke(&self) {
        self.lock().is_poked = true;
        self.changed.notify_all();
    }

    /// Whoever waits is all that wants to know: nothing is delivered to the processor.
    pub(crate) fn set_announced_only(&self, is_announced_only: bool) {
        self.lock().is_announced_only = is_announced_only;
    }

    /// Whether nothing is to be delivered to the processor.
    pub(crate) fn is_announced_only(&self) -> bool {
        self.lock().is_announced_only
    }

    /// Nothing is raised, and what is raised is delivered.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.raised = [false; VECTORS];
        state.is_announced_only = false;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_consumes_only_its_own_vector() {
        let raised = Raised::default();
        raised.raise(0x31);
        raised.raise(0x32);
        assert_eq!(raised.wait(0x31, None), Woken::Raised);
        assert!(!raised.take(0x31));
        assert!(raised.take(0x32));
    }

    #[test]
    fn a_wait_ends_with_its_deadline_or_when_cancelled() {
        let raised = Raised::default();
        assert_eq!(raised.wait(0x31, Some(Duration::ZERO)), Woken::TimedOut);
        raised.set_cancelled(true);
        assert_eq!(raised.wait(0x31, None), Woken::Cancelled);
        raised.set_cancelled(false);
        assert_eq!(raised.wait(0x31, Some(Duration::ZERO)), Woken::TimedOut);
    }

    #[test]
    fn a_thread_that_waits_is_woken_by_another() {
        let raised = Raised::default();
        std::thread::scope(|scope| {
            scope.spawn(|| raised.raise(0x40));
            assert_eq!(raised.wait(0x40, None), Woken::Raised);
        });
    }
}
