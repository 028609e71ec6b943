//! Getting memory: from the free pages, by waking kswapd, by reclaiming, or not at all (Linux
//! `__alloc_pages_slowpath`).
//!
//! Otherwise than Linux an allocation that may not fail gets no part of the reserve.

use core::time::Duration;

use block::BlockDevice;
use hal::{OutOfMemory, UserMemory};
use tasks::events::Event;
use tasks::{Gfp, LockClass, Memory};

use super::daemons::KSWAPD;
use super::zone::Zone;
use super::{FREE_PAGES, TaskMm};

/// Rounds after which nothing was reclaimed and nothing was on its way until an allocation fails (Linux `MAX_RECLAIM_RETRIES`).
const VAIN_ROUNDS_MAX: u32 = 16;

/// How long one waits for others to free pages (Linux `reclaim_throttle`).
const THROTTLE: Duration = Duration::from_millis(100);

impl<U: UserMemory, D: BlockDevice> TaskMm<U, D> {
    /// A page of memory.
    pub(super) fn get_page(&self, gfp: Gfp) -> Option<D::Page> {
        self.get(gfp, Zone::take)
    }

    /// Runs `attempt` with the free pages that it must leave, until it has what it wants.
    fn get<T>(
        &self,
        gfp: Gfp,
        attempt: impl Fn(&mut Zone<D::Page>, usize) -> Option<T>,
    ) -> Option<T> {
        let reclaims = self.tasks.reclaims();
        if gfp.contains(Gfp::FS) && !reclaims {
            self.tasks.wants(LockClass::FsReclaim);
        }
        let mut vain = 0;
        loop {
            let got = {
                let zone = &mut *self.zone.borrow_mut();
                let floor = if reclaims { 0 } else { zone.marks.min_pages };
                attempt(zone, floor)
            };
            self.check_low();
            if got.is_some() || reclaims || !gfp.contains(Gfp::RECLAIM) {
                return got;
            }
            let round = self.direct_reclaim(gfp);
            if round.freed > 0 {
                vain = 0;
                continue;
            }
            self.throttle();
            vain += u32::from(self.pages.borrow().in_writeback == 0);
            if vain > VAIN_ROUNDS_MAX && !gfp.contains(Gfp::NOFAIL) {
                return None;
            }
        }
    }

    /// Waits until pages are freed, but not for ever.
    pub(super) fn throttle(&self) {
        let deadline = self.tasks.now() + THROTTLE;
        // Who is no task has nobody to wait for, and tries again at once.
        let _ = self.tasks.wait(FREE_PAGES, deadline);
    }

    /// Enough pages are free, or will be when what is on its way has arrived.
    pub(super) fn is_balanced(&self) -> bool {
        let zone = self.zone.borrow();
        zone.free_pages() + self.pages.borrow().in_writeback >= zone.marks.high_pages
    }

    fn check_low(&self) {
        let free = {
            let zone = self.zone.borrow();
            if zone.free_pages() > zone.marks.low_pages {
                return;
            }
            zone.free_pages()
        };
        if !self.is_kswapd_awake.get() && !self.is_balanced() {
            self.is_kswapd_awake.set(true);
            self.tracer.emit(Event::WakeKswapd { free: free as u32 });
            self.tasks.wake_all(KSWAPD);
        }
    }

    /// A page is free again.
    pub(super) fn give_page(&self, page: D::Page) {
        self.zone.borrow_mut().give(page);
        self.tasks.wake_all(FREE_PAGES);
    }
}

impl<U: UserMemory, D: BlockDevice> Memory for TaskMm<U, D> {
    fn alloc(&self, bytes: usize, gfp: Gfp) -> Result<(), OutOfMemory> {
        self.get(gfp, |zone, floor| zone.take_bytes(bytes, floor)).ok_or(OutOfMemory)
    }

    fn free(&self, bytes: usize) {
        let freed = {
            let zone = &mut *self.zone.borrow_mut();
            let before = zone.free_pages();
            zone.give_bytes(bytes);
            zone.free_pages() > before
        };
        if freed {
            self.tasks.wake_all(FREE_PAGES);
        }
    }
}
