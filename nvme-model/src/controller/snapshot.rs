//! A controller as it was, to go on from there any number of times.
//!
//! Everything is in it: registers, queues, commands in flight, parked asynchronous event requests,
//! features, counters and logs, the cache, the media, the fault plan with what came of it, and the clock. So a
//! run that goes on from a snapshot gives the same events as the one it was taken from, if the host does
//! the same.
//!
//! What it does not do: the guest's memory and the interrupt wires are the owner's to keep. A snapshot
//! lives in this process; it is not written to a file. An image file that is snapshotted is written to no
//! more (see [`crate::FileMedia`]).

use super::Controller;

/// A controller as it was. Taking one costs what the controller's own state costs: media, whatever
/// their size, and data in the cache are shared until somebody changes them.
#[derive(Clone, Debug)]
pub struct Snapshot(Controller);

impl Controller {
    /// The controller as it is now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.clone())
    }

    /// Makes the controller what it was. What happened since is gone, on the media too.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        *self = snapshot.resume();
    }
}

impl Snapshot {
    /// A controller that goes on from here.
    #[must_use]
    pub fn resume(&self) -> Controller {
        self.0.clone()
    }
}
