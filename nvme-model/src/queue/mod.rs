//! Submission and completion queues: rings in guest memory and who is where in them.
//!
//! Invariant: a place in the completion queue is reserved ([`Slot`]) before a command is taken off its
//! submission queue, so a completion always has somewhere to go.

mod arbiter;
mod coalesce;
mod completion;
mod line;
mod shadow;
mod submission;
mod vectors;

pub(crate) use arbiter::{Arbiter, Priority};
pub(crate) use coalesce::Coalescing;
pub(crate) use completion::{CompletionQueue, Slot};
pub(crate) use shadow::{Bell, News, ShadowDoorbells};
pub(crate) use submission::SubmissionQueue;
pub(crate) use vectors::Vectors;

use crate::numbered::Numbered;

/// A queue entry could not be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueDmaError;

/// What is wrong with a doorbell's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is outside of the ring.
    Outside,
    /// It passes the other end: entries that were not free, completions that were not posted.
    PassesEnd,
    /// It is behind the value before it: two of the host's processors rang in the wrong order.
    GoesBack,
}

/// What there is to say against a doorbell's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Objection {
    pub(crate) wrong: Wrong,
    /// The doorbell stays where it was. If not, it is the host that could not know that the value is good.
    pub(crate) is_refused: bool,
}

impl Objection {
    /// Judges a move from `at` to `index` in a ring of `size` entries, where `room` may be passed as far as
    /// the host can know and `room_now` as things are.
    ///
    /// As with any sequence number, what is nearer from behind went back.
    fn check(at: u32, index: u32, size: u32, room: u32, room_now: u32) -> Result<(), Self> {
        if index >= size {
            return Err(Self { wrong: Wrong::Outside, is_refused: true });
        }
        let ahead = distance(at, index, size);
        if ahead <= room {
            return Ok(());
        }
        let is_behind = is_behind(index, at, size);
        let wrong = if is_behind { Wrong::GoesBack } else { Wrong::PassesEnd };
        Err(Self { wrong, is_refused: ahead > room_now })
    }
}

/// Every queue that exists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queues {
    pub(crate) sqs: Numbered<SubmissionQueue>,
    pub(crate) cqs: Numbered<CompletionQueue>,
    /// Whose turn it is.
    pub(crate) arbiter: Arbiter,
}

impl Queues {
    /// Whether a submission queue posts to this completion queue.
    pub(crate) fn has_users(&self, cqid: u16) -> bool {
        self.sqs.values().any(|sq| sq.cqid == cqid)
    }

    /// The next queue that has a command and a place for its completion; the place is reserved.
    #[inline]
    pub(crate) fn next_ready(&mut self) -> Option<(u16, Slot)> {
        self.arbiter.next(&self.sqs, &mut self.cqs)
    }

    /// Whether commands wait in any queue.
    pub(crate) fn has_waiting(&self) -> bool {
        self.sqs.values().any(|sq| !sq.is_empty())
    }

    /// Completion queues that the host has let become full while commands wait for a place in them.
    pub(crate) fn blocked(&self) -> std::collections::BTreeSet<u16> {
        let waiting = self.sqs.values().filter(|sq| !sq.is_empty()).map(|sq| sq.cqid);
        waiting.filter(|cqid| self.cqs.get(*cqid).is_some_and(CompletionQueue::is_full)).collect()
    }

    /// Gives a reserved place back.
    pub(crate) fn release(&mut self, cqid: u16, slot: Slot) {
        match self.cqs.get_mut(cqid) {
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

/// Whether `index` is nearer to `at` from behind than from before, in a ring of `size` entries.
fn is_behind(index: u32, at: u32, size: u32) -> bool {
    index < size && index != at && distance(index, at, size) < distance(at, index, size)
}

/// Entries from `from` on until `to` in a ring of `size` entries.
fn distance(from: u32, to: u32, size: u32) -> u32 {
    if to >= from { to.saturating_sub(from) } else { size.saturating_sub(from).saturating_add(to) }
}

#[cfg(test)]
mod tests;
