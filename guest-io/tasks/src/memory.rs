//! How memory is asked for, and who answers.

use bitflags::bitflags;
use hal::OutOfMemory;

bitflags! {
    /// What an allocation may do to get its memory (Linux `gfp_t`). Handed down from caller to callee; there
    /// is no global state behind it.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Gfp: u8 {
        /// May start I/O (Linux `__GFP_IO`).
        const IO = 1 << 0;
        /// May call into a filesystem (Linux `__GFP_FS`).
        const FS = 1 << 1;
        /// Must not fail: tries for ever (Linux `__GFP_NOFAIL`).
        const NOFAIL = 1 << 2;
        /// May reclaim at all (Linux `__GFP_DIRECT_RECLAIM`).
        const RECLAIM = 1 << 3;
    }
}

impl Gfp {
    /// Linux `GFP_KERNEL`.
    pub const KERNEL: Self = Self::RECLAIM.union(Self::IO).union(Self::FS);
    /// Linux `GFP_NOFS`: what a filesystem asks with inside a transaction.
    pub const NOFS: Self = Self::RECLAIM.union(Self::IO);
    /// Linux `GFP_NOIO`.
    pub const NOIO: Self = Self::RECLAIM;
}

/// Kernel memory in bytes, as slabs would give it.
pub trait Memory {
    /// Takes `bytes`. May reclaim, and so wait, as far as `gfp` allows.
    ///
    /// # Errors
    /// [`OutOfMemory`]; never with [`Gfp::NOFAIL`].
    fn alloc(&self, bytes: usize, gfp: Gfp) -> Result<(), OutOfMemory>;

    /// Gives `bytes` back.
    fn free(&self, bytes: usize);
}
