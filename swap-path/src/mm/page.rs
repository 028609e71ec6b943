//! Where a page of the address space is.

use crate::SwapEntry;

/// A page in memory.
#[derive(Debug)]
pub(super) struct Resident<P> {
    /// Its frame.
    pub(super) frame: P,
    /// A slot of its own (the swap cache). Holds the same data as long as the page is clean.
    pub(super) entry: Option<SwapEntry>,
    /// Known to differ from its slot, or to have none. The hardware's dirty bit comes on top.
    pub(super) is_dirty: bool,
    /// A write of it failed: the next one is made for it alone, so that one bad block does not hold
    /// its neighbours back.
    pub(super) has_write_failed: bool,
}

/// Where a page is. Exactly one of these at any time.
#[derive(Debug)]
pub(super) enum PageState<P> {
    /// Never touched, or given up: reads as zeros.
    Untouched,
    /// Mapped, and in the queue.
    Resident(Resident<P>),
    /// Taken off the page table and the queue by reclaim, dirty, with a slot; about to be written.
    Isolated(Resident<P>),
    /// Being written or read: the frame is with the swap path.
    InFlight(SwapEntry),
    /// In its slot only.
    Swapped(SwapEntry),
    /// In its slot only, and the last read of it failed: not asked for again
    /// ([`super::MmKnobs::is_read_error_cached`]).
    ReadFailed(SwapEntry),
    /// Lost. Every access is a bus error.
    Poisoned,
}

impl<P> PageState<P> {
    /// The slot that belongs to the page.
    pub(super) const fn entry(&self) -> Option<SwapEntry> {
        match self {
            Self::Resident(resident) | Self::Isolated(resident) => resident.entry,
            Self::InFlight(entry) | Self::Swapped(entry) | Self::ReadFailed(entry) => Some(*entry),
            Self::Untouched | Self::Poisoned => None,
        }
    }
}

/// Where a page is, as others see it between two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageView {
    /// Never touched, or given up: reads as zeros.
    Untouched,
    /// In memory.
    Resident {
        /// Its slot, if it has one. The slot is good only if the page is clean.
        entry: Option<SwapEntry>,
    },
    /// In its slot only.
    Swapped {
        /// The slot.
        entry: SwapEntry,
    },
    /// Lost at a swapoff.
    Poisoned,
}
