//! Completions on their way to the host: those of one cache line are written together.
//!
//! A host that polls has the line in its processor's cache, and each entry that is written there has to get it back first. Four
//! entries are one line.

use nvme_spec::CQE_BYTES;

use super::QueueDmaError;
use crate::GuestMemory;

/// What memory moves at once.
const LINE_BYTES: u64 = 64;

/// Entries that are posted and not written yet, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(Vec<(u64, [u8; CQE_BYTES])>);

impl Line {
    /// Adds an entry, and writes all if that was the last of a line.
    pub(super) fn add(
        &mut self,
        address: u64,
        entry: [u8; CQE_BYTES],
        memory: &dyn GuestMemory,
    ) -> Result<(), QueueDmaError> {
        self.0.push((address, entry));
        let end = address.wrapping_add(CQE_BYTES as u64);
        if end.is_multiple_of(LINE_BYTES) { self.write(memory) } else { Ok(()) }
    }

    /// Writes what there is. After an error nothing is left, either: the controller fails.
    pub(super) fn write(&mut self, memory: &dyn GuestMemory) -> Result<(), QueueDmaError> {
        let written =
            self.0.iter().try_for_each(|(address, entry)| memory.publish(*address, entry));
        self.0.clear();
        written.map_err(|_| QueueDmaError)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
