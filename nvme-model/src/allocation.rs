//! Which blocks of the media were written and not deallocated since.
//!
//! Blocks are tracked one by one. What media held before the controller knew it counts as written, but if
//! it was blank. What is only in the cache is the namespace's business.
// Spec: NVM-CS-1.0c 3.2.3.2.1 "Deallocated or Unwritten Logical Blocks"

use crate::media::Media;
use crate::radix::Radix;

#[derive(Clone, Debug)]
pub(crate) struct Allocation(Radix<bool>);

impl Allocation {
    pub(crate) fn of(media: &dyn Media) -> Self {
        Self(Radix::new(media.size_blocks(), !media.is_blank()))
    }

    /// Blocks were written.
    pub(crate) fn add(&mut self, slba: u64, blocks: u64) {
        let end = slba.saturating_add(blocks);
        // Most writes are of blocks that were written before: those leave the tree as it is.
        if self.first_hole(slba, blocks).is_some() {
            self.0.set(slba..end, &true);
        }
    }

    /// Blocks were deallocated.
    pub(crate) fn remove(&mut self, slba: u64, blocks: u64) {
        self.0.set(slba..slba.saturating_add(blocks), &false);
    }

    /// The first of these blocks that is not written.
    pub(crate) fn first_hole(&self, slba: u64, blocks: u64) -> Option<u64> {
        let mut runs = self.0.runs(slba..slba.saturating_add(blocks));
        runs.find(|run| !run.value).map(|run| run.first)
    }
}
