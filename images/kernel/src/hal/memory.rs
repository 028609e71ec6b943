//! RAM: a part of it is the heap, the rest are page frames.

use core::ops::Range;

use hal::PAGE_BYTES;
use kernel_core::frames::FrameBitmap;

use super::heap;
use crate::arch::boot::BootInfo;
use crate::arch::single::Single;

/// The heap gets one part in so many ...
const HEAP_PART: u64 = 4;
/// ... but not more than this.
const HEAP_BYTES_MAX: u64 = 64 << 20;

struct Pool {
    base: u64,
    frames: FrameBitmap,
}

static POOL: Single<Option<Pool>> = Single::new(None);

/// Divides the RAM.
pub(crate) fn init(info: &BootInfo) {
    let (heap, frames) = divide(&info.memory);
    heap::init(heap);
    let count = (frames.end - frames.start) as usize / PAGE_BYTES;
    let pool = Pool { base: frames.start, frames: FrameBitmap::new(count) };
    POOL.with(|slot| *slot = Some(pool));
}

fn divide(memory: &Range<u64>) -> (Range<u64>, Range<u64>) {
    let heap_bytes = ((memory.end - memory.start) / HEAP_PART).min(HEAP_BYTES_MAX);
    let heap_end = (memory.start + heap_bytes).next_multiple_of(PAGE_BYTES as u64);
    (memory.start..heap_end, heap_end..memory.end)
}

/// Takes `count` contiguous frames; returns the physical address of the first.
pub(crate) fn alloc_frames(count: usize) -> Option<u64> {
    POOL.with(|pool| {
        let pool = pool.as_mut().expect("the memory is divided");
        pool.frames.alloc(count).map(|frame| pool.base + (frame * PAGE_BYTES) as u64)
    })
}

/// Gives frames back.
pub(crate) fn free_frames(address: u64, count: usize) {
    POOL.with(|pool| {
        let pool = pool.as_mut().expect("the memory is divided");
        pool.frames.free((address - pool.base) as usize / PAGE_BYTES, count);
    });
}
