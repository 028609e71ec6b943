//! Frames: the free ones, the limit, and the reserve beyond it.

use block::BlockDevice;
use hal::{DmaBuf, PAGE_BYTES, UserMemory, UserPage};

use super::Mm;
use super::page::{PageState, Resident};
use crate::events::Event;

const ZEROS: [u8; PAGE_BYTES] = [0; PAGE_BYTES];

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// A frame for a page that faults, with any content. `None`: the limit and the reserve are used up
    /// and nothing could be reclaimed in a bounded number of attempts.
    pub(super) fn frame_for(&mut self, index: usize) -> Option<D::Page> {
        let (page, limit) = (index as u64, self.config.resident_pages_max);
        if self.queue.len() >= limit {
            let excess = self.queue.len() + 1 - limit;
            self.reclaim(excess.max(self.config.cluster_pages));
        }
        let resident_pages = self.queue.len() as u64;
        if self.queue.len() >= self.config.frames() {
            self.stats.out_of_memory += 1;
            self.tracer.emit(Event::OutOfMemory { page, resident_pages });
            return None;
        }
        if self.queue.len() >= limit {
            self.tracer.emit(Event::ReserveUsed { page, resident_pages });
        }
        Some(self.frames.pop().expect("a page that is not resident has left its frame"))
    }

    /// Takes a frame back. One that came in addition (at a swapoff) goes back to the device's memory.
    pub(super) fn put_frame(&mut self, frame: D::Page) {
        if self.frames_total > self.config.frames() {
            self.frames_total -= 1;
        } else {
            self.frames.push(frame);
        }
    }

    /// Fills a frame with zeros.
    pub(super) fn zero(frame: &D::Page) {
        frame.write(0, &ZEROS);
    }

    /// Maps a page and puts it at the end of the queue.
    pub(super) fn make_resident(&mut self, index: usize, resident: Resident<D::Page>) {
        self.user.map(UserPage(index as u64), resident.frame.iova());
        self.pages[index] = PageState::Resident(resident);
        self.queue.push_back(index);
        let peak = &mut self.stats.resident_pages_peak;
        *peak = (*peak).max(self.queue.len() as u64);
    }

    /// Takes a resident page off the page table. Its bits are final then.
    pub(super) fn unmap(&self, index: usize, frame: &D::Page) -> hal::Unmapped {
        let unmapped = self.user.unmap(UserPage(index as u64)).expect("a resident page is mapped");
        assert_eq!(unmapped.frame, frame.iova(), "page {index} is mapped to its own frame");
        unmapped
    }
}
