//! Choosing pages that have to go (Linux `shrink_folio_list`), for whoever asked.

use alloc::vec::Vec;

use block::BlockDevice;
use hal::{UserMemory, UserPage};
use tasks::events::Event as TaskEvent;
use tasks::{Gfp, LockClass};

use super::TaskMm;
use super::pages::{Page, Resident};
use crate::events::Event;

/// What one round of reclaim came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Round {
    /// Pages that are free now.
    pub(super) freed: usize,
    /// Pages that are on their way to swap.
    pub(super) written: usize,
    /// Pages that this allocation may not write: it must not enter the filesystem.
    pub(super) refused: usize,
}

/// A page that is about to be written.
pub(super) struct Victim<P> {
    pub(super) index: usize,
    pub(super) slot: u32,
    pub(super) frame: P,
}

impl<U: UserMemory, D: BlockDevice> TaskMm<U, D> {
    /// Reclaim on behalf of an allocation, by the allocator itself (Linux `__perform_reclaim`).
    pub(super) fn direct_reclaim(&self, gfp: Gfp) -> Round {
        let (task, free) = (self.tasks.current(), self.free_pages() as u32);
        self.tracer.emit(TaskEvent::DirectReclaim { task, free, gfp });
        let round = self.reclaim(gfp);
        self.tracer.emit(TaskEvent::DirectReclaimEnd {
            task,
            freed: round.freed as u32,
            written: round.written as u32,
            refused: round.refused as u32,
        });
        round
    }

    /// One round, inside of which memory comes from the reserve.
    pub(super) fn reclaim(&self, gfp: Gfp) -> Round {
        self.tasks.begin_reclaim();
        let is_fs = gfp.contains(Gfp::FS);
        if is_fs {
            self.tasks.wants(LockClass::FsReclaim);
            self.tasks.enter(LockClass::FsReclaim);
        }
        let round = self.shrink(self.config.cluster_pages, gfp);
        if is_fs {
            self.tasks.leave(LockClass::FsReclaim);
        }
        self.tasks.end_reclaim();
        round
    }

    /// Looks at each resident page at most twice: once to take its accessed bit, once to take it.
    fn shrink(&self, target: usize, gfp: Gfp) -> Round {
        // Linux `may_enter_fs`, and `__GFP_IO` for what needs no filesystem.
        let wanted = if self.split().enters_filesystem() { Gfp::IO | Gfp::FS } else { Gfp::IO };
        let may_write = gfp.contains(wanted);
        let mut round = Round::default();
        let mut victims = Vec::new();
        let mut scans = 2 * self.pages.borrow().lru.len();
        while scans > 0 && round.freed + victims.len() < target {
            scans -= 1;
            victims.extend(self.scan_oldest(may_write, &mut round));
        }
        round.written = victims.len();
        self.write(victims);
        round
    }

    /// Drops the oldest page, makes it a victim, or sends it to the end of the queue.
    fn scan_oldest(&self, may_write: bool, round: &mut Round) -> Option<Victim<D::Page>> {
        let pages = &mut *self.pages.borrow_mut();
        let index = pages.lru.pop_front()?;
        let Page::Resident(mut resident) = pages.set(index, Page::Busy) else {
            unreachable!("page {index} is in the queue and not in memory");
        };
        let unmapped = self.user.unmap(UserPage(index as u64)).expect("a resident page is mapped");
        resident.is_dirty |= unmapped.is_dirty;
        let is_clean = !resident.is_dirty && resident.slot.is_some();
        let keep = unmapped.is_accessed || (!is_clean && !may_write) || pages.is_off;
        round.refused += usize::from(!unmapped.is_accessed && keep);
        if !keep && is_clean {
            let slot = resident.slot.unwrap_or(0);
            pages.set(index, Page::Swapped(slot));
            self.zone.borrow_mut().give(resident.frame);
            let entry = Some(self.entry(slot));
            self.tracer.emit(Event::CleanDrop { page: index as u64, entry });
            self.tasks.wake_all(super::FREE_PAGES);
            round.freed += 1;
            return None;
        }
        let slot = if keep { None } else { resident.slot.or_else(|| pages.alloc_slot(index)) };
        let Some(slot) = slot else {
            self.user.map(UserPage(index as u64), hal::DmaBuf::iova(&resident.frame));
            pages.make_resident(index, resident);
            return None;
        };
        if resident.slot.is_none() {
            let entry = self.entry(slot);
            self.tracer.emit(Event::SlotAlloc { page: index as u64, entry });
        }
        pages.in_writeback += 1;
        let Resident { frame, .. } = resident;
        Some(Victim { index, slot, frame })
    }
}
