//! Writing victims to swap, neighbours together.
//!
//! A failed write loses nothing: the page goes back into memory, dirty, and its slot is not relied
//! on until a write to it has succeeded (Linux `end_swap_bio_write`, `sio_write_complete`).

use block::BlockDevice;
use hal::UserMemory;
use iomap::{Context, Direction};

use super::Mm;
use super::page::{PageState, Resident};
use super::reclaim::Pass;
use crate::SwapEntry;
use crate::events::{Cause, Event};

/// An isolated page with the slot that it is written to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Victim {
    pub(super) index: usize,
    pub(super) entry: SwapEntry,
    /// It is not written together with others.
    pub(super) is_alone: bool,
}

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Writes the batch; what may not be tried any more is put back.
    pub(super) fn write_batch(&mut self, pass: &mut Pass) {
        let mut batch = core::mem::take(&mut self.batch);
        batch.sort_unstable_by_key(|victim| victim.entry);
        let mut rest = &batch[..];
        while !rest.is_empty() {
            let (run, tail) = rest.split_at(run_length(rest));
            if pass.failures_left > 0 {
                self.write_run(run, pass);
            } else {
                run.iter().for_each(|victim| self.put_back(victim.index));
            }
            rest = tail;
        }
        batch.clear();
        self.batch = batch;
    }

    /// One I/O: `run` is at least one page in consecutive slots of one area.
    fn write_run(&mut self, run: &[Victim], pass: &mut Pass) {
        let (entry, pages) = (run[0].entry, run.len() as u32);
        let mut io_pages = core::mem::take(&mut self.io_pages);
        for victim in run {
            io_pages.push(self.take_resident(victim.index).frame);
            self.pages[victim.index] = PageState::InFlight(victim.entry);
        }
        self.tracer.emit(Event::SwapOutBegin { entry, pages });
        let area = self.area_of(entry);
        let path = area.path();
        let result = area.rw(Direction::Write, entry.slot, &mut io_pages, Context::SwapOut);
        self.tracer.emit(Event::SwapOutEnd {
            entry,
            pages,
            error: result.err().map(|failure| failure.errno),
        });
        self.stats.swap_outs += 1;
        // The knob takes an error for success, as the mail fears.
        match result.err().filter(|_| !self.config.knobs.is_write_error_dropped) {
            None => {
                pass.freed += run.len();
                self.stats.swapped_out_pages += run.len() as u64;
                for (victim, frame) in run.iter().zip(io_pages.drain(..)) {
                    self.pages[victim.index] = PageState::Swapped(victim.entry);
                    self.put_frame(frame);
                }
            }
            Some(failure) => {
                pass.failures_left -= 1;
                self.stats.write_errors += 1;
                let cause = Cause::new(path, &failure);
                for (victim, frame) in run.iter().zip(io_pages.drain(..)) {
                    self.redirty(victim, frame, cause);
                }
            }
        }
        self.io_pages = io_pages;
    }

    fn redirty(&mut self, victim: &Victim, frame: D::Page, cause: Cause) {
        self.tracer.emit(Event::WriteError {
            page: victim.index as u64,
            entry: victim.entry,
            cause,
        });
        self.make_resident(
            victim.index,
            Resident { frame, entry: Some(victim.entry), is_dirty: true, has_write_failed: true },
        );
    }
}

/// How many victims at the front of the sorted batch can be written with one I/O.
fn run_length(batch: &[Victim]) -> usize {
    let is_together = |pair: &[Victim]| {
        let (one, next) = (&pair[0], &pair[1]);
        !one.is_alone
            && !next.is_alone
            && one.entry.area == next.entry.area
            && one.entry.slot.checked_add(1) == Some(next.entry.slot)
    };
    let joints = batch.windows(2).take_while(|pair| is_together(pair));
    (joints.count() + 1).min(batch.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AreaId;
    use std::vec::Vec;

    fn length(batch: &[(u32, u32, bool)]) -> usize {
        let victim = |&(area, slot, is_alone)| Victim {
            index: 0,
            entry: SwapEntry { area: AreaId(area), slot },
            is_alone,
        };
        run_length(&batch.iter().map(victim).collect::<Vec<_>>())
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
