//! Memory of the host: 2 MiB at a time, aligned to that.

// UNSAFETY: maps and unmaps memory.
#![expect(unsafe_code)]

use std::ffi::c_void;
use std::ptr::{self, NonNull};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use crate::shape::SLAB_BYTES;

/// Twice as much as is needed: somewhere in it is an aligned half.
const MAPPED_BYTES: usize = 2 * SLAB_BYTES;

/// Maps memory of `SLAB_BYTES`, aligned to as many, all zero; or nothing if the host has none. `huge` asks for a
/// huge page. The address is exposed.
pub(crate) fn map(huge: bool) -> Option<NonNull<u8>> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: an anonymous mapping at an address of the kernel's choice touches no memory that is there.
    let mapped =
        unsafe { mmap_anonymous(ptr::null_mut(), MAPPED_BYTES, protection, MapFlags::PRIVATE) };
    let base = mapped.ok()?.cast::<u8>();
    let before = base.addr().next_multiple_of(SLAB_BYTES) - base.addr();
    let slab = base.wrapping_add(before);
    // SAFETY: the beginning of the mapping made above, up to the slab, of which nobody knows.
    unsafe { unmap(base, before) };
    // SAFETY: its end, from behind the slab.
    unsafe { unmap(slab.wrapping_add(SLAB_BYTES), SLAB_BYTES - before) };
    if huge {
        // A host without huge pages is as slow as it was without this crate, and no worse: its answer does not
        // matter.
        // SAFETY: exactly the slab, which is mapped; the advice changes no content.
        let _ = unsafe { madvise(slab.cast(), SLAB_BYTES, Advice::LinuxHugepage) };
    }
    slab.expose_provenance();
    NonNull::new(slab)
}

/// Gives memory back to the host.
///
/// A host that refuses (it would have to cut a mapping in two and has too many) keeps the memory mapped: it is lost and
/// harmless.
///
/// # Safety
/// The range is part of mappings by [`map`], and nobody uses it any more.
pub(crate) unsafe fn unmap(from: *mut u8, size_bytes: usize) {
    if size_bytes > 0 {
        // SAFETY: the caller's promise.
        let _ = unsafe { munmap(from.cast::<c_void>(), size_bytes) };
    }
}
