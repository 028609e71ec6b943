//! A submission queue.

use nvme_spec::{SQE_BYTES, Sqe};

use super::shadow::{Bell, Mirror};
use super::{InvalidDoorbellValue, Priority, QueueDmaError, distance, entry_address, next_index};
use crate::GuestMemory;

/// A submission queue as the controller sees it.
#[derive(Clone, Debug)]
pub(crate) struct SubmissionQueue {
    base: u64,
    size: u32,
    head: u32,
    tail: u32,
    /// Where its completions go.
    pub(crate) cqid: u16,
    pub(crate) priority: Priority,
    mirror: Mirror,
}

impl SubmissionQueue {
    /// An empty queue of `size` entries.
    pub(crate) fn new(base: u64, size: u32, cqid: u16, priority: Priority) -> Self {
        Self { base, size, head: 0, tail: 0, cqid, priority, mirror: Mirror::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head == self.tail
    }

    /// The head, as completions report it.
    pub(crate) fn sqhd(&self) -> u16 {
        // At most 65536 entries, so an index fits.
        u16::try_from(self.head).unwrap_or(u16::MAX)
    }

    /// Takes the entry at the head. The queue must not be empty.
    pub(crate) fn fetch(&mut self, memory: &dyn GuestMemory) -> Result<Sqe, QueueDmaError> {
        let address = entry_address(self.base, self.head, SQE_BYTES as u64).ok_or(QueueDmaError)?;
        let mut bytes = [0; SQE_BYTES];
        memory.read(address, &mut bytes).map_err(|_| QueueDmaError)?;
        self.head = next_index(self.head, self.size);
        Ok(Sqe::from_bytes(bytes))
    }
}

impl Bell for SubmissionQueue {
    /// Moves the tail. Writing the value that is there already adds nothing and is no error.
    ///
    /// Wrong is a value outside of the ring, or one that passes the head: that many places are not free.
    fn ring(&mut self, tail: u32) -> Result<(), InvalidDoorbellValue> {
        if tail >= self.size {
            return Err(InvalidDoorbellValue);
        }
        let added = distance(self.tail, tail, self.size);
        let waiting = distance(self.head, self.tail, self.size);
        if added.saturating_add(waiting) >= self.size {
            return Err(InvalidDoorbellValue);
        }
        self.tail = tail;
        Ok(())
    }

    fn rung_at(&self) -> u32 {
        self.tail
    }

    fn mirror(&mut self) -> &mut Mirror {
        &mut self.mirror
    }
}
