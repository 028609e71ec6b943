//! Memory that devices reach: page frames of the identity map, by copy only.
// UNSAFETY: accesses memory that a device may change at any time.
#![expect(unsafe_code, reason = "memory shared with devices")]

use core::sync::atomic::{AtomicU32, Ordering};

use hal::{DmaBuf, Iova, OutOfMemory, PAGE_BYTES};
use kernel_core::calls::SharedWord;
use machine::layout::KERNEL_BASE;

use super::memory;
use crate::arch::window::copy_bytes;

/// A run of page frames, given back when dropped.
#[derive(Debug)]
pub(crate) struct DmaPages {
    address: u64,
    size_bytes: usize,
}

impl DmaPages {
    /// Takes `pages` contiguous frames for the program and zeroes them.
    pub(crate) fn new(pages: usize) -> Result<Self, OutOfMemory> {
        memory::alloc_frames(pages).map(|address| Self::zeroed(address, pages)).ok_or(OutOfMemory)
    }

    /// The same for the kernel itself, which the host engine does not have.
    pub(crate) fn own(pages: usize) -> Result<Self, OutOfMemory> {
        let address = memory::alloc_own_frames(pages).ok_or(OutOfMemory)?;
        Ok(Self::zeroed(address, pages))
    }

    /// Memory that the machine has set aside for ever at `address`, as it is.
    ///
    /// # Panics
    /// If it could be somebody else's.
    pub(crate) fn set_aside(address: u64, pages: usize) -> Self {
        let end = address.saturating_add((pages * PAGE_BYTES) as u64);
        let is_low = address >= PAGE_BYTES as u64 && end <= KERNEL_BASE;
        assert!(is_low && address.is_multiple_of(PAGE_BYTES as u64), "{address:#x} is in use");
        Self { address, size_bytes: pages * PAGE_BYTES }
    }

    fn zeroed(address: u64, pages: usize) -> Self {
        let buffer = Self { address, size_bytes: pages * PAGE_BYTES };
        // SAFETY: the frames are RAM of the identity map, ours alone, and no device knows them yet.
        unsafe {
            buffer.pointer(0, buffer.size_bytes).write_bytes(0, buffer.size_bytes);
        }
        buffer
    }

    /// Lends the frames for ever and returns their physical address.
    pub(crate) fn leak(self) -> u64 {
        let address = self.address;
        core::mem::forget(self);
        address
    }

    fn pointer(&self, offset: usize, length: usize) -> *mut u8 {
        let fits = offset.checked_add(length).is_some_and(|end| end <= self.size_bytes);
        assert!(fits, "access at {offset:#x}+{length:#x} of {:#x} bytes", self.size_bytes);
        core::ptr::with_exposed_provenance_mut(self.address as usize + offset)
    }

    fn word(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(align_of::<u32>()), "word at {offset:#x}");
        let word = self.pointer(offset, size_of::<u32>()).cast::<u32>();
        // SAFETY: inside the frames and aligned; all other accesses are opaque copies.
        unsafe { AtomicU32::from_ptr(word) }
    }
}

impl Drop for DmaPages {
    fn drop(&mut self) {
        if self.address >= KERNEL_BASE {
            memory::free_frames(self.address, self.size_bytes / PAGE_BYTES);
        }
    }
}

impl DmaBuf for DmaPages {
    fn iova(&self) -> Iova {
        Iova(self.address)
    }

    fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    fn read(&self, offset: usize, dst: &mut [u8]) {
        let source = self.pointer(offset, dst.len());
        // SAFETY: inside the frames, which hold no Rust object; `dst` is writable for its length.
        unsafe { copy_bytes(dst.as_mut_ptr(), source, dst.len()) }
    }

    fn write(&self, offset: usize, src: &[u8]) {
        let destination = self.pointer(offset, src.len());
        // SAFETY: inside the frames, which hold no Rust object.
        unsafe { copy_bytes(destination, src.as_ptr(), src.len()) }
    }

    fn load_acquire_u32(&self, offset: usize) -> u32 {
        u32::from_le(self.word(offset).load(Ordering::Acquire))
    }
}

impl SharedWord for DmaPages {
    fn replace_u32(&self, offset: usize, old: u32, new: u32) -> bool {
        let (old, new) = (old.to_le(), new.to_le());
        let word = self.word(offset);
        word.compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}
