//! Planted bugs: mistakes of swap code that have been made, or could be, each behind a name.
//!
//! A laboratory that finds nothing has to show that it would. Every bug here is caught by an oracle of
//! a test or of a scenario's control, which names it. None is on unless somebody asks.

use core::fmt;

use alloc::vec::Vec;

macro_rules! bugs {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// A mistake that can be planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Bug { $($(#[doc = $doc])* $name,)* }

        impl Bug {
            /// Every bug.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name on the command line and in scenario files.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it does, in one sentence.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*),)* }
            }
        }
    };
}

#[rustfmt::skip]
bugs! {
    /// A dirty page that has a slot is evicted without writing it again: the slot is stale.
    StaleSlot = "bug-stale-slot",
    /// The dirty bit of a page that reclaim spares is forgotten.
    DirtyBitLost = "bug-dirty-bit-lost",
    /// The swap cache still points to the frame after the page went out.
    CacheKept = "bug-cache-kept",
    /// A write counts as done before the device has it.
    EarlyCompletion = "bug-early-completion",
    /// Slots of two areas are written as one run of the first.
    AreaMixup = "bug-area-mixup",
    /// Slots with a gap between them are written as one run.
    GapWritten = "bug-gap-written",
    /// The zero bit of a slot stays when the slot gets data.
    ZeroBitKept = "bug-zero-bit-kept",
    /// Only the first bytes of a page are looked at to find out that it is all zeros.
    ZeroCheckShort = "bug-zero-check-short",
    /// A folio that is split gives each page its neighbour's frame.
    SplitSwapped = "bug-split-swapped",
    /// The `swap` path asks the heap for each I/O.
    PoolFromHeap = "bug-pool-from-heap",
    /// Swapoff brings a shared slot back for one of its pages only.
    SwapoffForgetsSharers = "bug-swapoff-forgets-sharers",
    /// A page that swapoff brought back counts as clean, though it is nowhere else.
    CleanAfterSwapoff = "bug-clean-after-swapoff",
    /// The slot's count is dropped although the page could not be read.
    CountTooEarly = "bug-count-too-early",
    /// Giving up a page drops its slot's count twice.
    DoubleFree = "bug-double-free",
    /// Fork gives the child the slot without counting it.
    ForkUncounted = "bug-fork-uncounted",
    /// A fault takes the frame of a shared slot for itself.
    SharedInPlace = "bug-shared-in-place",
    /// The header's bad pages are handed out.
    BadPageUsed = "bug-bad-page-used",
    /// Areas are used in the order of their swapon, whatever their priority.
    PriorityIgnored = "bug-priority-ignored",
    /// Readahead reads slots that are free.
    ReadaheadFreed = "bug-readahead-freed",
    /// A page whose write failed counts as clean.
    WriteErrorTrusted = "bug-write-error-trusted",
    /// A read that failed counts as done.
    ReadErrorIgnored = "bug-read-error-ignored",
    /// The retry of a failed cluster read asks for the cluster's first slot.
    RetryWrongSlot = "bug-retry-wrong-slot",
    /// The header's slot is handed out.
    HeaderUsed = "bug-header-used",
    /// One slot more is handed out than the file has.
    SlotPastEnd = "bug-slot-past-end",
    /// A page touched for the first time gets a frame as it is.
    FrameNotZeroed = "bug-frame-not-zeroed",
    /// Swapoff reads a slot whose page a fault has in hand, and puts what it read in the fault's place.
    SwapoffRacesFault = "bug-swapoff-races-fault",
}

/// The bugs that are planted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bugs(u64);

impl Bugs {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// These and `bug`.
    #[must_use]
    pub const fn with(self, bug: Bug) -> Self {
        Self(self.0 | 1 << bug as u8)
    }

    /// True if `bug` is planted.
    #[must_use]
    pub const fn has(self, bug: Bug) -> bool {
        self.0 & 1 << bug as u8 != 0
    }

    /// True if none is.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl From<Bug> for Bugs {
    fn from(bug: Bug) -> Self {
        Self::default().with(bug)
    }
}

impl fmt::Display for Bugs {
    /// The names, with commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let planted: Vec<_> =
            Bug::ALL.iter().filter(|bug| self.has(**bug)).map(|bug| bug.name()).collect();
        f.write_str(&planted.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_bug_has_its_own_name_bit_and_sentence() {
        let names: BTreeSet<_> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        assert_eq!(names.len(), Bug::ALL.len());
        for bug in Bug::ALL {
            let bugs = Bugs::from(*bug);
            assert_eq!(Bug::ALL.iter().filter(|other| bugs.has(**other)).count(), 1);
            assert!(bug.name().starts_with("bug-") && bug.text().ends_with('.'), "{bug:?}");
        }
    }
}
