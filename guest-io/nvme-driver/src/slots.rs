//! I/O commands in flight: a fixed table of slots, each with a page for its PRP list.
//!
//! A job keeps its slot until its bio is finished, through every retry and reset; each time it is
//! sent it gets a new CID. Nothing is allocated after the table was made.
//!
//! Invariant: a bio leaves its slot only when the controller has answered the command that carries
//! it, or can no longer reach memory.

use alloc::vec::Vec;

use block::{Bio, Ticket};
use hal::Instant;

use crate::cid::{self, Match, Sequence};

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobState {
    /// The controller has the command.
    InFlight {
        /// When it is too late.
        deadline: Instant,
    },
    /// The command is to be sent (again).
    Waiting {
        /// Not before.
        until: Instant,
    },
}

/// A bio that is being executed.
#[derive(Debug)]
pub(crate) struct Job<D> {
    pub(crate) ticket: Ticket,
    pub(crate) bio: Bio<D>,
    pub(crate) state: JobState,
    /// Blocks that earlier commands of this bio have done (Write Zeroes and Discard in pieces).
    pub(crate) done_blocks: u64,
    /// Blocks of the command in flight.
    pub(crate) piece_blocks: u64,
    pub(crate) retries: u8,
    /// The command in flight timed out once and is to be aborted.
    pub(crate) is_abort_sent: bool,
}

/// One slot.
#[derive(Debug)]
pub(crate) struct Slot<D> {
    pub(crate) list: D,
    pub(crate) sequence: Sequence,
    pub(crate) job: Option<Job<D>>,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Slots<D> {
    slots: Vec<Slot<D>>,
    /// A bit for each slot with a job.
    taken: [u64; 4],
    /// False only if no job waits to be sent: most of the time nobody needs to look.
    may_wait: bool,
    /// No job in flight is late before that.
    late_from: Instant,
}

/// Whose answer a completion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The job in this slot.
    Job(u8),
    /// A command that was answered or given up.
    Stale,
    /// No command.
    Unknown,
}

impl<D> Slots<D> {
    /// A table with one slot per list page; at most [`cid::SLOTS_MAX`].
    pub(crate) fn new(lists: Vec<D>) -> Self {
        assert!(lists.len() <= cid::SLOTS_MAX, "{} slots do not fit a CID", lists.len());
        let slot = |list| Slot { list, sequence: Sequence::default(), job: None };
        let slots = lists.into_iter().map(slot).collect();
        Self { slots, taken: [0; 4], may_wait: false, late_from: Instant::NEVER }
    }

    /// Notes what a job's new state asks somebody to look for.
    pub(crate) fn note(&mut self, state: JobState) {
        match state {
            JobState::InFlight { deadline } => self.late_from = self.late_from.min(deadline),
            JobState::Waiting { .. } => self.may_wait = true,
        }
    }

    /// The only job that waited was sent.
    pub(crate) fn sent_alone(&mut self) {
        self.may_wait = false;
    }

    /// Whether a job may wait to be sent.
    pub(crate) fn may_wait(&self) -> bool {
        self.may_wait
    }

    /// Whether a job in flight may be late.
    pub(crate) fn may_be_late(&self, now: Instant) -> bool {
        self.late_from <= now
    }

    /// Finds out anew what there is to look for.
    pub(crate) fn take_stock(&mut self) {
        (self.may_wait, self.late_from) = (false, Instant::NEVER);
        for number in self.taken() {
            let state = self.get(number).and_then(|slot| slot.job.as_ref()).map(|job| job.state);
            if let Some(state) = state {
                self.note(state);
            }
        }
    }

    pub(crate) fn get(&self, slot: u8) -> Option<&Slot<D>> {
        self.slots.get(usize::from(slot))
    }

    pub(crate) fn get_mut(&mut self, slot: u8) -> Option<&mut Slot<D>> {
        self.slots.get_mut(usize::from(slot))
    }

    /// The slots with a job, lowest first.
    fn taken(&self) -> impl Iterator<Item = u8> + use<D> {
        let words = [0_u8, 64, 128, 192].into_iter().zip(self.taken);
        words.flat_map(|(first, taken)| {
            let rest = |word: &u64| Some(word & word.wrapping_sub(1)).filter(|word| *word != 0);
            let words = core::iter::successors(Some(taken).filter(|word| *word != 0), rest);
            let bit = |word: u64| u8::try_from(word.trailing_zeros()).unwrap_or(0);
            words.map(move |word| first.saturating_add(bit(word)))
        })
    }

    /// The lowest free slot.
    pub(crate) fn free(&self) -> Option<u8> {
        let mut words = [0_u8, 64, 128, 192].into_iter().zip(self.taken);
        let (first, taken) = words.find(|(_, taken)| *taken != u64::MAX)?;
        let number = u8::try_from(taken.trailing_ones()).ok()?.checked_add(first)?;
        (usize::from(number) < self.slots.len()).then_some(number)
    }

