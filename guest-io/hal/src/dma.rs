//! Memory that a device may read and write.

/// Bytes in a page: the unit of DMA allocation, of the page tables and of swap.
pub const PAGE_BYTES: usize = 4096;

/// An address as the device sees it.
///
/// In both engines the numbers are dealt out by a deterministic allocator, but they differ between
/// engines, so no address may reach a trace or a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Iova(pub u64);

/// The platform has no DMA memory left for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl core::fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("no DMA memory left")
    }
}

impl core::error::Error for OutOfMemory {}

/// Page-aligned, physically contiguous memory shared with a device; given back when dropped.
///
/// Access is by copy, never by reference: the device may change the bytes at any time. A range that
/// leaves the buffer is a bug of the caller and panics.
pub trait DmaBuf {
    /// Where the device finds byte 0. A multiple of [`PAGE_BYTES`].
    fn iova(&self) -> Iova;

    /// Length in bytes: a non-zero multiple of [`PAGE_BYTES`].
    fn size_bytes(&self) -> usize;

    /// Copies `dst.len()` bytes from `offset` on.
    fn read(&self, offset: usize, dst: &mut [u8]);

    /// Copies `src` to `offset` and on.
    fn write(&self, offset: usize, src: &[u8]);

    /// Loads a little-endian word with acquire ordering: what the device wrote before it, is seen
    /// after it (a completion's phase bit, then its other words).
    fn load_acquire_u32(&self, offset: usize) -> u32;
}
