//! Which free slots are handed out (Linux: the cluster allocator).
//!
//! Single slots come from clusters that were wholly free, so that pages that go out together lie
//! together; when no such cluster is left, wherever there is one. Folios get aligned runs. The same
//! calls always give the same slots.

use alloc::vec;
use alloc::vec::Vec;

/// Slots of a cluster: one reclaim batch can fill it (Linux `SWAPFILE_CLUSTER` is 512).
pub(super) const CLUSTER: usize = crate::path::CLUSTER_PAGES_MAX;

/// How full each cluster is, and where allocation goes on.
#[derive(Debug)]
pub(super) struct Clusters {
    /// Slots of each cluster that are not free.
    used: Vec<u16>,
    size: usize,
    /// The next slot to try, in the cluster that is being filled.
    next: usize,
    /// The same for folios: they do not break into the cluster that single pages fill.
    next_run: usize,
}

impl Clusters {
    /// For an area of `size` slots, all free. Allocates.
    pub(super) fn new(size: usize) -> Self {
        Self { used: vec![0; size.div_ceil(CLUSTER)], size, next: 1, next_run: 0 }
    }

    /// Memory, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.used.len() * size_of::<u16>()
    }

    /// `pages` slots from `first` on are taken.
    pub(super) fn take(&mut self, first: usize, pages: usize) {
        let (mut at, end) = (first, first + pages);
        while at < end {
            let next = end.min((at + 1).next_multiple_of(CLUSTER));
            self.used[at / CLUSTER] += (next - at) as u16;
            at = next;
        }
    }

    /// One slot is free again.
    pub(super) fn give(&mut self, slot: usize) {
        self.used[slot / CLUSTER] = self.used[slot / CLUSTER].saturating_sub(1);
    }

    /// A free slot, or the first of `1 << order` aligned ones. Allocation goes on behind it.
    pub(super) fn find(&mut self, order: u8, is_free: impl Fn(usize) -> bool) -> Option<usize> {
        if order > 0 {
            return self.run(1 << order, is_free);
        }
        let slot = self
            .in_cluster(&is_free)
            .or_else(|| self.in_free_cluster(&is_free))
            .or_else(|| self.anywhere(&is_free))?;
        self.next = slot + 1;
        Some(slot)
    }

    /// The rest of the cluster that is being filled.
    fn in_cluster(&self, is_free: &impl Fn(usize) -> bool) -> Option<usize> {
        if self.next.is_multiple_of(CLUSTER) {
            // It was filled to its end; the next one may be in use.
            return None;
        }
        let end = self.next.next_multiple_of(CLUSTER).min(self.size);
        (self.next..end).find(|&slot| is_free(slot))
    }

    fn in_free_cluster(&self, is_free: &impl Fn(usize) -> bool) -> Option<usize> {
        let clusters = self.used.len();
        let first = self.next / CLUSTER;
        let cluster = (0..clusters)
            .map(|step| (first + step) % clusters)
            .find(|&cluster| self.used[cluster] == 0)?;
        Some(cluster * CLUSTER).filter(|&slot| is_free(slot))
    }

    fn anywhere(&self, is_free: &impl Fn(usize) -> bool) -> Option<usize> {
        (0..self.size).map(|step| (self.next + step) % self.size).find(|&slot| is_free(slot))
    }

    fn run(&mut self, pages: usize, is_free: impl Fn(usize) -> bool) -> Option<usize> {
        let runs = self.size / pages;
        let from = self.next_run / pages;
        let starts = (0..runs).map(|step| (from + step) % runs * pages);
        let first = starts.into_iter().find(|&first| self.is_free_run(first, pages, &is_free))?;
        self.next_run = first + pages;
        Some(first)
    }

    fn is_free_run(&self, first: usize, pages: usize, is_free: &impl Fn(usize) -> bool) -> bool {
        let clusters = &self.used[first / CLUSTER..(first + pages).div_ceil(CLUSTER)];
        if clusters.iter().all(|used| *used == 0) {
            // Whatever could not be handed out there has been counted.
            return true;
        }
        pages < CLUSTER && (first..first + pages).all(is_free)
    }
}
