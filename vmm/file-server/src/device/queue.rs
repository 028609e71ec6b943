//! The device's side of a split virtqueue, in memory that the guest writes.

use nvme_model::{BadAddress, GuestMemory};
use p9_wire::virtio::{QUEUE_ENTRIES_MAX, desc};

use super::chain::{Chain, Span};

/// The rings make no sense, or are not memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BrokenRing;

impl From<BadAddress> for BrokenRing {
    fn from(_: BadAddress) -> Self {
        Self
    }
}

/// One queue.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Queue {
    pub(super) entries: u16,
    pub(super) is_ready: bool,
    /// Addresses of the descriptor table, the available ring, the used ring.
    pub(super) rings: [u64; 3],
    /// Chains taken so far, and given back; both wrap.
    taken: u16,
    given: u16,
}

impl Queue {
    /// Whether it could be used: a power of two of entries, rings that are aligned.
    // Spec: VIRTIO-1.2 2.7 "Split Virtqueues"
    pub(super) fn is_possible(&self) -> bool {
        let alignments = [16, 2, 4];
        let is_aligned =
            self.rings.iter().zip(alignments).all(|(ring, to)| ring.is_multiple_of(to));
        self.entries.is_power_of_two() && self.entries <= QUEUE_ENTRIES_MAX && is_aligned
    }

    /// The next chain that the guest has made available, up to index `until`.
    pub(super) fn take(
        &mut self,
        until: u16,
        memory: &dyn GuestMemory,
    ) -> Result<Option<Chain>, BrokenRing> {
        let ahead = until.wrapping_sub(self.taken);
        if ahead == 0 {
            return Ok(None);
        }
        if ahead > self.entries {
            return Err(BrokenRing);
        }
        let [_, available, _] = self.rings;
        let slot = u64::from(self.taken % self.entries);
        let mut head = [0; 2];
        memory.read(at(available, 4 + slot * 2)?, &mut head)?;
        self.taken = self.taken.wrapping_add(1);
        self.chain(u16::from_le_bytes(head), memory).map(Some)
    }

    // Spec: VIRTIO-1.2 2.7.5 "The Virtqueue Descriptor Table"
    fn chain(&self, head: u16, memory: &dyn GuestMemory) -> Result<Chain, BrokenRing> {
        let mut chain = Chain::new(head);
        let mut index = head;
        // A chain cannot be longer than the table, so a loop is noticed.
        for _ in 0..self.entries {
            if index >= self.entries {
                return Err(BrokenRing);
            }
            let [table, ..] = self.rings;
            let mut bytes = [0; desc::BYTES];
            memory.read(at(table, u64::from(index) * desc::BYTES as u64)?, &mut bytes)?;
            let [a0, a1, a2, a3, a4, a5, a6, a7, s0, s1, s2, s3, f0, f1, n0, n1] = bytes;
            let address = u64::from_le_bytes([a0, a1, a2, a3, a4, a5, a6, a7]);
            let size_bytes = u32::from_le_bytes([s0, s1, s2, s3]);
            let flags = u16::from_le_bytes([f0, f1]);
            if flags & !(desc::NEXT | desc::WRITE) != 0 {
                return Err(BrokenRing);
            }
            let span = Span { address, size_bytes };
            if !chain.add(span, flags & desc::WRITE != 0) {
                return Err(BrokenRing);
            }
            if flags & desc::NEXT == 0 {
                return Ok(chain);
            }
            index = u16::from_le_bytes([n0, n1]);
        }
        Err(BrokenRing)
    }

    /// Gives a chain back; `written_bytes` of its writable part were written.
    // Spec: VIRTIO-1.2 2.7.8 "The Virtqueue Used Ring"
    pub(super) fn give(
        &mut self,
        head: u16,
        written_bytes: u32,
        memory: &dyn GuestMemory,
    ) -> Result<(), BrokenRing> {
        let [_, _, used] = self.rings;
        let slot = u64::from(self.given.checked_rem(self.entries).ok_or(BrokenRing)?);
        let element = u64::from(head) | u64::from(written_bytes) << 32;
        memory.write(at(used, 4 + slot * 8)?, &element.to_le_bytes())?;
        self.given = self.given.wrapping_add(1);
        memory.write(at(used, 2)?, &self.given.to_le_bytes())?;
        Ok(())
    }
}

fn at(base: u64, offset: u64) -> Result<u64, BrokenRing> {
    base.checked_add(offset).ok_or(BrokenRing)
}
