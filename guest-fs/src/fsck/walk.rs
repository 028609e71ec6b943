//! What a check has seen so far.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;

use crate::format::superblock::Layout;
use crate::space::{Bits, Run};

/// Blocks and names seen.
pub(super) struct Walk {
    /// Blocks that belong to something.
    pub(super) claimed: Bits,
    names: BTreeSet<Box<[u8]>>,
}

impl Walk {
    /// The fixed parts are taken; the root's inode is not yet.
    pub(super) fn new(layout: &Layout) -> Self {
        let mut claimed = Bits::new(layout.blocks);
        (0..layout.root).for_each(|block| claimed.set(block, true));
        claimed.set(layout.copy_at(), true);
        Self { claimed, names: BTreeSet::new() }
    }

    /// False if the name was there already.
    pub(super) fn name(&mut self, name: &[u8]) -> bool {
        self.names.insert(name.into())
    }

    /// Takes a run. Gives the first block that somebody has already, and stops there: so the work of
    /// all claims together is bounded by the device, not by what extents claim.
    pub(super) fn claim(&mut self, run: Run) -> Option<u64> {
        for block in run.start..run.end() {
            if self.claimed.get(block) {
                return Some(block);
            }
            self.claimed.set(block, true);
        }
        None
    }
}
