//! Taking a record away: sparse nodes are filled on the way down, from a neighbour or with it.

use super::node::record_bytes;
use super::{LEVELS_MAX, Loaded, Tree};
use crate::meta::{Fault, MetaWrite};

/// A node with less than a quarter of its capacity in use is filled before anything is taken from it.
fn is_sparse(loaded: &Loaded) -> bool {
    let node = loaded.node();
    node.used() < node.capacity() / 4
}

impl Tree {
    /// Takes a record away. False if it was not there.
    ///
    /// # Errors
    /// What `meta` gives.
    pub(crate) fn remove<W: MetaWrite + ?Sized>(
        self,
        meta: &mut W,
        key: u64,
    ) -> Result<bool, Fault> {
        if self.get(meta, key)?.is_none() {
            return Ok(false);
        }
        let mut at = self.root;
        for _ in 0..LEVELS_MAX {
            let loaded = self.load(meta, at)?;
            let node = loaded.node();
            if node.level() == 0 {
                if let Ok(index) = node.position(key) {
                    self.edit(meta, at)?.remove(index);
                }
                self.lower_root(meta)?;
                return Ok(true);
            }
            let index = node.child_index(key);
            let child = self.load_child(meta, node.child(index), node.level())?;
            at = if is_sparse(&child) && node.count() > 1 {
                self.fill(meta, at, index, key)?
            } else {
                node.child(index)
            };
        }
        Err(self.too_deep(meta.layout()))
    }

    /// Joins a sparse child with a neighbour, or shares their records evenly. Gives the child into
    /// which `key` belongs now.
    fn fill<W: MetaWrite + ?Sized>(
        self,
        meta: &mut W,
        parent: u64,
        index: usize,
        key: u64,
    ) -> Result<u64, Fault> {
        let above = self.load(meta, parent)?;
        let above = above.node();
        let left_at = index.saturating_sub(1);
        let right_at = left_at.saturating_add(1);
        let (left, right) = (above.child(left_at), above.child(right_at));
        let (low, high) = (
            self.load_child(meta, left, above.level())?,
            self.load_child(meta, right, above.level())?,
        );
        let (low, high) = (low.node(), high.node());
        if low.used().saturating_add(high.used()) <= low.capacity() {
            self.edit(meta, left)?.append(high, 0..high.count());
            self.edit(meta, parent)?.remove(right_at);
            meta.destroy(right, self.root)?;
            return Ok(left);
        }
        // How many records of the two stay left.
        let half = low.used().saturating_add(high.used()) / 2;
        let values = (0..low.count()).map(|i| low.value(i));
        let values = values.chain((0..high.count()).map(|i| high.value(i)));
        let (mut stay, mut bytes) = (0_usize, 0_usize);
        for value in values {
            bytes = bytes.saturating_add(record_bytes(value.len()));
            if bytes > half {
                break;
            }
            stay = stay.saturating_add(1);
        }
        let from_high = stay.saturating_sub(low.count());
        let from_low = stay.min(low.count());
        let bound = if from_high > 0 { high.key(from_high) } else { low.key(from_low) };
        let mut node = self.edit(meta, left)?;
        node.init(low.level());
        node.append(low, 0..from_low);
        node.append(high, 0..from_high);
        let mut node = self.edit(meta, right)?;
        node.init(high.level());
        node.append(low, from_low..low.count());
        node.append(high, from_high..high.count());
        self.edit(meta, parent)?.set_key(right_at, bound);
        Ok(if key >= bound { right } else { left })
    }

    /// A root with one child whose records fit takes them itself.
    fn lower_root<W: MetaWrite + ?Sized>(self, meta: &mut W) -> Result<(), Fault> {
        let root = self.load(meta, self.root)?;
        let above = root.node();
        if above.level() == 0 || above.count() != 1 {
            return Ok(());
        }
        let child = above.child(0);
        // The child may be empty now: it was the last leaf and lost its last record.
        let below = self.load(meta, child)?;
        let below = below.node();
        if below.used() > above.capacity() {
            return Ok(());
        }
        meta.destroy(child, self.root)?;
        let mut node = self.edit(meta, self.root)?;
        node.init(below.level());
        node.append(below, 0..below.count());
        Ok(())
    }
}
