//! Writing victims to swap, neighbours together.
//!
//! A failed write loses nothing: the page goes back into memory, dirty, and its slot is not relied
//! on until a write to it has succeeded (Linux `end_swap_bio_write`, `sio_write_complete`).

use alloc::vec::Vec;

use block::BlockDevice;
use hal::UserMemory;
use iomap::{Context, Direction};

use super::Mm;
use super::reclaim::Pass;
use super::table::{Folio, FolioIo};
use crate::SwapEntry;
use crate::bugs::{Bug, Bugs};
use crate::events::{Cause, Event};
use crate::frame_id::FrameId;
use crate::path::CLUSTER_PAGES_MAX;

/// An isolated folio with the first slot that it is written to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Victim {
    pub(super) head: FrameId,
    pub(super) entry: SwapEntry,
    pub(super) pages: u32,
    /// It is not written together with others.
    pub(super) is_alone: bool,
}

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Puts a folio with slots into the batch; one of zeros needs no I/O.
    pub(super) fn isolate(&mut self, head: FrameId, pass: &mut Pass) {
        let Folio { entry, order, has_write_failed, .. } = *self.frames.folio(head);
        let entry = entry.expect("an isolated folio has slots");
        let pages = 1_u32 << order;
        let is_zero = self.is_zero(head);
        let slots = &mut self.area_of(entry).slots;
        slots.set_zero(entry.slot..entry.slot + pages, is_zero);
        if is_zero {
            self.stats.zero_out_pages += u64::from(pages);
            self.tracer.emit(Event::ZeroOut { entry, pages });
            pass.freed += pages as usize;
            self.drop_from_cache(head);
            return;
        }
        let is_alone = has_write_failed || order > 0;
        self.batch.push(Victim { head, entry, pages, is_alone });
    }

    /// Writes the batch; what may not be tried any more is put back.
    pub(super) fn write_batch(&mut self, pass: &mut Pass) {
        let mut batch = core::mem::take(&mut self.batch);
        batch.sort_unstable_by_key(|victim| victim.entry);
        let mut rest = &batch[..];
        while !rest.is_empty() {
            let (run, tail) = rest.split_at(run_length(rest, self.config.bugs));
            if pass.failures_left > 0 {
                self.write_run(run, pass);
            } else {
                run.iter().for_each(|victim| self.put_back(victim.head));
            }
            rest = tail;
        }
        batch.clear();
        self.batch = batch;
    }

    fn put_back(&mut self, head: FrameId) {
        self.frames.folio_mut(head).io = FolioIo::Idle;
        self.map_from_slots(head);
    }

    /// One I/O: `run` is at least one folio in consecutive slots of one area.
    fn write_run(&mut self, run: &[Victim], pass: &mut Pass) {
        let entry = run[0].entry;
        let mut io_pages = self.take_io();
        for victim in run {
            self.frames.folio_mut(victim.head).io = FolioIo::Writing;
            self.frames.lend(victim.head, &mut io_pages);
        }
        let pages = io_pages.len() as u32;
        self.tracer.emit(Event::SwapOutBegin { entry, pages });
        let path = self.area_of(entry).path();
        let result = if self.config.bugs.has(Bug::EarlyCompletion) {
            self.write_late(entry, run);
            Ok(())
        } else {
            self.area_of(entry).rw(Direction::Write, entry.slot, &mut io_pages, Context::SwapOut)
        };
        self.tracer.emit(Event::SwapOutEnd {
            entry,
            pages,
            error: result.err().map(|failure| failure.errno),
        });
        let mut back = io_pages.drain(..);
        for victim in run {
            self.frames.take_back(victim.head, &mut back);
            self.frames.folio_mut(victim.head).io = FolioIo::Idle;
        }
        drop(back);
        self.give_io(io_pages);
        self.stats.swap_outs += 1;
        // The knob takes an error for success, as the mail fears.
        match result.err().filter(|_| !self.config.knobs.is_write_error_dropped) {
            None => {
                pass.freed += pages as usize;
                self.stats.swapped_out_pages += u64::from(pages);
                run.iter().for_each(|victim| self.drop_from_cache(victim.head));
            }
            Some(failure) => {
                pass.failures_left -= 1;
                self.stats.write_errors += 1;
                let cause = Cause::new(path, &failure);
                run.iter().for_each(|victim| self.redirty(victim, cause));
            }
        }
    }

    fn redirty(&mut self, victim: &Victim, cause: Cause) {
        let page = self.frames.folio(victim.head).page as u64;
        for offset in 0..victim.pages {
            let entry = SwapEntry { slot: victim.entry.slot + offset, ..victim.entry };
            self.tracer.emit(Event::WriteError { page: page + u64::from(offset), entry, cause });
        }
        let is_dirty = !self.config.bugs.has(Bug::WriteErrorTrusted);
        let folio = self.frames.folio_mut(victim.head);
        (folio.is_dirty, folio.has_write_failed) = (is_dirty, true);
        self.map_from_slots(victim.head);
    }

    /// A vector for one I/O, from the pool.
    pub(super) fn take_io(&mut self) -> Vec<D::Page> {
        self.io_vectors.pop().expect("one I/O at a time")
    }

    /// It goes back, empty.
    pub(super) fn give_io(&mut self, vector: Vec<D::Page>) {
        assert!(vector.is_empty(), "every page went back to its folio");
        self.io_vectors.push(vector);
    }
}

/// How many victims at the front of the sorted batch can be written with one I/O.
fn run_length(batch: &[Victim], bugs: Bugs) -> usize {
    let is_together = |pair: &[Victim]| {
        let (one, next) = (&pair[0], &pair[1]);
        !one.is_alone
            && !next.is_alone
            && (one.entry.area == next.entry.area || bugs.has(Bug::AreaMixup))
            && (one.entry.slot.checked_add(one.pages) == Some(next.entry.slot)
                || bugs.has(Bug::GapWritten)
                || bugs.has(Bug::AreaMixup) && one.entry.area != next.entry.area)
    };
    let joints = batch.windows(2).take_while(|pair| is_together(pair));
    (joints.count() + 1).min(batch.len()).min(CLUSTER_PAGES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AreaId;
    use std::vec::Vec;

    fn length(batch: &[(u32, u32, bool)]) -> usize {
        let victim = |&(area, slot, is_alone)| Victim {
            head: FrameId(0),
            entry: SwapEntry { area: AreaId(area), slot },
            pages: 1,
            is_alone,
        };
        run_length(&batch.iter().map(victim).collect::<Vec<_>>(), Bugs::default())
    }

    #[test]
    fn consecutive_slots_are_one_run() {
        assert_eq!(length(&[]), 0);
        assert_eq!(length(&[(1, 7, false)]), 1);
        assert_eq!(length(&[(1, 7, false), (1, 8, false), (1, 9, false)]), 3);
    }

    #[test]
    fn a_gap_and_the_end_of_an_area_end_a_run() {
        assert_eq!(length(&[(1, 7, false), (1, 9, false)]), 1);
        assert_eq!(length(&[(1, 7, false), (2, 8, false)]), 1);
        assert_eq!(length(&[(1, u32::MAX, false), (2, 0, false)]), 1);
    }

    #[test]
    fn a_page_that_failed_is_written_alone() {
        assert_eq!(length(&[(1, 7, true), (1, 8, false)]), 1);
        assert_eq!(length(&[(1, 7, false), (1, 8, true)]), 1);
        assert_eq!(length(&[(1, 6, false), (1, 7, false), (1, 8, true)]), 2);
    }
}
