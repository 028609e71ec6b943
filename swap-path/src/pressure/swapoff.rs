//! Turning the area off while tasks use the memory (Linux `try_to_unuse`).
//!
//! A fault may have in hand what swapoff comes for, or come for what swapoff has in hand. Whoever is first marks
//! the page; the other one waits, and looks again.

use alloc::vec::Vec;

use block::BlockDevice;
use hal::{UserMemory, UserPage};
use tasks::Gfp;

use super::TaskMm;
use super::pages::{Page, Place, Resident};
use crate::events::Event;
use crate::{Bug, PoisonedPage, SwapoffError, SwapoffReport};

impl<U: UserMemory, D: BlockDevice> TaskMm<U, D> {
    /// Brings every page back and takes its slot from it. Nothing is written to the area meanwhile, so there must
    /// be memory for all. The file stays claimed: letting go of it is the caller's.
    ///
    /// # Errors
    /// [`SwapoffError::OutOfMemory`]; the area stays on, and what came back stays in memory. Pages that cannot be
    /// read are no error: they are poisoned, and the report names them.
    pub fn swapoff(&self) -> Result<SwapoffReport, SwapoffError> {
        let (area, path) = (self.area, self.path());
        let pages = self.pages.borrow().in_slots();
        self.pages.borrow_mut().is_off = true;
        self.tracer.emit(Event::SwapOffBegin { area, path, pages });
        let mut report =
            SwapoffReport { area, path, pages_read: 0, pages_cached: 0, poisoned: Vec::new() };
        let mut from = 0;
        loop {
            let next = self.pages.borrow().next_in_slot(from);
            let Some((slot, index)) = next else { break };
            if !self.unuse(slot, index, &mut report) {
                self.pages.borrow_mut().is_off = false;
                return Err(SwapoffError::OutOfMemory { pages: u64::from(pages) });
            }
            from = slot + 1;
        }
        self.tracer.emit(Event::SwapOff {
            area,
            path,
            pages_read: report.pages_read as u32,
            pages_lost: report.poisoned.len() as u32,
        });
        Ok(report)
    }

    /// Empties a slot, unless there is no memory for its page.
    fn unuse(&self, slot: u32, index: usize, report: &mut SwapoffReport) -> bool {
        loop {
            match self.find(slot, index) {
                Place::Busy => self.wait_for_transfer(index),
                Place::Resident => {
                    report.pages_cached += 1;
                    self.pages.borrow_mut().free_slot(slot, index);
                    break;
                }
                Place::Swapped(_) => {
                    let Some(frame) = self.get_page(Gfp::KERNEL) else { return false };
                    // The allocation may have waited.
                    if !matches!(self.find(slot, index), Place::Swapped(_)) {
                        self.give_page(frame);
                        continue;
                    }
                    self.bring_back(slot, index, frame, report);
                    break;
                }
                Place::Untouched | Place::Poisoned => unreachable!("page {index} has a slot"),
            }
        }
        let entry = self.entry(slot);
        self.tracer.emit(Event::SlotFree { page: index as u64, entry });
        self.tasks.progress();
        true
    }

    /// Where swapoff believes the slot's page to be: with the bug it comes for it whoever has it in hand.
    fn find(&self, slot: u32, index: usize) -> Place {
        match self.pages.borrow().place(index) {
            Place::Busy if self.config.bugs.has(Bug::SwapoffRacesFault) => Place::Swapped(slot),
            place => place,
        }
    }

    fn bring_back(&self, slot: u32, index: usize, frame: D::Page, report: &mut SwapoffReport) {
        self.take_page_in_hand(index);
        match self.read(index, slot, frame) {
            Ok(()) => report.pages_read += 1,
            Err(cause) => {
                let (page, entry) = (UserPage(index as u64), self.entry(slot));
                self.pages.borrow_mut().set(index, Page::Poisoned);
                self.tracer.emit(Event::Poison { page: page.0, entry, cause });
                report.poisoned.push(PoisonedPage { page, entry, cause });
            }
        }
        self.pages.borrow_mut().free_slot(slot, index);
        self.let_go_of_page(index);
    }

    /// What [`Bug::SwapoffRacesFault`] does to who was here first.
    pub(super) fn evict_rival(&self, index: usize) {
        let _ = self.user.unmap(UserPage(index as u64));
        let pages = &mut *self.pages.borrow_mut();
        if let Page::Resident(Resident { frame, .. }) = pages.set(index, Page::Busy) {
            pages.lru.retain(|resident| *resident != index);
            self.zone.borrow_mut().give(frame);
        }
    }
}
