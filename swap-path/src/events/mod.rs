//! What swap puts into the trace: enough to say, page by page, where its data is, which error was
//! met, who learned of it first, and who was told.
//!
//! [`Event::SlotAlloc`] ties a page to a slot until [`Event::SlotFree`]; the begin and end of an I/O
//! name slots only. An error is one event for each page of the I/O. A bus error is what the workload
//! gets to know.

mod cause;
mod display;
mod wire;

use hal::Access;
use iomap::Errno;

pub use cause::Cause;
pub use display::KernelLog;

use crate::{AreaId, PathKind, SwapEntry};

/// Why an access was answered with a bus error. The numbers are part of the trace format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BusErrorReason {
    /// The page could not be read from swap. It is still there: a later access tries again.
    SwapIn = 1,
    /// The page was lost when its area was turned off.
    Poisoned = 2,
    /// No frame could be had.
    OutOfMemory = 3,
    /// The address space has no such page.
    OutOfRange = 4,
    /// An earlier read of the page failed, and it was not tried again.
    ReadFailedBefore = 5,
}

impl BusErrorReason {
    /// The reason with this number, if there is one.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::SwapIn,
            2 => Self::Poisoned,
            3 => Self::OutOfMemory,
            4 => Self::OutOfRange,
            5 => Self::ReadFailedBefore,
            _ => return None,
        })
    }
}

/// An event of [`hal::trace::Layer::Swap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The workload touched a page that is not mapped.
    Fault {
        /// The page.
        page: u64,
        /// What the access wanted.
        access: Access,
    },
    /// The page was never touched before: it gets a frame of zeros.
    DemandZero {
        /// The page.
        page: u64,
    },
    /// The page is given a slot.
    SlotAlloc {
        /// The page.
        page: u64,
        /// The slot.
        entry: SwapEntry,
    },
    /// The page gives its slot back.
    SlotFree {
        /// The page.
        page: u64,
        /// The slot.
        entry: SwapEntry,
    },
    /// The write of consecutive slots starts.
    SwapOutBegin {
        /// The first slot.
        entry: SwapEntry,
        /// How many.
        pages: u32,
    },
    /// It is over: on success the pages are out, otherwise they are in memory and dirty.
    SwapOutEnd {
        /// The first slot.
        entry: SwapEntry,
        /// How many.
        pages: u32,
        /// What the path answered.
        error: Option<Errno>,
    },
    /// The read of consecutive slots starts.
    SwapInBegin {
        /// The first slot.
        entry: SwapEntry,
        /// How many.
        pages: u32,
    },
    /// It is over: on success the pages are in memory, otherwise still in their slots.
    SwapInEnd {
        /// The first slot.
        entry: SwapEntry,
        /// How many.
        pages: u32,
        /// What the path answered.
        error: Option<Errno>,
    },
    /// A page was evicted without I/O: its slot holds it, or (`None`) it is still all zeros.
    CleanDrop {
        /// The page.
        page: u64,
        /// Its slot.
        entry: Option<SwapEntry>,
    },
    /// The page was in a swap-out that failed.
    WriteError {
        /// The page.
        page: u64,
        /// Its slot.
        entry: SwapEntry,
        /// Why, and who learned of it.
        cause: Cause,
    },
    /// The page was in a swap-in that failed.
    ReadError {
        /// The page.
        page: u64,
        /// Its slot.
        entry: SwapEntry,
        /// Why, and who learned of it.
        cause: Cause,
    },
    /// The page is lost: its slot was unreadable when the area was turned off.
    Poison {
        /// The page.
        page: u64,
        /// Where it was.
        entry: SwapEntry,
        /// Why, and who learned of it.
        cause: Cause,
    },
    /// An access of the workload fails: its owner is told.
    BusError {
        /// The page.
        page: u64,
        /// What the access wanted.
        access: Access,
        /// Why.
        reason: BusErrorReason,
    },
    /// A page was dirty and there was no slot for it.
    NoSlot {
        /// The page.
        page: u64,
    },
    /// The resident limit is exceeded: a frame of the reserve is used.
    ReserveUsed {
        /// The page that gets it.
        page: u64,
        /// Resident pages before.
        resident_pages: u64,
    },
    /// Nothing could be reclaimed and the reserve is used up.
    OutOfMemory {
        /// The page that was to get a frame.
        page: u64,
        /// Resident pages.
        resident_pages: u64,
    },
    /// The workload gave the page up (Linux `MADV_DONTNEED`).
    Discard {
        /// The page.
        page: u64,
    },
    /// An area is used from now on.
    SwapOn {
        /// The area.
        area: AreaId,
        /// Its path.
        path: PathKind,
        /// Slots for pages.
        pages: u32,
    },
    /// The page is in the slot too, beside whoever was there before.
    SlotShare {
        /// The page.
        page: u64,
        /// The slot.
        entry: SwapEntry,
    },
    /// The page gets a frame of its own with what its shared slot holds; it leaves the slot.
    Unshare {
        /// The page.
        page: u64,
        /// The slot.
        entry: SwapEntry,
    },
    /// The page's slot is in the swap cache: nothing has to be read.
    CacheHit {
        /// The page.
        page: u64,
        /// The slot.
        entry: SwapEntry,
    },
    /// Slots that were in the swap cache and that nobody has asked for leave memory.
    CacheDrop {
        /// The first slot.
        entry: SwapEntry,
        /// How many.
        pages: u32,
    },
    /// Pages of zeros go out: their slots are marked, nothing is written.
    ZeroOut {
        /// The first slot.
        entry: SwapEntry,
        /// How many.
        pages: u32,
    },
    /// A page of zeros comes in: nothing is read.
    ZeroIn {
        /// The page.
        page: u64,
        /// The slot.
        entry: SwapEntry,
    },
    /// A folio is taken apart.
    FolioSplit {
        /// Its first page.
        page: u64,
        /// How many pages it had.
        pages: u32,
    },
    /// A process is copied: a range of pages.
    Fork {
        /// The first page.
        parent: u64,
        /// The first page of the copy.
        child: u64,
        /// How many.
        pages: u32,
    },
    /// An area is being turned off.
    SwapOffBegin {
        /// The area.
        area: AreaId,
        /// Its path.
        path: PathKind,
        /// Slots in use.
        pages: u32,
    },
    /// An area is off and its file released.
    SwapOff {
        /// The area.
        area: AreaId,
        /// Its path.
        path: PathKind,
        /// Pages that were read back.
        pages_read: u32,
        /// Pages that could not be read.
        pages_lost: u32,
    },
}

#[cfg(test)]
mod tests;
