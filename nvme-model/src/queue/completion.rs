//! A completion queue.

use nvme_spec::{CQE_BYTES, Cqe};

use super::line::Line;
use super::shadow::{Bell, Mirror};
use super::{Objection, QueueDmaError, distance, entry_address, next_index};
use crate::GuestMemory;

/// A reserved place in a completion queue. It must be posted, released or dissolved with its queue;
/// dropping it would lose a completion, which is our bug. A copy belongs to a copy of the controller.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) struct Slot {
    is_spent: bool,
}

impl Slot {
    fn spend(mut self) {
        self.is_spent = true;
    }

    /// No place any more.
    pub(crate) fn spent() -> Self {
        Self { is_spent: true }
    }

    /// Gives the place up together with its queue.
    pub(crate) fn dissolve(self) {
        self.spend();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        debug_assert!(self.is_spent || std::thread::panicking(), "a completion was lost");
    }
}

/// A completion queue as the controller sees it.
#[derive(Clone, Debug)]
pub(crate) struct CompletionQueue {
    base: u64,
    size: u32,
    head: u32,
    tail: u32,
    phase: bool,
    /// The tag does not change any more: a fault.
    is_phase_frozen: bool,
    reserved: u32,
    /// What is not written yet.
    line: Line,
    /// The interrupt vector, if interrupts are enabled.
    pub(crate) vector: Option<u16>,
    mirror: Mirror,
}

impl CompletionQueue {
    /// An empty queue of `size` entries.
    pub(crate) fn new(base: u64, size: u32, vector: Option<u16>) -> Self {
        Self {
            base,
            size,
            head: 0,
            tail: 0,
            phase: true,
            is_phase_frozen: false,
            reserved: 0,
            line: Line::default(),
            vector,
            mirror: Mirror::default(),
        }
    }

    /// The phase tag of the next entry.
    pub(crate) fn phase(&self) -> bool {
        self.phase
    }

    /// Keeps the phase tag as it is for good.
    pub(crate) fn freeze_phase(&mut self) {
        self.is_phase_frozen = true;
    }

    /// Whether the host has not taken any of the entries that were posted since the ring was empty.
    pub(crate) fn is_full(&self) -> bool {
        distance(self.head, self.tail, self.size).saturating_add(1) >= self.size
    }

    /// Reserves a place; `None` if the host has not freed one.
    pub(crate) fn reserve(&mut self) -> Option<Slot> {
        let taken = distance(self.head, self.tail, self.size).saturating_add(self.reserved);
        if taken.saturating_add(1) >= self.size {
            return None;
        }
        self.reserved = self.reserved.saturating_add(1);
        Some(Slot { is_spent: false })
    }

    /// A place that is not free: what is posted there overwrites what the host has not read.
    pub(crate) fn overrun(&mut self) -> Slot {
        self.reserved = self.reserved.saturating_add(1);
        Slot { is_spent: false }
    }

    /// Gives a place back.
    pub(crate) fn release(&mut self, slot: Slot) {
        slot.spend();
        self.reserved = self.reserved.saturating_sub(1);
    }

    /// Whether there are entries that the host has not taken.
    pub(crate) fn has_entries(&self) -> bool {
        self.head != self.tail
    }

    /// Writes an entry into the reserved place, or keeps it until its line is full or [`Self::write`]. A host that polls
    /// the phase tag, which is in the last dword, finds the rest in place. `cqe` has [`Self::phase`]'s tag, unless a rule
    /// lies about it.
    pub(crate) fn post(
        &mut self,
        slot: Slot,
        memory: &dyn GuestMemory,
        cqe: &Cqe,
        is_kept: bool,
    ) -> Result<(), QueueDmaError> {
        self.release(slot);
        let address = entry_address(self.base, self.tail, CQE_BYTES as u64).ok_or(QueueDmaError)?;
        if is_kept {
            self.line.add(address, cqe.to_bytes(), memory)?;
        } else {
            memory.publish(address, &cqe.to_bytes()).map_err(|_| QueueDmaError)?;
        }
        self.tail = next_index(self.tail, self.size);
        if self.tail == 0 && !self.is_phase_frozen {
            self.phase = !self.phase;
        }
        Ok(())
    }

    /// Whether every entry is written that was posted.
    pub(crate) fn is_written(&self) -> bool {
        self.line.is_empty()
    }

    /// Writes what was kept.
    pub(crate) fn write(&mut self, memory: &dyn GuestMemory) -> Result<(), QueueDmaError> {
        self.line.write(memory)
    }
}

impl Bell for CompletionQueue {
    /// Moves the head. Refused is a value outside of the ring, or one past what was posted.
    fn ring(&mut self, head: u32) -> Result<(), Objection> {
        let posted = distance(self.head, self.tail, self.size);
        Objection::check(self.head, head, self.size, posted, posted)?;
        self.head = head;
        Ok(())
    }

    fn rung_at(&self) -> u32 {
        self.head
    }

    fn size(&self) -> u32 {
        self.size
    }

    fn mirror(&mut self) -> &mut Mirror {
        &mut self.mirror
    }
}
