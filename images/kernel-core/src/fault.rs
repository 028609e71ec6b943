//! What the hardware says about an exception.

use core::fmt;

use hal::Access;

/// The vector of a page fault.
pub const VECTOR_PAGE_FAULT: u64 = 14;

/// The error code of a page fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageFaultCode(pub u64);

impl PageFaultCode {
    /// Whether a mapping was there and forbade the access (instead of no mapping at all).
    #[must_use]
    pub fn is_protection(self) -> bool {
        self.0 & 1 != 0
    }

    /// Load or store.
    #[must_use]
    pub fn access(self) -> Access {
        if self.0 & 2 != 0 { Access::Write } else { Access::Read }
    }

    /// Whether a mapping has a reserved bit set: a bug in the page tables.
    #[must_use]
    pub fn is_reserved_bit(self) -> bool {
        self.0 & 8 != 0
    }

    /// Whether the workload may cause it: a load or store in ring 3 of a page that is not there.
    #[must_use]
    pub fn is_demand(self) -> bool {
        self.0 & !2 == 4
    }
}

impl fmt::Display for PageFaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.access() {
            Access::Read => "load",
            Access::Write => "store",
        };
        let why = if self.is_reserved_bit() {
            "reserved bit in the page tables"
        } else if self.is_protection() {
            "not permitted"
        } else {
            "not mapped"
        };
        write!(f, "{what}, {why}")
    }
}

/// The field's name for an exception vector.
#[must_use]
pub fn exception_name(vector: u64) -> &'static str {
    match vector {
        0 => "#DE divide error",
        1 => "#DB debug",
        2 => "NMI",
        3 => "#BP breakpoint",
        4 => "#OF overflow",
        5 => "#BR bound range",
        6 => "#UD invalid opcode",
        7 => "#NM device not available",
        8 => "#DF double fault",
        10 => "#TS invalid TSS",
        11 => "#NP segment not present",
        12 => "#SS stack fault",
        13 => "#GP general protection",
        VECTOR_PAGE_FAULT => "#PF page fault",
        16 => "#MF x87",
        17 => "#AC alignment",
        18 => "#MC machine check",
        19 => "#XM SIMD",
        _ => "unexpected vector",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ring_3_loads_and_stores_of_absent_pages_are_demand_faults() {
        for code in 0..64 {
            assert_eq!(PageFaultCode(code).is_demand(), code == 4 || code == 6, "{code}");
        }
    }

    #[test]
    fn the_write_bit_tells_a_store() {
        assert_eq!(PageFaultCode(6).access(), Access::Write);
        assert_eq!(PageFaultCode(4).access(), Access::Read);
    }
}
