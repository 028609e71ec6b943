//! The extended SMART log of the Open Compute Project's Datacenter NVMe SSD specification.

use zerocopy::little_endian::{U16, U64, U128};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// What the log ends with.
// Spec: OCP-DC-NVMe-2.0 4.8.3 "SMART / Health Information Extended (Log Identifier C0h)"
pub const OCP_SMART_GUID: u128 = 0xafd5_14c9_7c6f_4f9c_a4f2_bfea_2810_afc5;

/// The log. Fields that this project has no use for are reserved here.
#[derive(Clone, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct OcpSmartLog {
    /// Bytes written to the media, overhead included.
    pub media_bytes_written: U128,
    /// Bytes read from the media.
    pub media_bytes_read: U128,
    /// Bad user blocks: 6 bytes how many, 2 bytes what is left in percent.
    pub bad_user_blocks: [u8; 8],
    /// Bad system blocks, as `bad_user_blocks`.
    pub bad_system_blocks: [u8; 8],
    /// Recoveries by XOR.
    pub xor_recoveries: U64,
    /// Reads that could not be corrected.
    pub uncorrectable_reads: U64,
    /// Soft errors that were corrected.
    pub soft_ecc_errors: U64,
    /// End-to-end errors: 4 bytes detected, 4 bytes corrected.
    pub end_to_end_errors: [u8; 8],
    /// System data life used in percent.
    pub system_data_used: u8,
    /// Refreshes.
    pub refreshes: [u8; 7],
    /// Erase counts of user data: 4 bytes largest, 4 bytes smallest.
    pub erase_counts: [u8; 8],
    /// Thermal throttling: status, then events.
    pub throttling: [u8; 2],
    /// Version of the specification: errata, point, minor, major.
    pub dssd_version: [u8; 6],
    /// Correctable PCIe errors.
    pub pcie_errors: U64,
    /// Shutdowns that were not complete.
    pub incomplete_shutdowns: [u8; 4],
    reserved_116: [u8; 4],
    /// Free blocks in percent.
    pub free_blocks: u8,
    reserved_121: [u8; 7],
    /// Capacitor health in percent; FFFFh = no capacitor.
    pub capacitor_health: U16,
    /// NVMe errata version.
    pub nvme_errata: u8,
    reserved_131: [u8; 5],
    /// I/O commands whose data was not aligned.
    pub unaligned_io: U64,
    /// Security version.
    pub security_version: U64,
    /// Blocks in use, all namespaces.
    pub nuse: U64,
    /// Times that power loss protection began.
    pub plp_starts: U128,
    /// Bytes that may be written over the life of the device.
    pub endurance_estimate: U128,
    /// PCIe link retrainings.
    pub pcie_retrainings: U64,
    /// Power state changes.
    pub power_state_changes: U64,
    reserved_208: [u8; 286],
    /// Version of the log.
    pub log_version: U16,
    /// [`OCP_SMART_GUID`].
    pub guid: U128,
}

const _: () = assert!(size_of::<OcpSmartLog>() == 512);

impl OcpSmartLog {
    /// All zeros but for version and GUID.
    #[must_use]
    pub fn zeroed() -> Self {
        let mut log = Self::new_zeroed();
        log.log_version = 3.into();
        log.guid = OCP_SMART_GUID.into();
        log
    }

    /// Reads the log out of the first bytes of `bytes`; `None` if they are too few.
    #[must_use]
    pub fn from_prefix(bytes: &[u8]) -> Option<Self> {
        Self::read_from_prefix(bytes).ok().map(|(this, _)| this)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;

    #[test]
    fn the_fields_are_where_the_specification_puts_them() {
        let offsets = [
            (offset_of!(OcpSmartLog, uncorrectable_reads), 56),
            (offset_of!(OcpSmartLog, erase_counts), 88),
            (offset_of!(OcpSmartLog, dssd_version), 98),
            (offset_of!(OcpSmartLog, pcie_errors), 104),
            (offset_of!(OcpSmartLog, free_blocks), 120),
            (offset_of!(OcpSmartLog, unaligned_io), 136),
            (offset_of!(OcpSmartLog, nuse), 152),
            (offset_of!(OcpSmartLog, endurance_estimate), 176),
            (offset_of!(OcpSmartLog, power_state_changes), 200),
            (offset_of!(OcpSmartLog, guid), 496),
        ];
        for (is, should) in offsets {
            assert_eq!(is, should);
        }
        assert_eq!(OcpSmartLog::zeroed().as_bytes()[496..500], [0xc5, 0xaf, 0x10, 0x28]);
    }
}
