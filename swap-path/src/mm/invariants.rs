//! What must hold between two calls. For tests and for the laboratory's own doubts.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;

use block::BlockDevice;
use hal::{DmaBuf, UserMemory};

use super::Mm;
use super::page::PageState;
use crate::SwapEntry;

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Checks every page, frame and slot against each other. Allocates; linear in their number.
    ///
    /// # Errors
    /// The first thing that does not hold, in words.
    pub fn check_invariants(&self) -> Result<(), String> {
        self.check_pages()?;
        self.check_queue()?;
        self.check_slots()?;
        self.check_frames()
    }

    fn check_pages(&self) -> Result<(), String> {
        if !self.batch.is_empty() || !self.io_pages.is_empty() {
            return Err(String::from("pages are left over from an I/O"));
        }
        for (index, page) in self.pages.iter().enumerate() {
            match page {
                PageState::Isolated(_) | PageState::InFlight(_) => {
                    return Err(format!("page {index} is in flight while nothing runs"));
                }
                _ => {}
            }
            if let Some(entry) = page.entry()
                && self.owner(entry) != Some(index as u64)
            {
                return Err(format!(
                    "page {index} claims slot {entry}, which belongs to {:?}",
                    self.owner(entry)
                ));
            }
        }
        Ok(())
    }

    fn owner(&self, entry: SwapEntry) -> Option<u64> {
        let area = self.areas.iter().find(|area| area.id == entry.area)?;
        area.slots.owner(entry.slot)
    }

    fn check_queue(&self) -> Result<(), String> {
        let queued: BTreeSet<usize> = self.queue.iter().copied().collect();
        let is_resident = |index: &usize| matches!(self.pages[*index], PageState::Resident(_));
        let resident: BTreeSet<usize> = (0..self.pages.len()).filter(is_resident).collect();
        if queued != resident || queued.len() != self.queue.len() {
            return Err(format!(
                "{} pages are resident, {} are queued in {} places",
                resident.len(),
                queued.len(),
                self.queue.len()
            ));
        }
        Ok(())
    }

    fn check_slots(&self) -> Result<(), String> {
        for area in &self.areas {
            let mut used = 0;
            for (slot, owner) in area.slots.iter_used() {
                used += 1;
                let entry = SwapEntry { area: area.id, slot };
                let page = usize::try_from(owner).ok().and_then(|i| self.pages.get(i));
                if slot == 0 || page.and_then(PageState::entry) != Some(entry) {
                    return Err(format!("slot {entry} belongs to page {owner}, which denies it"));
                }
            }
            if used != area.used_pages() {
                return Err(format!(
                    "area {} counts {} used slots, there are {used}",
                    area.id,
                    area.used_pages()
                ));
            }
        }
        Ok(())
    }

    fn check_frames(&self) -> Result<(), String> {
        let held = self.frames.len() + self.queue.len();
        if held != self.frames_total || held < self.config.frames() {
            return Err(format!(
                "{} frames are free and {} in use, {} exist and {} are the least",
                self.frames.len(),
                self.queue.len(),
                self.frames_total,
                self.config.frames()
            ));
        }
        let resident = self.pages.iter().filter_map(|page| match page {
            PageState::Resident(resident) => Some(&resident.frame),
            _ => None,
        });
        let distinct: BTreeSet<_> = resident.chain(&*self.frames).map(DmaBuf::iova).collect();
        if distinct.len() != held {
            return Err(format!("{held} frames are only {}", distinct.len()));
        }
        Ok(())
    }
}
