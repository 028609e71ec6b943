//! Submission and completion queues: rings in guest memory and who is where in them.
//!
//! Invariant: a place in the completion queue is reserved ([`Slot`]) before a command is taken off its
//! submission queue, so a completion always has somewhere to go.

mod completion;
mod submission;

use std::collections::BTreeMap;

pub(crate) use completion::{CompletionQueue, Slot};
pub(crate) use submission::SubmissionQueue;

/// A queue entry could not be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueDmaError;

/// A doorbell write that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidDoorbellValue;

/// Every queue that exists.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    pub(crate) sqs: BTreeMap<u16, SubmissionQueue>,
    pub(crate) cqs: BTreeMap<u16, CompletionQueue>,
    /// The submission queue that was served last.
    last_served: u16,
}

impl Queues {
    /// Whether a submission queue posts to this completion queue.
    pub(crate) fn has_users(&self, cqid: u16) -> bool {
        self.sqs.values().any(|sq| sq.cqid == cqid)
    }

    /// The next queue in round robin that has a command and a place for its completion; the place is
    /// reserved.
    // Spec: NVMe-Base-2.0c 3.4.4.1 "Round Robin Arbitration"
    pub(crate) fn next_ready(&mut self) -> Option<(u16, Slot)> {
        let from_next = self.last_served.saturating_add(1);
        let order = self.sqs.range(from_next..).chain(self.sqs.range(..from_next));
        for (sqid, sq) in order {
            if sq.is_empty() {
                continue;
            }
            if let Some(slot) = self.cqs.get_mut(&sq.cqid).and_then(CompletionQueue::reserve) {
                self.last_served = *sqid;
                return Some((*sqid, slot));
            }
        }
        None
    }

    /// Completion queues that the host has let become full while commands wait for a place in them.
    pub(crate) fn blocked(&self) -> std::collections::BTreeSet<u16> {
        let waiting = self.sqs.values().filter(|sq| !sq.is_empty()).map(|sq| sq.cqid);
        waiting.filter(|cqid| self.cqs.get(cqid).is_some_and(CompletionQueue::is_full)).collect()
    }

    /// Gives a reserved place back.
    pub(crate) fn release(&mut self, cqid: u16, slot: Slot) {
        match self.cqs.get_mut(&cqid) {
            Some(cq) => cq.release(slot),
            None => slot.dissolve(),
        }
    }
}

/// The address of entry `index` of a ring.
fn entry_address(base: u64, index: u32, entry_bytes: u64) -> Option<u64> {
    base.checked_add(u64::from(index).checked_mul(entry_bytes)?)
}

/// `index + 1` in a ring of `size` entries.
fn next_index(index: u32, size: u32) -> u32 {
    let next = index.saturating_add(1);
    if next >= size { 0 } else { next }
}

/// Entries from `from` on until `to` in a ring of `size` entries.
fn distance(from: u32, to: u32, size: u32) -> u32 {
    if to >= from { to.saturating_sub(from) } else { size.saturating_sub(from).saturating_add(to) }
}

#[cfg(test)]
mod tests;
