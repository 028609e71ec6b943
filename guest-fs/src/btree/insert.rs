//! Adding a record: full nodes are split on the way down, so there is always room one level up.

use super::node::{CHILD, Node, record_bytes};
use super::{LEVELS_MAX, Tree, VALUE_BYTES_MAX};
use crate::format::bytes::get_u64;
use crate::meta::{Fault, MetaWrite};

use iomap::Errno;

/// Where a full node is cut: records from there on move to a new node.
fn cut(node: Node<'_>, key: u64) -> usize {
    let count = node.count();
    let last = count.saturating_sub(1);
    // Growing at the end: leave the left node full. Files and logs are written front to back.
    if count > 1 && key > node.key(last) {
        return last;
    }
    let half = node.used() / 2;
    let mut bytes = 0;
    for index in 0..last {
        bytes = record_bytes(node.value(index).len()).saturating_add(bytes);
        if bytes >= half {
            return index.saturating_add(1);
        }
    }
    last
}

impl Tree {
    /// Adds a record whose key is not there yet.
    ///
    /// # Errors
    /// `EFBIG` for a tree that would become too deep, `EUCLEAN`-like [`Fault::Corrupt`] for a key that is
    /// there, and what `meta` gives.
    pub(crate) fn insert<W: MetaWrite + ?Sized>(
        self,
        meta: &mut W,
        key: u64,
        value: &[u8],
    ) -> Result<(), Fault> {
        debug_assert!(value.len() <= VALUE_BYTES_MAX, "a value of {} bytes", value.len());
        let bytes = record_bytes(value.len());
        self.make_room_in_root(meta, bytes)?;
        let mut at = self.root;
        for _ in 0..LEVELS_MAX {
            let loaded = self.load(meta, at)?;
            let node = loaded.node();
            if node.level() == 0 {
                let Err(index) = node.position(key) else {
                    let identity = self.identity(meta.layout(), at);
                    return Err(identity.field("no record with a key that is free").into());
                };
                self.edit(meta, at)?.insert(index, key, value);
                return Ok(());
            }
            let index = node.child_index(key);
            let child = self.load_child(meta, node.child(index), node.level())?;
            let wanted = if node.level() == 1 { bytes } else { record_bytes(CHILD) };
            at = if child.node().has_room(wanted) {
                node.child(index)
            } else {
                self.split(meta, at, index, key)?
            };
        }
        Err(self.too_deep(meta.layout()))
    }

    /// Replaces the value of a record by one of the same length.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] if there is no such record, and what `meta` gives.
    pub(crate) fn replace<W: MetaWrite + ?Sized>(
        self,
        meta: &mut W,
        key: u64,
        value: &[u8],
    ) -> Result<(), Fault> {
        let mut at = self.root;
        for _ in 0..LEVELS_MAX {
            let loaded = self.load(meta, at)?;
            let node = loaded.node();
            if node.level() == 0 {
                let found = node.position(key).ok();
                let found = found.filter(|index| node.value(*index).len() == value.len());
                let Some(index) = found else {
                    let identity = self.identity(meta.layout(), at);
                    return Err(identity.field("the record that is replaced").into());
                };
                self.edit(meta, at)?.set_value(index, value);
                return Ok(());
            }
            at = node.child(node.child_index(key));
        }
        Err(self.too_deep(meta.layout()))
    }

    /// A root without room becomes the parent of a new node with all its records.
    fn make_room_in_root<W: MetaWrite + ?Sized>(
        self,
        meta: &mut W,
        bytes: usize,
    ) -> Result<(), Fault> {
        let root = self.load(meta, self.root)?;
        let level = root.node().level();
        let wanted = if level == 0 { bytes } else { record_bytes(CHILD) };
        if root.node().has_room(wanted) {
            return Ok(());
        }
        if level.saturating_add(1) >= LEVELS_MAX {
            return Err(Errno::EFBIG.into());
        }
        let child = meta.create(self.kind.node(), self.root)?;
        let mut node = self.edit(meta, child)?;
        node.init(level);
        node.append(root.node(), 0..root.node().count());
        // Creating the child may have changed fields of the root's block: edit what is there now.
        let mut node = self.edit(meta, self.root)?;
        node.init(level.saturating_add(1));
        node.insert(0, 0, &child.to_le_bytes());
        Ok(())
    }

    /// Splits a child of `parent`, which has room. Gives the half into which `key` belongs.
    fn split<W: MetaWrite + ?Sized>(
        self,
        meta: &mut W,
        parent: u64,
        index: usize,
        key: u64,
    ) -> Result<u64, Fault> {
        let left = get_u64(self.load(meta, parent)?.node().value(index), 0);
        let full = self.load(meta, left)?;
        let node = full.node();
        let at = cut(node, key);
        let bound = node.key(at);
        let right = meta.create(self.kind.node(), self.root)?;
        let mut moved = self.edit(meta, right)?;
        moved.init(node.level());
        moved.append(node, at..node.count());
        let mut kept = self.edit(meta, left)?;
        kept.init(node.level());
        kept.append(node, 0..at);
        let next = index.saturating_add(1);
        self.edit(meta, parent)?.insert(next, bound, &right.to_le_bytes());
        Ok(if key >= bound { right } else { left })
    }
}
