//! Counters of an address space. They observe and decide nothing.

/// What an address space has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MmStats {
    /// Page faults.
    pub faults: u64,
    /// Pages that got a frame of zeros.
    pub demand_zero_pages: u64,
    /// Writes to swap, failed ones included.
    pub swap_outs: u64,
    /// Pages written to swap successfully.
    pub swapped_out_pages: u64,
    /// Pages read from swap successfully by faults.
    pub swapped_in_pages: u64,
    /// Pages evicted without I/O.
    pub clean_drop_pages: u64,
    /// Writes to swap that failed.
    pub write_errors: u64,
    /// Reads from swap that failed.
    pub read_errors: u64,
    /// Accesses that were answered with a bus error.
    pub bus_errors: u64,
    /// Faults that got no frame.
    pub out_of_memory: u64,
    /// Pages of zeros that went out without I/O.
    pub zero_out_pages: u64,
    /// Pages of zeros that came in without I/O.
    pub zero_in_pages: u64,
    /// Faults that found their page in the swap cache.
    pub cache_hits: u64,
    /// Pages read beyond those that were asked for.
    pub readahead_pages: u64,
    /// Pages that were copied because their slot, or their parent, is shared.
    pub copied_pages: u64,
    /// Folios that were taken apart.
    pub folio_splits: u64,
    /// The most pages that were in memory at once.
    pub resident_pages_peak: u64,
}
