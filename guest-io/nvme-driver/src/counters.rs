//! What happened so far, in numbers.

/// Counts since probe. None of them is reset by a controller reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// I/O commands sent, including those sent again.
    pub submissions: u64,
    /// I/O completions that belonged to a command in flight.
    pub completions: u64,
    /// Commands sent again after a failure or a reset.
    pub retries: u64,
    /// I/O commands that were not answered in time.
    pub timeouts: u64,
    /// Admin commands that were not answered in time.
    pub admin_timeouts: u64,
    /// Abort commands sent.
    pub aborts: u64,
    /// Controller resets begun (not the one of the probe).
    pub resets: u64,
    /// Completions found by polling after their interrupt had been waited for in vain.
    pub interrupts_missed: u64,
    /// Completions for a command that this driver never sent.
    pub unknown_cids: u64,
    /// Completions for a command that had been completed or given up already.
    pub stale_cids: u64,
    /// Completions with an SQHD or SQID that cannot be.
    pub bad_queue_fields: u64,
    /// Asynchronous events.
    pub events: u64,
}
