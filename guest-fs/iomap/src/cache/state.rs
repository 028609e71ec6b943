//! The tables of the page cache.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::ops::Range;

use super::{ErrSeq, Flight, Slot};

#[derive(Debug)]
struct Entry<P> {
    /// `None`: in flight.
    page: Option<P>,
    is_dirty: bool,
    /// Its place in the order of use.
    stamp: u64,
}

/// Pages by file and number; the clean and the dirty ones by last use.
#[derive(Debug)]
pub(super) struct State<I, P> {
    entries: BTreeMap<(I, u64), Entry<P>>,
    clean: BTreeMap<u64, (I, u64)>,
    dirty: BTreeMap<u64, (I, u64)>,
    /// Numbers of the dirty pages again, in file order: writeback looks for the next one.
    dirty_order: BTreeMap<(I, u64), ()>,
    next_stamp: u64,
    pub(super) pages: usize,
    pub(super) flights: VecDeque<Flight<I>>,
    pub(super) errors: BTreeMap<I, ErrSeq>,
}

impl<I: Copy + Ord, P> State<I, P> {
    pub(super) const fn new() -> Self {
        Self {
            entries: BTreeMap::new(),
            clean: BTreeMap::new(),
            dirty: BTreeMap::new(),
            dirty_order: BTreeMap::new(),
            next_stamp: 0,
            pages: 0,
            flights: VecDeque::new(),
            errors: BTreeMap::new(),
        }
    }

    pub(super) fn dirty_pages(&self) -> usize {
        self.dirty.len()
    }

    pub(super) fn next_page(&self, inode: I, pages: Range<u64>) -> Option<u64> {
        let mut range = self.entries.range(keys(inode, pages)?);
        range.next().map(|((_, index), _)| *index)
    }

    pub(super) fn next_dirty(&self, inode: I, pages: Range<u64>) -> Option<u64> {
        let mut range = self.dirty_order.range(keys(inode, pages)?);
        range.next().map(|((_, index), ())| *index)
    }

    pub(super) fn next_data(&self, inode: I, pages: Range<u64>) -> Option<u64> {
        let mut range = self.entries.range(keys(inode, pages)?);
        range.find(|(_, entry)| entry.is_dirty || entry.page.is_none()).map(|((_, at), _)| *at)
    }

    pub(super) fn has_in_flight(&self, inode: I, pages: Range<u64>) -> bool {
        let mut range = keys(inode, pages).map(|keys| self.entries.range(keys));
        range.as_mut().is_some_and(|range| range.any(|(_, entry)| entry.page.is_none()))
    }

    pub(super) fn first_in_flight(&self) -> Option<I> {
        let mut entries = self.entries.iter();
        entries.find(|(_, entry)| entry.page.is_none()).map(|((inode, _), _)| *inode)
    }

    pub(super) fn dirty_files(&self) -> Vec<I> {
        let mut files: Vec<I> = self.dirty_order.keys().map(|(inode, _)| *inode).collect();
        files.dedup();
        files
    }

    pub(super) fn flying_files(&self) -> Vec<I> {
        let mut files: Vec<I> = self.flights.iter().map(|flight| flight.ioend.inode).collect();
        files.sort_unstable();
        files.dedup();
        files
    }

    pub(super) fn oldest_dirty(&self) -> Option<(I, u64)> {
        self.dirty.first_key_value().map(|(_, key)| *key)
    }

    pub(super) fn slot(&self, inode: I, index: u64) -> Slot {
        match self.entries.get(&(inode, index)) {
            None => Slot::Absent,
            Some(Entry { page: None, .. }) => Slot::InFlight,
            Some(_) => Slot::Here,
        }
    }

    /// Looks at a page that is here, which becomes the last one used.
    pub(super) fn with_page(
        &mut self,
        inode: I,
        index: u64,
        makes_dirty: bool,
        look: impl FnOnce(&mut P),
    ) {
        let key = (inode, index);
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let Some(page) = &mut entry.page else { return };
        look(page);
        self.clean.remove(&entry.stamp);
        self.dirty.remove(&entry.stamp);
        self.next_stamp = self.next_stamp.saturating_add(1);
        entry.stamp = self.next_stamp;
        entry.is_dirty |= makes_dirty;
        if entry.is_dirty {
            self.dirty.insert(entry.stamp, key);
            self.dirty_order.insert(key, ());
        } else {
            self.clean.insert(entry.stamp, key);
        }
    }

    pub(super) fn insert(&mut self, inode: I, index: u64, page: P) {
        self.next_stamp = self.next_stamp.saturating_add(1);
        let stamp = self.next_stamp;
        let entry = Entry { page: Some(page), is_dirty: false, stamp };
        let old = self.entries.insert((inode, index), entry);
        assert!(old.is_none(), "a page is put into the cache twice");
        self.clean.insert(stamp, (inode, index));
        self.pages = self.pages.saturating_add(1);
    }

    pub(super) fn take_dirty(&mut self, inode: I, index: u64) -> Option<P> {
        let entry = self.entries.get_mut(&(inode, index)).filter(|entry| entry.is_dirty)?;
        let page = entry.page.take()?;
        entry.is_dirty = false;
        self.dirty.remove(&entry.stamp);
        self.dirty_order.remove(&(inode, index));
        Some(page)
    }

    pub(super) fn put_back(&mut self, inode: I, index: u64, page: P) {
        if let Some(entry) = self.entries.get_mut(&(inode, index)) {
            entry.page = Some(page);
            self.clean.insert(entry.stamp, (inode, index));
        }
    }

    pub(super) fn evict(&mut self) -> Option<P> {
        let (_, key) = self.clean.pop_first()?;
        self.pages = self.pages.saturating_sub(1);
        self.entries.remove(&key)?.page
    }

    fn forget_where(&mut self, inode: I, pages: Range<u64>, is_meant: impl Fn(&Entry<P>) -> bool) {
        let Some(range) = keys(inode, pages) else { return };
        let gone: Vec<(I, u64)> = self
            .entries
            .range(range)
            .filter(|(_, entry)| entry.page.is_some() && is_meant(entry))
            .map(|(key, _)| *key)
            .collect();
        for key in gone {
            if let Some(entry) = self.entries.remove(&key) {
                self.clean.remove(&entry.stamp);
                self.dirty.remove(&entry.stamp);
                self.dirty_order.remove(&key);
                self.pages = self.pages.saturating_sub(1);
            }
        }
    }

    pub(super) fn forget(&mut self, inode: I, pages: Range<u64>) {
        self.forget_where(inode, pages, |_| true);
    }

    pub(super) fn forget_clean(&mut self, inode: I, pages: Range<u64>) -> bool {
        self.forget_where(inode, pages.clone(), |entry| !entry.is_dirty);
        self.next_page(inode, pages).is_none()
    }
}

/// The keys of pages of one file; `None` for no pages.
fn keys<I: Copy>(inode: I, pages: Range<u64>) -> Option<Range<(I, u64)>> {
    (pages.start < pages.end).then_some((inode, pages.start)..(inode, pages.end))
}
