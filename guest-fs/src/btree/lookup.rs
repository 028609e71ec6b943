//! Finding records. Nothing here asks the heap: the swap mapping comes this way.

use alloc::rc::Rc;
use core::ops::Range;

use super::{LEVELS_MAX, Loaded, Tree};
use crate::format::Image;
use crate::meta::{Fault, MetaRead};

/// A record, with the block that keeps its value.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) key: u64,
    image: Rc<Image>,
    value: Range<usize>,
}

impl Record {
    pub(crate) fn value(&self) -> &[u8] {
        self.image.get(self.value.clone()).unwrap_or_default()
    }
}

/// A leaf and the keys that belong into it.
struct Leaf {
    loaded: Loaded,
    /// The lowest key of the leaf's range.
    lower: u64,
    /// The lowest key of the next leaf's range.
    upper: Option<u64>,
}

impl Leaf {
    fn record(&self, index: usize) -> Record {
        let node = self.loaded.node();
        let range = node.value_range(index);
        let at = self.loaded.at;
        let value = range.start.saturating_add(at)..range.end.saturating_add(at);
        Record { key: node.key(index), image: Rc::clone(&self.loaded.image), value }
    }
}

impl Tree {
    /// The leaf into which `key` belongs.
    fn leaf<M: MetaRead + ?Sized>(self, meta: &M, key: u64) -> Result<Leaf, Fault> {
        let mut leaf = Leaf { loaded: self.load(meta, self.root)?, lower: 0, upper: None };
        for _ in 0..LEVELS_MAX {
            let node = leaf.loaded.node();
            if node.level() == 0 {
                return Ok(leaf);
            }
            let index = node.child_index(key);
            if index > 0 {
                leaf.lower = node.key(index);
            }
            let next = index.saturating_add(1);
            if next < node.count() {
                leaf.upper = Some(node.key(next));
            }
            let loaded = self.load_child(meta, node.child(index), node.level())?;
            leaf.loaded = loaded;
        }
        Err(self.too_deep(meta.layout()))
    }

    /// The record with this key.
    ///
    /// # Errors
    /// What reading the nodes gives.
    pub(crate) fn get<M: MetaRead + ?Sized>(
        self,
        meta: &M,
        key: u64,
    ) -> Result<Option<Record>, Fault> {
        let leaf = self.leaf(meta, key)?;
        Ok(leaf.loaded.node().position(key).ok().map(|index| leaf.record(index)))
    }

    /// The last record at or before `key`.
    ///
    /// # Errors
    /// What reading the nodes gives.
    pub(crate) fn floor<M: MetaRead + ?Sized>(
        self,
        meta: &M,
        key: u64,
    ) -> Result<Option<Record>, Fault> {
        let leaf = self.leaf(meta, key)?;
        if let Some(index) = leaf.loaded.node().floor(key) {
            return Ok(Some(leaf.record(index)));
        }
        // A leaf's lower bound may be less than its first key: then the leaf before has the record.
        let Some(before) = leaf.lower.checked_sub(1) else { return Ok(None) };
        let leaf = self.leaf(meta, before)?;
        Ok(leaf.loaded.node().floor(key).map(|index| leaf.record(index)))
    }

    /// The first record at or after `key`.
    ///
    /// # Errors
    /// What reading the nodes gives.
    pub(crate) fn ceiling<M: MetaRead + ?Sized>(
        self,
        meta: &M,
        key: u64,
    ) -> Result<Option<Record>, Fault> {
        let mut leaf = self.leaf(meta, key)?;
        let mut index = leaf.loaded.node().position(key).unwrap_or_else(|at| at);
        if index >= leaf.loaded.node().count() {
            let Some(next) = leaf.upper else { return Ok(None) };
            leaf = self.leaf(meta, next)?;
            index = leaf.loaded.node().position(key).unwrap_or_else(|at| at);
        }
        let is_there = index < leaf.loaded.node().count();
        Ok(is_there.then(|| leaf.record(index)))
    }

    /// Shows every record from `from` on, in order, until `visit` says false.
    ///
    /// # Errors
    /// What reading the nodes or `visit` gives.
    pub(crate) fn scan<M: MetaRead + ?Sized>(
        self,
        meta: &M,
        from: u64,
        mut visit: impl FnMut(u64, &[u8]) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        let mut from = from;
        loop {
            let leaf = self.leaf(meta, from)?;
            let node = leaf.loaded.node();
            let first = node.position(from).unwrap_or_else(|at| at);
            for index in first..node.count() {
                if !visit(node.key(index), node.value(index))? {
                    return Ok(());
                }
            }
            // Bounds ascend, so this ends.
            match leaf.upper {
                Some(upper) if upper > from => from = upper,
                _ => return Ok(()),
            }
        }
    }
}
