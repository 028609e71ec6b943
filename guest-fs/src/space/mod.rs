//! Free space: a bitmap in each group, a summary of every group in memory, and freed runs that may not
//! be reused yet.
//!
//! A freed run is *busy* until the transaction that freed it is durable: otherwise new data would show up
//! in a file that a crash brings back. Bitmaps know nothing of busy runs.
//!
//! What this module does not do: no I/O and no transactions; `txn` brings the bitmaps.

pub(crate) mod bits;
mod busy;
mod groups;
#[cfg(test)]
mod tests;

pub(crate) use busy::Busy;
pub(crate) use groups::{Groups, Search, fresh_info, fresh_words};

/// A run of device blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: u64,
    pub(crate) blocks: u64,
}

impl Run {
    pub(crate) const fn one(block: u64) -> Self {
        Self { start: block, blocks: 1 }
    }

    pub(crate) const fn end(&self) -> u64 {
        self.start.saturating_add(self.blocks)
    }
}

/// Free blocks that only changes which give space back, or keep a promise, may use: tree nodes for a
/// removal, a conversion of unwritten blocks, an orphan record.
pub(crate) const RESERVED_BLOCKS: u64 = 32;
