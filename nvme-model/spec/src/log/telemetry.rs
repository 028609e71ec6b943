//! The telemetry logs.
// Spec: NVMe-Base-2.0c 5.16.1.8 "Telemetry Host-Initiated (Log Identifier 07h)"

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of a block of telemetry; the header is one.
pub const TELEMETRY_BLOCK_BYTES: usize = 512;

/// The header, common to both telemetry logs.
#[derive(Clone, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TelemetryHeader {
    /// Log identifier.
    pub lid: u8,
    reserved_1: [u8; 4],
    /// IEEE OUI.
    pub ieee: [u8; 3],
    /// The last block of data area 1; the first is block 1.
    pub area_1_last: U16,
    /// The last block of data area 2.
    pub area_2_last: U16,
    /// The last block of data area 3.
    pub area_3_last: U16,
    reserved_14: [u8; 2],
    /// The last block of data area 4; 0 = none.
    pub area_4_last: U32,
    reserved_20: [u8; 361],
    /// Generation of host-initiated data (log 07h).
    pub host_generation: u8,
    /// Controller-initiated data is there.
    pub has_controller_data: u8,
    /// Generation of controller-initiated data.
    pub controller_generation: u8,
    /// Why the data was taken; vendor specific.
    pub reason: [u8; 128],
}

structure!(TelemetryHeader, TELEMETRY_BLOCK_BYTES);

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;

    #[test]
    fn the_fields_are_where_the_standard_puts_them() {
        assert_eq!(offset_of!(TelemetryHeader, ieee), 5);
        assert_eq!(offset_of!(TelemetryHeader, area_4_last), 16);
        assert_eq!(offset_of!(TelemetryHeader, host_generation), 381);
        assert_eq!(offset_of!(TelemetryHeader, reason), 384);
    }
}
