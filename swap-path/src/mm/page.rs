//! Where a page of the address space is.

use crate::SwapEntry;
use crate::frame_id::FrameId;

/// An entry of the page table, as software sees it (Linux `pte_t`, present or swap entry).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pte {
    /// Never touched, or given up: reads as zeros.
    None,
    /// In this frame. Hardware has the mapping too, but for the short time in which reclaim decides.
    Present(FrameId),
    /// In this slot, and counted there. The swap cache may have it in memory all the same.
    Swap(SwapEntry),
    /// Lost. Every access is a bus error.
    Poisoned,
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
    /// In its slot, and in memory only if the swap cache has it.
    Swapped {
        /// The slot.
        entry: SwapEntry,
    },
    /// Lost at a swapoff.
    Poisoned,
}
