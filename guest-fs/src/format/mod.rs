//! The on-disk format. `FORMAT.md` describes every field; golden tests here bind the two together.
//!
//! Every metadata block is one structure of 4096 bytes that starts with a [`Header`]: what it is, a
//! checksum, which filesystem, where it belongs, which log record wrote it, and who owns it. So a
//! stale, misplaced or torn block is never taken for a valid one.
//!
//! What this module does not do: no I/O, no cross-checks between blocks.

pub(crate) mod bytes;
mod checksum;
pub(crate) mod group;
mod header;
pub(crate) mod inode;
pub(crate) mod journal;
pub(crate) mod superblock;

use alloc::boxed::Box;

pub(crate) use checksum::checksum;
pub use header::{Corruption, Expected, Structure};
pub(crate) use header::{Header, Identity, begin, seal, verify, verify_cached};

/// Bytes in a block.
pub(crate) const BLOCK: usize = block::BLOCK_BYTES;

/// [`BLOCK`] in the arithmetic of file positions.
pub(crate) const BLOCK_BYTES: u64 = BLOCK as u64;

/// The content of one metadata block.
pub(crate) type Image = Box<[u8; BLOCK]>;

/// A block of zeros.
pub(crate) fn blank() -> Image {
    Box::new([0; BLOCK])
}
