//! What the owner of a controller may choose.

use core::time::Duration;

/// How the driver learns that the controller has answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Completion {
    /// The controller interrupts.
    #[default]
    Interrupts,
    /// The I/O queue has no interrupt: whoever waits looks again and again, with growing pauses.
    Polled,
}

/// The driver's settings. The defaults are those of Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Entries of the I/O submission and completion queue; the controller may allow fewer. One
    /// entry always stays empty. At least 2, at most 256.
    pub io_depth: u16,
    /// How I/O completions are noticed.
    pub completion: Completion,
    /// How long an I/O command may take before it is aborted, and again before the reset.
    pub io_timeout: Duration,
    /// How long an admin command may take before the reset.
    pub admin_timeout: Duration,
    /// How often a command that failed without Do Not Retry, or was cancelled, is sent again.
    pub retries_max: u8,
    /// The namespace to drive.
    pub nsid: u32,
    /// Places for completions that nobody has taken yet. More than that still works, but allocates.
    pub untaken_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            io_depth: 64,
            completion: Completion::Interrupts,
            io_timeout: Duration::from_secs(30),
            admin_timeout: Duration::from_secs(60),
            retries_max: 5,
            nsid: 1,
            untaken_max: 1024,
        }
    }
}
