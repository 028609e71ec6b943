//! The sanitize status log.
// Spec: NVMe-Base-2.0c 5.16.1.25 "Sanitize Status (Log Identifier 81h)"

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Values of [`SanitizeLog::sstat`].
pub mod sstat {
    /// Bits 2:0: never sanitized.
    pub const NEVER: u16 = 0;
    /// Bits 2:0: the last one succeeded.
    pub const SUCCESS: u16 = 1;
    /// Bits 2:0: one is in progress.
    pub const IN_PROGRESS: u16 = 2;
    /// Bits 2:0: the last one failed.
    pub const FAILED: u16 = 3;
    /// Bits 2:0: the last one succeeded, and deallocated although it was asked not to.
    pub const UNEXPECTED_DEALLOCATION: u16 = 4;
    /// Bits 7:3: overwrite passes that are complete.
    pub const PASSES_SHIFT: u32 = 3;
    /// Nothing was written since the last successful one, or ever.
    pub const GLOBAL_DATA_ERASED: u16 = 1 << 8;
}

/// The log.
#[derive(Clone, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SanitizeLog {
    /// How much is done, in 65536ths; FFFFh if none is in progress.
    pub sprog: U16,
    /// See [`sstat`].
    pub sstat: U16,
    /// Dword 10 of the Sanitize command.
    pub scdw10: U32,
    /// Seconds that 16 passes of overwrite take.
    pub eto: U32,
    /// Seconds that a block erase takes.
    pub etbe: U32,
    /// Seconds that a crypto erase takes.
    pub etce: U32,
    /// As `eto`, without deallocation.
    pub etond: U32,
    /// As `etbe`, without deallocation.
    pub etbend: U32,
    /// As `etce`, without deallocation.
    pub etcend: U32,
    reserved_32: [u8; 480],
}

structure!(SanitizeLog, 512);

impl SanitizeLog {
    /// No estimate.
    pub const NO_ESTIMATE: u32 = u32::MAX;
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;

    #[test]
    fn the_fields_are_where_the_standard_puts_them() {
        assert_eq!(offset_of!(SanitizeLog, scdw10), 4);
        assert_eq!(offset_of!(SanitizeLog, etce), 16);
        assert_eq!(offset_of!(SanitizeLog, etcend), 28);
    }
}
