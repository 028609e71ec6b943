//! How large the address space's memory is and how reclaim behaves.

use core::fmt;

use super::Watermarks;
use crate::bugs::Bugs;
use crate::path::CLUSTER_PAGES_MAX;

/// The largest folio: 2 MiB, as one entry of a page table's second level maps.
pub const FOLIO_ORDER_MAX: u8 = 9;

/// How a victim is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReclaimPolicy {
    /// The page that came in first goes out first.
    Fifo,
    /// As [`ReclaimPolicy::Fifo`], but a page whose accessed bit is set loses the bit and goes to the
    /// end of the queue instead, once.
    #[default]
    SecondChance,
    /// Linux's two lists: what was used again is active, and only what is inactive goes out, oldest first.
    /// The active list shrinks when the inactive one is shorter than half of it.
    TwoLists,
}

impl ReclaimPolicy {
    /// Every policy.
    pub const ALL: &'static [Self] = &[Self::Fifo, Self::SecondChance, Self::TwoLists];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fifo => "fifo",
            Self::SecondChance => "second-chance",
            Self::TwoLists => "two-lists",
        }
    }
}

/// Sizes and policies of an address space. [`MmConfig::new`] has the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmConfig {
    /// Pages that may be in memory while reclaim works. At least 2.
    pub resident_pages_max: usize,
    /// Frames beyond the limit, for the time when nothing can be reclaimed because swap-outs fail.
    /// When they are used up, a fault ends in out of memory.
    pub reserve_pages: usize,
    /// Pages that reclaim tries to write with one I/O: 1 to [`CLUSTER_PAGES_MAX`], at most half of
    /// `resident_pages_max`.
    pub cluster_pages: usize,
    /// Swap-outs that may fail in one reclaim before it gives up. At least 1. Bounds the time of a
    /// fault: each failure may be as long as the driver's whole time-out ladder.
    pub reclaim_failures_max: u32,
    /// How a victim is chosen.
    pub policy: ReclaimPolicy,
    /// Pages that a fault reads with one I/O (Linux `1 << page-cluster`): its own and neighbours in
    /// swap. 1 to [`CLUSTER_PAGES_MAX`].
    pub read_cluster_pages: usize,
    /// Untouched memory is given out in folios of `1 << folio_order` pages: 0 (single pages) or 2 to
    /// [`FOLIO_ORDER_MAX`]. They are swapped as a whole where slots and area allow it.
    pub folio_order: u8,
    /// When somebody should reclaim in the background.
    pub watermarks: Watermarks,
    /// Deviations, for experiments.
    pub knobs: MmKnobs,
    /// Bugs that are planted.
    pub bugs: Bugs,
}

/// What the address space does otherwise than it was designed. All off is the design.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MmKnobs {
    /// A swap-out that failed counts as done, and the page is dropped: what the mail fears that the mm
    /// code does with errors. Silent loss.
    pub is_write_error_dropped: bool,
    /// A page whose read failed is remembered: the next access is a bus error without any I/O, until
    /// [`crate::Mm::drop_failed_reads`] (Linux: the folio stays in the swap cache, not up to date). The
    /// design asks the device again.
    pub is_read_error_cached: bool,
    /// A cluster read that failed is lost as a whole, with the pages that are good (Linux). The
    /// design reads the page that was asked for again, alone.
    pub is_read_cluster_lost_whole: bool,
    /// Each slot has a checksum in memory, eight bytes: a page that comes back otherwise than it went is a read error
    /// (`EUCLEAN`), and not wrong data. Linux has none for swap.
    pub has_slot_checksums: bool,
}

impl MmKnobs {
    /// No deviation.
    pub const DESIGN: Self = Self {
        is_write_error_dropped: false,
        is_read_error_cached: false,
        is_read_cluster_lost_whole: false,
        has_slot_checksums: false,
    };
}

impl MmConfig {
    /// Defaults for a resident limit: an eighth of it in reserve (at least 4 pages), clusters of up to
    /// 8 pages, 4 failures, second chance, no cluster reads, no folios.
    #[must_use]
    pub fn new(resident_pages_max: usize) -> Self {
        let reserve_pages = (resident_pages_max / 8).max(4);
        Self {
            resident_pages_max,
            reserve_pages,
            cluster_pages: (resident_pages_max / 4).clamp(1, 8),
            reclaim_failures_max: 4,
            policy: ReclaimPolicy::default(),
            read_cluster_pages: 1,
            folio_order: 0,
            watermarks: Watermarks::of(resident_pages_max, reserve_pages),
            knobs: MmKnobs::default(),
            bugs: Bugs::default(),
        }
    }

    /// Frames that the address space owns from the start.
    pub(super) const fn frames(&self) -> usize {
        self.resident_pages_max.saturating_add(self.reserve_pages)
    }

    pub(super) fn check(&self) -> Result<(), MmError> {
        let cluster_max = CLUSTER_PAGES_MAX.min(self.resident_pages_max / 2);
        if self.resident_pages_max < 2 {
            return Err(MmError::ResidentLimit(self.resident_pages_max));
        }
        if !(1..=cluster_max).contains(&self.cluster_pages) {
            return Err(MmError::Cluster { pages: self.cluster_pages, pages_max: cluster_max });
        }
        if !(1..=CLUSTER_PAGES_MAX).contains(&self.read_cluster_pages) {
            let pages = self.read_cluster_pages;
            return Err(MmError::ReadCluster { pages });
        }
        if self.reclaim_failures_max == 0 {
            return Err(MmError::NoAttempt);
        }
        if self.folio_order == 1 || self.folio_order > FOLIO_ORDER_MAX {
            return Err(MmError::FolioOrder(self.folio_order));
        }
        self.watermarks.check(self.frames())
    }
}

/// Why there is no address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MmError {
    /// The resident limit is below 2 pages.
    ResidentLimit(usize),
    /// The cluster size is out of range.
    Cluster {
        /// As configured.
        pages: usize,
        /// The most that is possible.
        pages_max: usize,
    },
    /// The cluster size of reads is out of range.
    ReadCluster {
        /// As configured.
        pages: usize,
    },
    /// `reclaim_failures_max` is 0: nothing would ever be written.
    NoAttempt,
    /// There are no folios of that order.
    FolioOrder(u8),
    /// The watermarks are not in order, or beyond the frames there are.
    Watermarks(Watermarks),
    /// Not enough memory for the frames.
    OutOfMemory {
        /// Frames that were wanted.
        frames: usize,
    },
}

impl fmt::Display for MmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResidentLimit(pages) => {
                write!(f, "resident limit of {pages} pages, at least 2 are needed")
            }
            Self::Cluster { pages, pages_max } => {
                write!(f, "swap-out cluster of {pages} pages, 1 to {pages_max} are possible")
            }
            Self::ReadCluster { pages } => {
                write!(f, "swap-in cluster of {pages} pages, 1 to {CLUSTER_PAGES_MAX} are possible")
            }
            Self::NoAttempt => f.write_str("reclaim_failures_max is 0, at least 1 is needed"),
            Self::FolioOrder(order) => {
                write!(f, "folios of order {order}, 0 and 2 to {FOLIO_ORDER_MAX} are possible")
            }
            Self::Watermarks(marks) => write!(
                f,
                "watermarks {} <= {} <= {} must rise and stay below the frames there are",
                marks.min_pages, marks.low_pages, marks.high_pages
            ),
            Self::OutOfMemory { frames } => write!(
                f,
                "no memory for {frames} frames, lower resident_pages_max or reserve_pages"
            ),
        }
    }
}

impl core::error::Error for MmError {}