    /// Puts a job into a slot that is free.
    #[inline]
    pub(crate) fn occupy(&mut self, number: u8, job: Job<D>) {
        if let Some(slot) = self.get_mut(number) {
            slot.job = Some(job);
            self.mark(number, true);
        }
    }

    fn mark(&mut self, number: u8, is_taken: bool) {
        let bit = 1_u64.wrapping_shl(u32::from(number & 63));
        if let Some(word) = self.taken.get_mut(usize::from(number >> 6)) {
            *word = if is_taken { *word | bit } else { *word & !bit };
        }
    }

    /// Frees a slot; returns the bio that was in it, if there was one.
    pub(crate) fn vacate(&mut self, number: u8) -> Option<(Ticket, Bio<D>)> {
        let Job { ticket, bio, .. } = self.get_mut(number)?.job.take()?;
        self.mark(number, false);
        Some((ticket, bio))
    }

    pub(crate) fn jobs(&self) -> impl Iterator<Item = &Job<D>> {
        let slots = self.taken().filter_map(|number| self.get(number));
        slots.filter_map(|slot| slot.job.as_ref())
    }

    pub(crate) fn owner(&self, cid: u16) -> Owner {
        let number = cid::slot_of(cid);
        let Some(slot) = self.get(number) else {
            return Owner::Unknown;
        };
        let is_in_flight =
            slot.job.as_ref().is_some_and(|job| matches!(job.state, JobState::InFlight { .. }));
        match slot.sequence.classify(cid) {
            Match::Current if is_in_flight => Owner::Job(number),
            Match::Current | Match::Earlier => Owner::Stale,
            Match::Never => Owner::Unknown,
        }
    }

    /// The slots of the jobs that `is_wanted` picks, oldest job first, without allocating: call with
    /// the last answer's ticket until `None`.
    pub(crate) fn next_after(
        &self,
        last: Option<Ticket>,
        is_wanted: impl Fn(&Job<D>) -> bool,
    ) -> Option<(Ticket, u8)> {
        self.taken()
            .filter_map(|number| Some((self.get(number)?.job.as_ref()?, number)))
            .filter(|(job, _)| Some(job.ticket) > last && is_wanted(job))
            .map(|(job, number)| (job.ticket, number))
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(ticket: u64) -> Job<u8> {
        Job {
            ticket: Ticket(ticket),
            bio: Bio::flush(),
            state: JobState::InFlight { deadline: Instant::NEVER },
            done_blocks: 0,
            piece_blocks: 0,
            retries: 0,
            is_abort_sent: false,
        }
    }

    fn send(slots: &mut Slots<u8>, slot: u8, ticket: u64) -> u16 {
        slots.occupy(slot, job(ticket));
        let slot_ref = slots.get_mut(slot).unwrap();
        slot_ref.sequence.advance();
        slot_ref.sequence.cid(slot)
    }

    #[test]
    fn a_completion_finds_its_job_and_only_while_it_is_in_flight() {
        let mut slots = Slots::new(vec![0; 2]);
        let cid = send(&mut slots, 1, 5);
        assert_eq!(slots.owner(cid), Owner::Job(1));
        slots.vacate(1).unwrap();
        assert_eq!(slots.owner(cid), Owner::Stale);
        let again = send(&mut slots, 1, 6);
        assert_eq!((slots.owner(cid), slots.owner(again)), (Owner::Stale, Owner::Job(1)));
    }

    #[test]
    fn whatever_the_device_says_at_most_the_one_live_cid_is_accepted() {
        let mut slots = Slots::new(vec![0; 2]);
        let live = send(&mut slots, 0, 1);
        for cid in 0..=u16::MAX {
            assert_eq!(slots.owner(cid) == Owner::Job(0), cid == live);
        }
    }

    #[test]
    fn jobs_are_walked_oldest_first_whatever_their_slots() {
        let mut slots = Slots::new(vec![0; 3]);
        for (slot, ticket) in [(0, 9), (1, 2), (2, 5)] {
            send(&mut slots, slot, ticket);
        }
        let mut walked = Vec::new();
        let mut last = None;
        while let Some((ticket, slot)) = slots.next_after(last, |job| job.ticket != Ticket(5)) {
            walked.push(slot);
            last = Some(ticket);
        }
        assert_eq!(walked, [1, 0]);
        assert_eq!(slots.free(), None);
    }

    #[test]
    fn the_lowest_free_slot_is_found_whatever_was_freed_before() {
        let mut slots = Slots::new(vec![0; cid::SLOTS_MAX]);
        for number in 0..255 {
            assert_eq!(slots.free(), Some(number));
            slots.occupy(number, job(number.into()));
        }
        assert_eq!(slots.free(), None);
        let mut lowest = u8::MAX;
        for number in [254, 64, 63, 200, 0] {
            assert!(slots.vacate(number).is_some() && slots.vacate(number).is_none());
            lowest = lowest.min(number);
            assert_eq!(slots.free(), Some(lowest));
        }
    }
}
