//! The heap: a kept allocator over one range of RAM.
// UNSAFETY: lends a range of RAM to the allocator.
#![expect(unsafe_code, reason = "memory without an owner becomes the heap")]

use core::ops::Range;

use talc::TalcLock;
use talc::source::Manual;

#[global_allocator]
static HEAP: TalcLock<spinning_top::RawSpinlock, Manual> = TalcLock::new(Manual);

/// Lends `memory`, identity-mapped RAM that nothing lies in, to the heap. Once a boot.
///
/// # Panics
/// If it is too small to be a heap.
pub(crate) fn init(memory: Range<u64>) {
    let start = core::ptr::with_exposed_provenance_mut(memory.start as usize);
    let size_bytes = (memory.end - memory.start) as usize;
    // SAFETY: the boot memory map says it is RAM, it lies behind the kernel image, and the caller
    // gives it to nobody else.
    let heap = unsafe { HEAP.lock().claim(start, size_bytes) };
    assert!(heap.is_some(), "a heap of {size_bytes} bytes");
}
