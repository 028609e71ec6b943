//! Shadow doorbells: the doorbells' values in memory, where a controller that polls finds them.
//!
//! The controller says in the second page (EventIdx) at whose passing it wants the register to be
//! written all the same. What it says there decides about register writes only: a lie costs a stall,
//! which the time-out ladder ends.
// Spec: NVMe-Base-2.0c 5.8 "Doorbell Buffer Config command"

use core::sync::atomic::{Ordering, fence};

use hal::DmaBuf;
use nvme_spec::register::{DOORBELLS, Doorbell};

/// The two pages.
#[derive(Debug)]
pub(crate) struct Shadow<D> {
    values: D,
    events: D,
    dstrd: u64,
    is_live: bool,
}

impl<D: DmaBuf> Shadow<D> {
    pub(crate) fn new(values: D, events: D, dstrd: u64) -> Self {
        Self { values, events, dstrd, is_live: false }
    }

    /// The addresses of the pages for Doorbell Buffer Config.
    pub(crate) fn addresses(&self) -> (u64, u64) {
        (self.values.iova().0, self.events.iova().0)
    }

    /// The controller took the pages.
    pub(crate) fn go_live(&mut self) {
        self.is_live = true;
    }

    /// The controller was disabled, and all doorbells are zero.
    pub(crate) fn reset(&mut self) {
        self.is_live = false;
        for page in [&self.values, &self.events] {
            let mut at = 0;
            while at < page.size_bytes() {
                page.write(at, &[0; 64]);
                at = at.saturating_add(64);
            }
        }
    }

    /// Notes the new value of a doorbell; `true` if the register has to be written.
    #[inline]
    pub(crate) fn ring(&self, bell: Doorbell, old: u16, new: u16) -> bool {
        let offset = bell.offset(self.dstrd).checked_sub(DOORBELLS);
        let offset = offset.and_then(|offset| usize::try_from(offset).ok());
        let is_inside = |at: &usize| at.saturating_add(4) <= self.values.size_bytes();
        let Some(at) = offset.filter(is_inside).filter(|_| self.is_live) else {
            return true;
        };
        self.values.write(at, &u32::from(new).to_le_bytes());
        // The controller writes EventIdx and then looks at the value; this is the other half.
        fence(Ordering::SeqCst);
        let [low, high, ..] = self.events.load_acquire_u32(at).to_le_bytes();
        is_passed(u16::from_le_bytes([low, high]), old, new)
    }
}

/// Whether going from `old` to `new` passes `event` (Linux `nvme_dbbuf_need_event`).
fn is_passed(event: u16, old: u16, new: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hal::testing::{DmaPool, PoolDma};

    fn shadow() -> Shadow<PoolDma> {
        let pool = DmaPool::new(2);
        let mut shadow = Shadow::new(pool.alloc(1).unwrap(), pool.alloc(1).unwrap(), 0);
        shadow.go_live();
        shadow
    }

    #[test]
    fn the_register_is_written_exactly_when_the_event_is_passed() {
        let shadow = shadow();
        let bell = Doorbell::SqTail(1);
        for (event, old, new, expected) in [
            (0, 0, 1, true),
            (1, 0, 1, false),
            (0xffff, 0, 1, false),
            (5, 4, 9, true),
            (9, 4, 9, false),
        ] {
            shadow.events.write(8, &u32::from(event as u16).to_le_bytes());
            assert_eq!(shadow.ring(bell, old, new), expected, "{event} {old} {new}");
            assert_eq!(shadow.values.load_acquire_u32(8), u32::from(new));
        }
    }

    #[test]
    fn before_the_controller_took_the_pages_and_beyond_them_only_the_register_counts() {
        let mut shadow = shadow();
        assert!(shadow.ring(Doorbell::SqTail(600), 1, 2));
        shadow.events.write(8, &[1, 0]);
        assert!(!shadow.ring(Doorbell::SqTail(1), 0, 1));
        shadow.reset();
        assert!(shadow.ring(Doorbell::SqTail(1), 0, 1));
        assert_eq!(shadow.values.load_acquire_u32(8), 0);
    }
}
