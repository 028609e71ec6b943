//! Tasks that write to pages which a swapoff is bringing back: both want the same page at the same time.

use block::BlockDevice;
use hal::UserMemory;

use crate::crowd::{Hog, Member};

/// How far the swapoff is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Swapoff {
    /// The pages are still being filled.
    #[default]
    NotBegun,
    /// Everything was evicted.
    Begun,
    /// It is through, or was refused.
    Over,
}

impl<U: UserMemory, D: BlockDevice> Member<U, D> {
    /// Fills pages, writes to them again while swap is turned off, and checks them afterwards.
    pub(crate) fn update_beside_swapoff(&self, seed: u64, first: u64, pages: u64) {
        let mut hog = Hog::new(self, seed, first, pages);
        let mut update = || {
            hog.fill(1)?;
            self.crowd.filled.set(self.crowd.filled.get() + 1);
            self.sleep_until(|| self.crowd.swapoff.get() != Swapoff::NotBegun);
            hog.fill(2)?;
            self.sleep_until(|| self.crowd.swapoff.get() == Swapoff::Over);
            hog.check()
        };
        let right = update().unwrap_or(0);
        self.crowd.right.set(self.crowd.right.get() + right);
        self.crowd.hogs_left.set(self.crowd.hogs_left.get() - 1);
    }

    /// Evicts everything when it is filled, and turns swap off. What came of it is in the trace.
    pub(crate) fn turn_off_beside_updates(&self) {
        self.sleep_until(|| self.crowd.filled.get() >= self.crowd.hogs_left.get());
        self.pressure.page_out();
        self.pressure.wait_for_writeback();
        self.crowd.swapoff.set(Swapoff::Begun);
        if let Err(error) = self.pressure.swapoff() {
            self.crowd.refused.set(Some(error.errno()));
        }
        self.crowd.swapoff.set(Swapoff::Over);
    }

    fn sleep_until(&self, is_so: impl Fn() -> bool) {
        while !is_so() {
            self.sleep(1);
        }
    }
}
