//! Console input from another thread.

use std::sync::{Arc, Mutex, PoisonError};

use crate::raised::Raised;
use crate::watchdog::Progress;

/// Input that the CPU's thread has not yet fetched.
#[derive(Debug, Default)]
pub(crate) struct InputBuffer(Mutex<Vec<u8>>);

impl InputBuffer {
    /// Takes what has come.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Types into a machine's console from another thread. For the wall clock: in the lab clock nothing
/// may come from outside, so nothing does.
#[derive(Clone, Debug)]
pub struct ConsoleInput {
    pub(crate) buffer: Arc<InputBuffer>,
    pub(crate) raised: Arc<Raised>,
    pub(crate) progress: Arc<Progress>,
}

impl ConsoleInput {
    /// Types `bytes`. What the guest does not fetch in time is lost, as on a real terminal.
    pub fn send(&self, bytes: &[u8]) {
        self.buffer.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        self.raised.poke();
        self.progress.look_up();
    }
}
