//! Kicking the virtual CPU's thread out of the guest.
//!
//! A signal makes `KVM_RUN` return. One that arrives just before `KVM_RUN` is entered would be lost,
//! so whoever kicks repeats it until the thread has left its run loop; that closes the race without a
//! signal handler that knows about machines.

// UNSAFETY: sends a signal to a thread.
#![expect(unsafe_code)]

use std::sync::{Mutex, Once, PoisonError};

use vmm_sys_util::signal::{SIGRTMIN, register_signal_handler};

use crate::VmmError;

static HANDLER: Once = Once::new();

/// Which thread runs the CPU at the moment.
#[derive(Debug, Default)]
pub(crate) struct Kicker {
    target: Mutex<Option<libc::pthread_t>>,
}

impl Kicker {
    /// Makes the calling thread the one to kick.
    ///
    /// # Errors
    /// The signal handler cannot be installed.
    pub(crate) fn enter(&self) -> Result<(), VmmError> {
        let mut result = Ok(());
        HANDLER.call_once(|| result = register_signal_handler(SIGRTMIN(), ignore_signal));
        result.map_err(|e| VmmError::host("installing the kick signal's handler", e))?;
        // SAFETY: has no precondition.
        let this_thread = unsafe { libc::pthread_self() };
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = Some(this_thread);
        Ok(())
    }

    /// Nobody is to be kicked any more. Afterwards no signal is sent.
    pub(crate) fn leave(&self) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Sends one signal; false if no thread runs the CPU.
    pub(crate) fn kick(&self) -> bool {
        let target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(thread) = *target else { return false };
        // SAFETY: the thread is alive: it stored itself in `enter` and takes the lock that we hold to
        // remove itself in `leave` before it returns.
        unsafe { libc::pthread_kill(thread, SIGRTMIN()) };
        true
    }
}

/// The signal has done its work by interrupting the system call.
extern "C" fn ignore_signal(
    _number: libc::c_int,
    _info: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
}
