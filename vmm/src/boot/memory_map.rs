//! The guest's memory map, as both boot protocols tell it: the numbers of E820.

use machine::layout;

/// The legacy hole begins here. There is memory behind it, with the ACPI tables, but guests expect that
/// they must not use it.
const LOW_MEMORY_END: u64 = 0x9_fc00;

/// A range of the map.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) address: u64,
    pub(super) size_bytes: u64,
    pub(super) kind: u32,
}

/// Memory.
const RAM: u32 = 1;
/// Not memory, and not to be touched by who does not know what it is.
const RESERVED: u32 = 2;

/// The map of a machine with so much memory.
pub(super) fn memory_map(memory_bytes: u64) -> [Range; 3] {
    let range = |address, size_bytes, kind| Range { address, size_bytes, kind };
    [
        range(0, LOW_MEMORY_END, RAM),
        range(layout::KERNEL_BASE, memory_bytes.saturating_sub(layout::KERNEL_BASE), RAM),
        range(layout::ECAM_BASE, layout::ECAM_BYTES, RESERVED),
    ]
}
