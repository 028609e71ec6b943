//! Clean metadata blocks in memory, a bounded number of them.
//!
//! What is not clean (logged or not yet logged) is the journal's and never thrown away. Blocks of a
//! pinned owner stay: an active swap file's map must be in memory, because its mapping may not read.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::rc::Rc;

use crate::format::Image;
use crate::format::bytes::get_u64;

/// Blocks that are kept if nobody pins more: 4 MiB.
const BLOCKS_MAX: usize = 1024;

/// Where the owner is in every header.
const OWNER_AT: usize = 40;

#[derive(Debug)]
struct Entry {
    image: Rc<Image>,
    is_recent: bool,
}

/// The cache.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    blocks: BTreeMap<u64, Entry>,
    /// In the order in which they are looked at for eviction.
    order: VecDeque<u64>,
    pinned: BTreeSet<u64>,
}

impl Cache {
    pub(crate) fn get(&mut self, block: u64) -> Option<Rc<Image>> {
        let entry = self.blocks.get_mut(&block)?;
        entry.is_recent = true;
        Some(Rc::clone(&entry.image))
    }

    /// Looks without leaving a mark.
    pub(crate) fn peek(&self, block: u64) -> Option<Rc<Image>> {
        self.blocks.get(&block).map(|entry| Rc::clone(&entry.image))
    }

    pub(crate) fn put(&mut self, block: u64, image: Rc<Image>) {
        let entry = Entry { image, is_recent: false };
        if self.blocks.insert(block, entry).is_none() {
            self.order.push_back(block);
        }
        self.shrink();
    }

    pub(crate) fn remove(&mut self, block: u64) {
        // Its place in the order goes when it comes to the front.
        self.blocks.remove(&block);
    }

    /// The blocks of `owner` stay from now on.
    pub(crate) fn pin(&mut self, owner: u64) {
        self.pinned.insert(owner);
    }

    pub(crate) fn unpin(&mut self, owner: u64) {
        self.pinned.remove(&owner);
        self.shrink();
    }

    /// Places of blocks that were removed and put again are in the order twice.
    fn compact(&mut self) {
        if self.order.len() / 2 > self.blocks.len().max(BLOCKS_MAX) {
            let mut seen = BTreeSet::new();
            let Self { blocks, order, .. } = self;
            order.retain(|block| blocks.contains_key(block) && seen.insert(*block));
        }
    }

    /// Second chance: what was used since it was last looked at goes to the back once.
    fn shrink(&mut self) {
        self.compact();
        let mut looks = self.order.len().saturating_mul(2);
        while self.blocks.len() > BLOCKS_MAX && looks > 0 {
            looks = looks.saturating_sub(1);
            let Some(block) = self.order.pop_front() else { break };
            let Some(entry) = self.blocks.get_mut(&block) else { continue };
            let owner = get_u64(&entry.image[..], OWNER_AT);
            if entry.is_recent || (owner != 0 && self.pinned.contains(&owner)) {
                entry.is_recent = false;
                self.order.push_back(block);
            } else {
                self.blocks.remove(&block);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::blank;

    fn owned(owner: u64) -> Rc<Image> {
        let mut image = blank();
        crate::format::bytes::put_u64(&mut image[..], OWNER_AT, owner);
        Rc::new(image)
    }

    #[test]
    fn the_cache_is_bounded_and_keeps_what_is_used_and_what_is_pinned() {
        let mut cache = Cache::default();
        cache.pin(7);
        (0..10).for_each(|block| cache.put(block, owned(7)));
        cache.put(10, owned(1));
        for block in 11..5000 {
            cache.put(block, owned(1));
            assert!(cache.get(10).is_some(), "used all the time");
        }
        assert_eq!(cache.blocks.len(), BLOCKS_MAX);
        assert!((0..10).all(|block| cache.peek(block).is_some()));
        assert!(cache.peek(11).is_none());
        cache.unpin(7);
        (5000..9000).for_each(|block| cache.put(block, owned(1)));
        assert!((0..10).all(|block| cache.peek(block).is_none()));
        assert!(cache.order.len() <= BLOCKS_MAX + 16);
    }
}
