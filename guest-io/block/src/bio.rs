//! A block request.

use alloc::vec::Vec;

/// The unit of block addresses here: 4 KiB, whatever the device's logical block is.
pub const BLOCK_BYTES: usize = hal::PAGE_BYTES;

/// What a bio asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Fill the pages from the device.
    Read,
    /// Write the pages to the device.
    Write {
        /// Complete only when the data is on non-volatile media (Force Unit Access).
        fua: bool,
    },
    /// Complete only when everything that completed before is on non-volatile media. No pages.
    Flush,
    /// Make `blocks` blocks read as zeros. No pages.
    WriteZeroes {
        /// How many blocks.
        blocks: u32,
    },
    /// Tell the device that `blocks` blocks hold nothing of interest. No pages.
    Discard {
        /// How many blocks.
        blocks: u32,
    },
}

/// A block request with the pages it owns: page `i` belongs to block `block + i`.
#[derive(Debug)]
pub struct Bio<P> {
    /// What to do.
    pub op: Op,
    /// The first block, in units of [`BLOCK_BYTES`].
    pub block: u64,
    /// One page a block, for reads and writes.
    pub pages: Vec<P>,
}

impl<P> Bio<P> {
    /// A request without pages that needs no memory.
    #[must_use]
    pub const fn flush() -> Self {
        Self { op: Op::Flush, block: 0, pages: Vec::new() }
    }

    /// How many blocks the request covers.
    #[must_use]
    pub fn size_blocks(&self) -> u64 {
        match self.op {
            Op::Read | Op::Write { .. } => self.pages.len() as u64,
            Op::Flush => 0,
            Op::WriteZeroes { blocks } | Op::Discard { blocks } => u64::from(blocks),
        }
    }
}
