//! The inside of a tree node: sorted slots from the front, values from the back.
//!
//! A node is an *area* of bytes, either the rest of a block after its header or the body of an inode.
//! Keys are 64-bit numbers, values are byte strings; in an inner node a value is the block of a child,
//! and its key is the lower bound of the keys below.
//!
//! Invariant: values lie without gaps between `heap` and the end of the area, so free space is one
//! piece between the slots and the values.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

use crate::format::bytes::{get_u16, get_u64, put_bytes, put_u16, put_u64, slice};

/// Bytes of a node before its slots: level, count, heap, zero; 2 bytes each.
const HEAD: usize = 8;

/// Bytes of a slot: key (8), place of the value in the area (2), its length (2).
const SLOT: usize = 12;

/// Bytes of a child pointer in an inner node.
pub(crate) const CHILD: usize = 8;

/// Bytes that a record takes in a node.
pub(crate) const fn record_bytes(value: usize) -> usize {
    value.saturating_add(SLOT)
}

const fn slot_at(index: usize) -> usize {
    index.saturating_mul(SLOT).saturating_add(HEAD)
}

/// A node to look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'a>(pub(crate) &'a [u8]);

impl<'a> Node<'a> {
    /// 0 for a leaf.
    pub(crate) fn level(self) -> u16 {
        get_u16(self.0, 0)
    }

    pub(crate) fn count(self) -> usize {
        get_u16(self.0, 2).into()
    }

    fn heap(self) -> usize {
        get_u16(self.0, 4).into()
    }

    pub(crate) fn key(self, index: usize) -> u64 {
        get_u64(self.0, slot_at(index))
    }

    fn place(self, index: usize) -> (usize, usize) {
        let at = slot_at(index);
        let offset = get_u16(self.0, at.saturating_add(8));
        let length = get_u16(self.0, at.saturating_add(10));
        (offset.into(), length.into())
    }

    pub(crate) fn value(self, index: usize) -> &'a [u8] {
        let (offset, length) = self.place(index);
        slice(self.0, offset, length)
    }

    /// Where the value is in the area.
    pub(crate) fn value_range(self, index: usize) -> Range<usize> {
        let (offset, length) = self.place(index);
        offset..offset.saturating_add(length)
    }

    /// The block of a child.
    pub(crate) fn child(self, index: usize) -> u64 {
        get_u64(self.value(index), 0)
    }

    /// Bytes for records.
    pub(crate) fn capacity(self) -> usize {
        self.0.len().saturating_sub(HEAD)
    }

    /// Bytes that records take.
    pub(crate) fn used(self) -> usize {
        let slots = self.count().saturating_mul(SLOT);
        slots.saturating_add(self.0.len().saturating_sub(self.heap()))
    }

    pub(crate) fn has_room(self, bytes: usize) -> bool {
        self.used().saturating_add(bytes) <= self.capacity()
    }

    /// The number of keys below `key` or, with `is_equal_below`, not above it.
    fn count_below(self, key: u64, is_equal_below: bool) -> usize {
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low.midpoint(high);
            let is_below = match self.key(middle).cmp(&key) {
                Ordering::Less => true,
                Ordering::Equal => is_equal_below,
                Ordering::Greater => false,
            };
            if is_below {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        low
    }

    /// Where `key` is or would be.
    pub(crate) fn position(self, key: u64) -> Result<usize, usize> {
        let at = self.count_below(key, false);
        if at < self.count() && self.key(at) == key { Ok(at) } else { Err(at) }
    }

    /// The last record at or before `key`.
    pub(crate) fn floor(self, key: u64) -> Option<usize> {
        self.count_below(key, true).checked_sub(1)
    }

    /// The child below which `key` belongs.
    pub(crate) fn child_index(self, key: u64) -> usize {
        self.floor(key).unwrap_or(0)
    }

    /// Does it make sense in itself? `value_is_fine` judges the records of a leaf.
    ///
    /// # Errors
    /// What should be there.
    pub(crate) fn check(
        self,
        levels_max: u16,
        value_is_fine: impl Fn(u64, &[u8]) -> bool,
    ) -> Result<(), &'static str> {
        let slots_end = slot_at(self.count());
        if self.level() >= levels_max {
            return Err("a level that a tree can have");
        }
        if slots_end > self.heap() || self.heap() > self.0.len() || get_u16(self.0, 6) != 0 {
            return Err("slots and values that do not overlap");
        }
        let mut places = Vec::with_capacity(self.count());
        for index in 0..self.count() {
            if index > 0 && self.key(index.saturating_sub(1)) >= self.key(index) {
                return Err("keys in ascending order");
            }
            if self.level() > 0 && self.value(index).len() != CHILD {
                return Err("children of 8 bytes");
            }
            places.push(self.place(index));
        }
        places.sort_unstable();
        let mut at = self.heap();
        for (offset, length) in places {
            if length > 0 && offset != at {
                return Err("values without gaps");
            }
            at = at.saturating_add(length);
        }
        if at != self.0.len() {
            return Err("values up to the end");
        }
        if self.level() > 0 && self.count() == 0 {
            return Err("at least one child");
        }
        let leaf = if self.level() == 0 { self.count() } else { 0 };
        if (0..leaf).any(|index| !value_is_fine(self.key(index), self.value(index))) {
            return Err("records that make sense");
        }
        Ok(())
    }
}

