//! RAM: a part of it is the heap, the rest are page frames, the kernel's own and the program's.

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
/// What the kernel has for itself: the stacks of as many tasks as there can be, and page tables.
const OWN_BYTES: u64 = 12 << 20;
/// The host gives memory in pages of this size, and each costs it time.
const HUGE_PAGE_BYTES: u64 = 2 << 20;

/// Frames from `base` on.
struct Pool {
    base: u64,
    frames: FrameBitmap,
}

impl Pool {
    fn new(memory: &Range<u64>) -> Self {
        let count = (memory.end - memory.start) as usize / PAGE_BYTES;
        Self { base: memory.start, frames: FrameBitmap::new(count) }
    }

    fn address(&self, frame: usize) -> u64 {
        self.base + (frame * PAGE_BYTES) as u64
    }
}

struct Pools {
    own: Pool,
    program: Pool,
}

static POOLS: Single<Option<Pools>> = Single::new(None);

/// Divides the RAM.
pub(crate) fn init(info: &BootInfo) {
    let [heap, own, program] = divide(&info.memory);
    heap::init(heap);
    let pools = Pools { own: Pool::new(&own), program: Pool::new(&program) };
    POOLS.with(|slot| *slot = Some(pools));
}

/// Heap, own frames, the program's frames.
///
/// Own frames are taken from their end downwards, the program's upwards; where they meet is the middle of a huge
/// page, so that a small program touches no other.
fn divide(memory: &Range<u64>) -> [Range<u64>; 3] {
    let heap_bytes = ((memory.end - memory.start) / HEAP_PART).min(HEAP_BYTES_MAX);
    let heap_end = (memory.start + heap_bytes).next_multiple_of(PAGE_BYTES as u64);
    let meeting = (heap_end + OWN_BYTES).next_multiple_of(HUGE_PAGE_BYTES) + HUGE_PAGE_BYTES / 2;
    let meeting = meeting.min(memory.end);
    [memory.start..heap_end, heap_end..meeting, meeting..memory.end]
}

fn with_pools<T>(act: impl FnOnce(&mut Pools) -> T) -> T {
    POOLS.with(|pools| act(pools.as_mut().expect("the memory is divided")))
}

/// Takes `count` contiguous frames for the program; returns the physical address of the first.
///
/// Which ones depends on what the program took and gave back, and on nothing else: a device that comes too
/// late meets the same next owner on the host engine.
pub(crate) fn alloc_frames(count: usize) -> Option<u64> {
    with_pools(|Pools { program, .. }| {
        program.frames.alloc(count).map(|frame| program.address(frame))
    })
}

/// Takes `count` contiguous frames for the kernel itself, out of the program's way.
pub(crate) fn alloc_own_frames(count: usize) -> Option<u64> {
    with_pools(|Pools { own, .. }| own.frames.alloc_at_top(count).map(|frame| own.address(frame)))
}

/// Gives frames back, whosever they were.
pub(crate) fn free_frames(address: u64, count: usize) {
    with_pools(|Pools { own, program }| {
        let pool = if address < program.base { own } else { program };
        pool.frames.free((address - pool.base) as usize / PAGE_BYTES, count);
    });
}
