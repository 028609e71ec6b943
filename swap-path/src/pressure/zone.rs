//! Free pages, their watermarks, and the small allocations that slabs cut out of them (Linux `struct zone`).

use alloc::vec::Vec;

use hal::PAGE_BYTES;

use crate::Watermarks;

/// An eighth of the memory is the reserve.
fn marks_of(frames: usize) -> Watermarks {
    Watermarks::of(frames, frames / 8)
}

/// The pages that belong to nobody, and those that slabs took.
pub(super) struct Zone<P> {
    free: Vec<P>,
    slabs: Vec<P>,
    slab_bytes: usize,
    pub(super) marks: Watermarks,
}

impl<P> Zone<P> {
    pub(super) fn new(frames: Vec<P>) -> Self {
        let marks = marks_of(frames.len());
        Self { free: frames, slabs: Vec::new(), slab_bytes: 0, marks }
    }

    pub(super) const fn free_pages(&self) -> usize {
        self.free.len()
    }

    /// A page, if more than `floor` are free.
    pub(super) fn take(&mut self, floor: usize) -> Option<P> {
        if self.free.len() > floor { self.free.pop() } else { None }
    }

    pub(super) fn give(&mut self, page: P) {
        self.free.push(page);
    }

    /// `bytes` of slabs, if the pages that they need leave `floor` free.
    pub(super) fn take_bytes(&mut self, bytes: usize, floor: usize) -> Option<()> {
        let wanted = (self.slab_bytes + bytes).div_ceil(PAGE_BYTES);
        let missing = wanted.saturating_sub(self.slabs.len());
        if missing > 0 && self.free.len() < floor + missing {
            return None;
        }
        let at = self.free.len() - missing;
        self.slabs.extend(self.free.drain(at..));
        self.slab_bytes += bytes;
        Some(())
    }

    /// Gives `bytes` of slabs back; whole pages are free again.
    pub(super) fn give_bytes(&mut self, bytes: usize) {
        assert!(bytes <= self.slab_bytes, "more is given back than was taken");
        self.slab_bytes -= bytes;
        let needed = self.slab_bytes.div_ceil(PAGE_BYTES);
        self.free.extend(self.slabs.drain(needed..));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(frames: usize) -> Zone<usize> {
        Zone::new((0..frames).collect())
    }

    #[test]
    fn the_reserve_is_for_those_who_may_have_it() {
        let mut zone = zone(64);
        assert_eq!(zone.marks, Watermarks { min_pages: 8, low_pages: 10, high_pages: 12 });
        let taken = (0..).take_while(|_| zone.take(8).is_some()).count();
        assert_eq!((taken, zone.free_pages()), (56, 8));
        assert!(zone.take(0).is_some());
    }

    #[test]
    fn slabs_take_whole_pages_and_give_them_back() {
        let mut zone = zone(16);
        assert_eq!(zone.take_bytes(100, 2), Some(()));
        assert_eq!(zone.take_bytes(PAGE_BYTES - 100, 2), Some(()));
        assert_eq!(zone.free_pages(), 15);
        assert_eq!(zone.take_bytes(1, 2), Some(()));
        assert_eq!(zone.free_pages(), 14);
        assert_eq!(zone.take_bytes(13 * PAGE_BYTES, 2), None);
        zone.give_bytes(PAGE_BYTES);
        assert_eq!(zone.free_pages(), 15);
        zone.give_bytes(1);
        assert_eq!(zone.free_pages(), 16);
    }

    #[test]
    fn bytes_that_fit_into_a_slab_need_no_page() {
        let mut zone = zone(16);
        zone.take_bytes(100, 2).unwrap();
        while zone.take(0).is_some() {}
        assert_eq!(zone.take_bytes(100, 2), Some(()));
    }
}
