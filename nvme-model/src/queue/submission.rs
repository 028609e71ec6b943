//! A submission queue.

use nvme_spec::{SQE_BYTES, Sqe};

use super::shadow::{Bell, Mirror};
use super::{Objection, Priority, QueueDmaError, distance, entry_address, next_index};
use crate::GuestMemory;

/// A submission queue as the controller sees it.
#[derive(Clone, Debug)]
pub(crate) struct SubmissionQueue {
    base: u64,
    size: u32,
    head: u32,
    tail: u32,
    /// The head of the last completion: what is behind it the host knows to be free.
    reported: u32,
    /// Where its completions go.
    pub(crate) cqid: u16,
    pub(crate) priority: Priority,
    mirror: Mirror,
}

impl SubmissionQueue {
    /// An empty queue of `size` entries.
    pub(crate) fn new(base: u64, size: u32, cqid: u16, priority: Priority) -> Self {
        let mirror = Mirror::default();
        Self { base, size, head: 0, tail: 0, reported: 0, cqid, priority, mirror }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head == self.tail
    }

    /// The head, for a completion: from here on the host knows it.
    pub(crate) fn report_head(&mut self) -> u16 {
        self.reported = self.head;
        self.sqhd()
    }

    /// The head, as completions report it.
    pub(crate) fn sqhd(&self) -> u16 {
        // At most 65536 entries, so an index fits.
        u16::try_from(self.head).unwrap_or(u16::MAX)
    }

    /// Takes the entry at the head. The queue must not be empty. After an error what is in `sqe` means nothing.
    pub(crate) fn fetch(
        &mut self,
        memory: &dyn GuestMemory,
        sqe: &mut Sqe,
    ) -> Result<(), QueueDmaError> {
        let address = entry_address(self.base, self.head, SQE_BYTES as u64).ok_or(QueueDmaError)?;
        memory.read(address, sqe.bytes_mut()).map_err(|_| QueueDmaError)?;
        self.head = next_index(self.head, self.size);
        Ok(())
    }

    /// What is in the entry that many behind the head, if the host has rung for it; the host may still change it.
    pub(crate) fn peek(&self, behind: usize, memory: &dyn GuestMemory) -> Option<Sqe> {
        let behind = u32::try_from(behind).ok()?;
        if behind >= distance(self.head, self.tail, self.size) {
            return None;
        }
        let index = self.head.checked_add(behind)?;
        let index = index.checked_sub(self.size).unwrap_or(index);
        let mut bytes = [0; SQE_BYTES];
        memory.read(entry_address(self.base, index, SQE_BYTES as u64)?, &mut bytes).ok()?;
        Some(Sqe::from_bytes(bytes))
    }
}

impl Bell for SubmissionQueue {
    /// Moves the tail. Writing the value that is there already adds nothing and is no error.
    ///
    /// Refused is a value outside of the ring, or one that passes the head. One that passes the head that
    /// the host was told is taken, since the entries are read already; the host wrote over them blindly.
    fn ring(&mut self, tail: u32) -> Result<(), Objection> {
        let room = |head: u32| {
            let waiting = distance(head, self.tail, self.size);
            self.size.saturating_sub(1).saturating_sub(waiting)
        };
        let (known, now) = (room(self.reported), room(self.head));
        let result = Objection::check(self.tail, tail, self.size, known, now);
        if let Err(objection) = result {
            if objection.is_refused {
                return result;
            }
            // From here on the host is taken to know what it acted upon.
            self.reported = self.head;
        }
        self.tail = tail;
        result
    }

    fn rung_at(&self) -> u32 {
        self.tail
    }

    fn size(&self) -> u32 {
        self.size
    }

    fn mirror(&mut self) -> &mut Mirror {
        &mut self.mirror
    }
}
