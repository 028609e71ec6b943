//! Which slot of an area belongs to which page.
//!
//! Slots are handed out from clusters that were wholly free, so that pages that go out together lie
//! together (Linux `scan_swap_map_try_ssd_cluster`); when no such cluster is left, wherever there is
//! one. The same calls always give the same slots.
//!
//! Invariant: slot 0 is the header and is never handed out.

use alloc::vec;
use alloc::vec::Vec;

use crate::path::CLUSTER_PAGES_MAX;

/// Slots of a cluster: one I/O can fill it.
const CLUSTER: usize = CLUSTER_PAGES_MAX;

/// No page owns the slot.
const FREE: u64 = u64::MAX;
/// The slot is the header's.
const HEADER: u64 = u64::MAX - 1;

/// The slots of one area and their owners.
#[derive(Debug)]
pub(crate) struct SlotMap {
    owners: Vec<u64>,
    /// Used slots of each cluster.
    cluster_used: Vec<u16>,
    used: u32,
    /// The next slot to try, in the cluster that is being filled.
    next: usize,
}

impl SlotMap {
    /// A map for an area of `size` slots, the header's included. Allocates; nothing else here does.
    pub(crate) fn new(size: u32) -> Self {
        let size = size as usize;
        let mut owners = vec![FREE; size];
        let mut cluster_used = vec![0; size.div_ceil(CLUSTER)];
        if let (Some(header), Some(used)) = (owners.first_mut(), cluster_used.first_mut()) {
            *header = HEADER;
            *used = 1;
        }
        Self { owners, cluster_used, used: 0, next: 1 }
    }

    /// Slots for pages.
    pub(crate) fn size(&self) -> u32 {
        self.owners.len().saturating_sub(1) as u32
    }

    /// Slots that have an owner.
    pub(crate) const fn used(&self) -> u32 {
        self.used
    }

    /// Gives `owner` a slot, if one is free.
    pub(crate) fn alloc(&mut self, owner: u64) -> Option<u32> {
        assert!(owner < HEADER, "page {owner} is no page number");
        if self.used == self.size() {
            return None;
        }
        let slot = self.in_cluster().or_else(|| self.in_free_cluster());
        let slot = slot.or_else(|| self.anywhere())?;
        self.owners[slot] = owner;
        self.cluster_used[slot / CLUSTER] += 1;
        self.used += 1;
        self.next = slot + 1;
        Some(slot as u32)
    }

    /// Takes the slot from its owner.
    pub(crate) fn free(&mut self, slot: u32, owner: u64) {
        let index = slot as usize;
        assert_eq!(
            self.owners.get(index).copied(),
            Some(owner),
            "slot {slot} is freed by its owner"
        );
        self.owners[index] = FREE;
        self.cluster_used[index / CLUSTER] -= 1;
        self.used -= 1;
    }

    /// Who owns the slot.
    pub(crate) fn owner(&self, slot: u32) -> Option<u64> {
        let owner = *self.owners.get(slot as usize)?;
        (owner < HEADER).then_some(owner)
    }

    /// The slots that have an owner, in order, with their owners.
    pub(crate) fn iter_used(&self) -> impl Iterator<Item = (u32, u64)> {
        let slots = self.owners.iter().copied().enumerate();
        slots.filter(|&(_, owner)| owner < HEADER).map(|(slot, owner)| (slot as u32, owner))
    }

    /// The first slot from `from` on that has an owner, with its owner.
    pub(crate) fn next_used(&self, from: u32) -> Option<(u32, u64)> {
        let slots = from..self.owners.len() as u32;
        slots.into_iter().find_map(|slot| Some((slot, self.owner(slot)?)))
    }

    /// The rest of the cluster that is being filled.
    fn in_cluster(&self) -> Option<usize> {
        if self.next.is_multiple_of(CLUSTER) {
            // It was filled to its end; the next one may be in use.
            return None;
        }
        let end = self.next.next_multiple_of(CLUSTER).min(self.owners.len());
        (self.next..end).find(|&slot| self.owners[slot] == FREE)
    }

    fn in_free_cluster(&self) -> Option<usize> {
        let clusters = self.cluster_used.len();
        let first = self.next / CLUSTER;
        let cluster = (0..clusters)
            .map(|step| (first + step) % clusters)
            .find(|&cluster| self.cluster_used[cluster] == 0)?;
        Some(cluster * CLUSTER)
    }

    fn anywhere(&self) -> Option<usize> {
        let size = self.owners.len();
        (0..size).map(|step| (self.next + step) % size).find(|&slot| self.owners[slot] == FREE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_never_handed_out() {
        let mut map = SlotMap::new(100);
        let slots: Vec<_> = (0..99).map(|owner| map.alloc(owner).unwrap()).collect();
        assert_eq!(map.alloc(99), None);
        let mut sorted = slots.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (1..100).collect::<Vec<_>>());
        assert_eq!(map.used(), 99);
    }

    #[test]
    fn neighbours_in_time_are_neighbours_on_the_device() {
        let mut map = SlotMap::new(256);
        let slots: Vec<_> = (0..200).map(|owner| map.alloc(owner).unwrap()).collect();
        let jumps = slots.windows(2).filter(|pair| pair[0] + 1 != pair[1]);
        assert_eq!(jumps.count(), 0, "{slots:?}");
    }

    #[test]
    fn a_free_cluster_is_preferred_to_holes() {
        let mut map = SlotMap::new(4 * CLUSTER as u32);
        for owner in 0..2 * CLUSTER as u64 {
            map.alloc(owner).unwrap();
        }
        map.free(5, 4);
        let slots: Vec<_> =
            (100..100 + 2 * CLUSTER as u64 - 1).map(|owner| map.alloc(owner).unwrap()).collect();
        assert!(!slots.contains(&5), "{slots:?}");
        assert_eq!(map.alloc(7), Some(5));
        assert_eq!(map.alloc(8), None);
    }

    #[test]
    fn a_cluster_that_became_free_is_used_again_as_a_whole() {
        let mut map = SlotMap::new(4 * CLUSTER as u32);
        for owner in 0..4 * CLUSTER as u64 - 1 {
            assert_eq!(map.alloc(owner), Some(owner as u32 + 1));
        }
        let cluster = 2 * CLUSTER as u32..3 * CLUSTER as u32;
        map.free(5, 4);
        for slot in cluster.clone() {
            map.free(slot, u64::from(slot) - 1);
        }
        for slot in cluster {
            assert_eq!(map.alloc(0), Some(slot));
        }
        assert_eq!(map.alloc(0), Some(5));
    }

    #[test]
    #[should_panic(expected = "is freed by its owner")]
    fn nobody_frees_the_slot_of_another() {
        let mut map = SlotMap::new(10);
        let slot = map.alloc(1).unwrap();
        map.free(slot, 2);
    }

    #[test]
    fn an_area_of_a_header_alone_has_no_slot() {
        assert_eq!(SlotMap::new(1).alloc(0), None);
        assert_eq!(SlotMap::new(0).alloc(0), None);
    }
}