/// A node to change.
#[derive(Debug)]
pub(crate) struct NodeMut<'a>(pub(crate) &'a mut [u8]);

impl NodeMut<'_> {
    pub(crate) fn view(&self) -> Node<'_> {
        Node(self.0)
    }

    /// Makes the area an empty node.
    pub(crate) fn init(&mut self, level: u16) {
        let end = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
        put_u16(self.0, 0, level);
        put_u16(self.0, 2, 0);
        put_u16(self.0, 4, end);
        put_u16(self.0, 6, 0);
    }

    fn set_count(&mut self, count: usize) {
        put_u16(self.0, 2, u16::try_from(count).unwrap_or(u16::MAX));
    }

    fn set_place(&mut self, index: usize, offset: usize, length: usize) {
        let at = slot_at(index);
        put_u16(self.0, at.saturating_add(8), u16::try_from(offset).unwrap_or(u16::MAX));
        put_u16(self.0, at.saturating_add(10), u16::try_from(length).unwrap_or(u16::MAX));
    }

    pub(crate) fn set_key(&mut self, index: usize, key: u64) {
        put_u64(self.0, slot_at(index), key);
    }

    fn shift(&mut self, from: Range<usize>, to: usize) {
        let fits = from.end.max(to.saturating_add(from.len())) <= self.0.len();
        if fits && from.start <= from.end {
            self.0.copy_within(from, to);
        }
    }

    /// Puts a record at `index`. The caller made sure that there is room.
    pub(crate) fn insert(&mut self, index: usize, key: u64, value: &[u8]) {
        debug_assert!(self.view().has_room(record_bytes(value.len())), "no room in the node");
        let count = self.view().count();
        let offset = self.view().heap().saturating_sub(value.len());
        let slots = slot_at(index)..slot_at(count);
        self.shift(slots, slot_at(index.saturating_add(1)));
        put_bytes(self.0, offset, value);
        put_u16(self.0, 4, u16::try_from(offset).unwrap_or(u16::MAX));
        self.set_count(count.saturating_add(1));
        self.set_key(index, key);
        self.set_place(index, offset, value.len());
    }

    /// Takes the record at `index` away.
    pub(crate) fn remove(&mut self, index: usize) {
        let count = self.view().count();
        let heap = self.view().heap();
        let gone = self.view().value_range(index);
        let next = index.saturating_add(1);
        self.shift(slot_at(next)..slot_at(count), slot_at(index));
        self.set_count(count.saturating_sub(1));
        // Close the gap: what lay before the value moves up.
        self.shift(heap..gone.start, heap.saturating_add(gone.len()));
        let heap = heap.saturating_add(gone.len());
        put_u16(self.0, 4, u16::try_from(heap).unwrap_or(u16::MAX));
        for slot in 0..self.view().count() {
            let (offset, length) = self.view().place(slot);
            if offset < gone.start {
                self.set_place(slot, offset.saturating_add(gone.len()), length);
            }
        }
    }

    /// Overwrites a value with one of the same length.
    pub(crate) fn set_value(&mut self, index: usize, value: &[u8]) {
        let range = self.view().value_range(index);
        debug_assert_eq!(range.len(), value.len(), "a value of another length");
        put_bytes(self.0, range.start, value);
    }

    /// Adds records of another node at the end.
    pub(crate) fn append(&mut self, from: Node<'_>, records: Range<usize>) {
        for index in records {
            let at = self.view().count();
            self.insert(at, from.key(index), from.value(index));
        }
    }
}
