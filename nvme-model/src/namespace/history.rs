//! What blocks held before they were written the last time, for reads that are stale.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Namespace;
use crate::media::MediaError;

/// Blocks of which the version before the last write is known; only kept while a rule wants it.
#[derive(Clone, Debug, Default)]
pub(super) struct History(BTreeMap<u64, Box<[u8]>>);

impl Namespace {
    /// Keeps what blocks hold that are about to be written.
    pub(crate) fn remember(&mut self, slba: u64, blocks: u64) -> Result<(), MediaError> {
        for lba in slba..slba.saturating_add(blocks) {
            let mut block = vec![0; self.chunk()];
            self.peek(lba, &mut block)?;
            self.history.0.insert(lba, block.into());
        }
        Ok(())
    }

    /// The same of blocks that are about to become zeros. These may be all that there are: of what is zeros
    /// already nothing is kept, and a stale read of it gives zeros.
    pub(crate) fn remember_before_zeroes(
        &mut self,
        slba: u64,
        blocks: u64,
    ) -> Result<(), MediaError> {
        let whole = slba..slba.saturating_add(blocks);
        self.history.0.retain(|lba, _| !whole.contains(lba));
        for lba in self.with_data(&whole).into_iter().flatten() {
            let mut block = vec![0; self.chunk()];
            self.peek(lba, &mut block)?;
            if block.iter().any(|byte| *byte != 0) {
                self.history.0.insert(lba, block.into());
            }
        }
        Ok(())
    }

    /// The blocks of a range that may hold something: they are in the cache, or allocated on the media.
    fn with_data(&self, whole: &Range<u64>) -> Vec<Range<u64>> {
        let count = whole.end.saturating_sub(whole.start);
        let runs = self.cache.runs(whole.start, count);
        let parts = runs.flat_map(|(first, count, cached)| {
            let run = first..first.saturating_add(count);
            match cached {
                Some(_) => vec![run],
                None => self.allocation.parts(run, true),
            }
        });
        parts.collect()
    }

    /// Puts what was kept over blocks that were read.
    pub(crate) fn recall(&self, slba: u64, data: &mut [u8]) {
        for (lba, block) in (slba..).zip(data.chunks_mut(self.chunk())) {
            if let Some(previous) = self.history.0.get(&lba) {
                block.copy_from_slice(previous);
            }
        }
    }
}
