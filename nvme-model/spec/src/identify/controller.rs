//! The Identify Controller structure.
// Spec: NVMe-Base-2.0c 5.17.2.1 "Identify Controller data structure (CNS 01h)"

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::IDENTIFY_BYTES;

/// Bits of [`IdentifyController::oacs`].
pub mod oacs {
    /// Format NVM.
    pub const FORMAT: u16 = 1 << 1;
    /// Firmware download and commit.
    pub const FIRMWARE: u16 = 1 << 2;
    /// Namespace management and attachment.
    pub const NAMESPACE_MANAGEMENT: u16 = 1 << 3;
    /// Device Self-test.
    pub const SELF_TEST: u16 = 1 << 4;
    /// Directive Send and Directive Receive.
    pub const DIRECTIVES: u16 = 1 << 5;
    /// Doorbell Buffer Config.
    pub const DOORBELL_BUFFER: u16 = 1 << 8;
    /// Get LBA Status.
    pub const GET_LBA_STATUS: u16 = 1 << 9;
}

/// Bits of [`IdentifyController::oncs`].
pub mod oncs {
    /// Compare.
    pub const COMPARE: u16 = 1;
    /// Write Uncorrectable.
    pub const WRITE_UNCORRECTABLE: u16 = 1 << 1;
    /// Dataset Management.
    pub const DATASET_MANAGEMENT: u16 = 1 << 2;
    /// Write Zeroes.
    pub const WRITE_ZEROES: u16 = 1 << 3;
    /// Save in Set Features and Select in Get Features.
    pub const FEATURE_SAVE_SELECT: u16 = 1 << 4;
    /// Timestamp.
    pub const TIMESTAMP: u16 = 1 << 6;
    /// Reservations.
    pub const RESERVATIONS: u16 = 1 << 5;
    /// Verify.
    pub const VERIFY: u16 = 1 << 7;
    /// Copy.
    pub const COPY: u16 = 1 << 8;
}

/// Bits of [`IdentifyController::oaes`]; the same bits enable the notices in Asynchronous Event
/// Configuration.
pub mod oaes {
    /// Namespace attribute notices.
    pub const NAMESPACE: u32 = 1 << 8;
    /// Firmware activation notices.
    pub const FIRMWARE_ACTIVATION: u32 = 1 << 9;
    /// Telemetry log notices.
    pub const TELEMETRY: u32 = 1 << 10;
}

/// Bits of [`IdentifyController::ctratt`].
pub mod ctratt {
    /// Host identifiers of 128 bits.
    pub const HOST_ID_128: u32 = 1;
    /// Extended LBA formats.
    pub const EXTENDED_FORMATS: u32 = 1 << 15;
    /// Non-operational power state permissive mode.
    pub const NON_OPERATIONAL_PERMISSIVE: u32 = 1 << 1;
}

/// Bits of [`IdentifyController::frmw`].
pub mod frmw {
    /// Slot 1 is read-only.
    pub const FIRST_READ_ONLY: u8 = 1;
    /// Bits 3:1: how many slots there are.
    pub const SLOTS_SHIFT: u32 = 1;
    /// Firmware is activated without a reset if the host wants that.
    pub const ACTIVATE_NOW: u8 = 1 << 4;
    /// Overlapping updates are detected.
    pub const OVERLAP_DETECTED: u8 = 1 << 5;
}

/// Bits of [`IdentifyController::lpa`].
pub mod lpa {
    /// The commands supported and effects log.
    pub const EFFECTS: u8 = 1 << 1;
    /// Length and offset in Get Log Page beyond 12 bits.
    pub const EXTENDED: u8 = 1 << 2;
    /// Telemetry.
    pub const TELEMETRY: u8 = 1 << 3;
    /// The persistent event log.
    pub const PERSISTENT_EVENT: u8 = 1 << 4;
    /// Supported log pages, and feature identifiers supported and effects.
    pub const SUPPORTED: u8 = 1 << 5;
}

/// Bits of [`IdentifyController::sanicap`].
pub mod sanicap {
    /// Crypto erase.
    pub const CRYPTO_ERASE: u32 = 1;
    /// Block erase.
    pub const BLOCK_ERASE: u32 = 1 << 1;
    /// Overwrite.
    pub const OVERWRITE: u32 = 1 << 2;
    /// A sanitize deallocates whatever the host asked for.
    pub const NO_DEALLOCATE_INHIBITED: u32 = 1 << 29;
    /// Bits 31:30 = 01b: the media is not modified after a sanitize.
    pub const NOT_MODIFIED_AFTER: u32 = 1 << 30;
}

/// Bits of [`IdentifyController::vwc`].
pub mod vwc {
    /// A volatile write cache is present.
    pub const PRESENT: u8 = 1;
    /// Bits 2:1 = 11b: Flush accepts the broadcast namespace.
    pub const FLUSH_BROADCAST: u8 = 3 << 1;
}

/// Bit of [`IdentifyController::fuses`]: Compare and Write.
pub const FUSES_COMPARE_AND_WRITE: u16 = 1;

/// Bits of [`IdentifyController::fna`].
pub mod fna {
    /// A format is of all namespaces.
    pub const FORMAT_ALL: u8 = 1;
    /// A secure erase is of all namespaces.
    pub const ERASE_ALL: u8 = 1 << 1;
    /// Cryptographic erase is supported.
    pub const CRYPTOGRAPHIC_ERASE: u8 = 1 << 2;
}

/// Bits of [`IdentifyController::sgls`].
pub mod sgls {
    /// SGLs are supported, data blocks without an alignment.
    pub const SUPPORTED: u32 = 1;
    /// Bit buckets.
    pub const BIT_BUCKET: u32 = 1 << 16;
    /// With PSDT 01b, the metadata buffer may begin at any byte.
    pub const METADATA_BYTE_ALIGNED: u32 = 1 << 17;
    /// A list may be longer than the data.
    pub const LONGER_THAN_DATA: u32 = 1 << 18;
    /// With PSDT 10b, the metadata pointer is the address of a descriptor.
    pub const METADATA_DESCRIPTOR: u32 = 1 << 19;
}

/// A power state descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PowerState {
    /// Maximum power in 10 mW.
    pub mp: U16,
    reserved_2: u8,
    /// Bit 0: `mp` is in 0.1 mW; bit 1: non-operational.
    pub flags: u8,
    /// Entry latency in microseconds.
    pub enlat: U32,
    /// Exit latency in microseconds.
    pub exlat: U32,
    /// Relative read throughput: 0 = best.
    pub rrt: u8,
    /// Relative read latency: 0 = best.
    pub rrl: u8,
    /// Relative write throughput: 0 = best.
    pub rwt: u8,
    /// Relative write latency: 0 = best.
    pub rwl: u8,
    reserved_16: [u8; 16],
}

/// [`PowerState::flags`]: no I/O command is processed in this state.
pub const POWER_STATE_NON_OPERATIONAL: u8 = 1 << 1;

/// What a controller says about itself.
#[derive(Clone, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IdentifyController {
    /// PCI vendor.
    pub vid: U16,
    /// PCI subsystem vendor.
    pub ssvid: U16,
    /// Serial number, ASCII, space-padded.
    pub sn: [u8; 20],
    /// Model number, ASCII, space-padded.
    pub mn: [u8; 40],
    /// Firmware revision, ASCII, space-padded.
    pub fr: [u8; 8],
    /// Recommended arbitration burst.
    pub rab: u8,
    /// IEEE OUI.
    pub ieee: [u8; 3],
    /// Multi-path capabilities.
    pub cmic: u8,
    /// The largest transfer is `minimum page << mdts` bytes; 0 = no limit.
    pub mdts: u8,
    /// Controller identifier.
    pub cntlid: U16,
    /// Version, as in VS.
    pub ver: U32,
    /// RTD3 resume latency in microseconds.
    pub rtd3r: U32,
    /// RTD3 entry latency in microseconds.
    pub rtd3e: U32,
    /// Optional asynchronous events supported.
    pub oaes: U32,
    /// Controller attributes.
    pub ctratt: U32,
    /// Read recovery levels.
    pub rrls: U16,
    reserved_102: [u8; 9],
    /// Controller type: 1 = I/O.
    pub cntrltype: u8,
    /// FRU identifier.
    pub fguid: [u8; 16],
    /// Command retry delay 1 in 100 ms.
    pub crdt1: U16,
    /// Command retry delay 2 in 100 ms.
    pub crdt2: U16,
    /// Command retry delay 3 in 100 ms.
    pub crdt3: U16,
    reserved_134: [u8; 122],
    /// Optional admin commands; see [`oacs`].
    pub oacs: U16,
    /// Concurrent aborts, zero-based.
    pub acl_z: u8,
    /// Outstanding asynchronous event requests, zero-based.
    pub aerl_z: u8,
    /// Firmware slots.
    pub frmw: u8,
    /// Log page attributes.
    pub lpa: u8,
    /// Error log entries, zero-based.
    pub elpe_z: u8,
    /// Power states, zero-based.
    pub npss_z: u8,
    /// Admin vendor specific commands.
    pub avscc: u8,
    /// Autonomous power state transitions.
    pub apsta: u8,
    /// Warning composite temperature in kelvins.
    pub wctemp: U16,
    /// Critical composite temperature in kelvins.
    pub cctemp: U16,
    /// Maximum time for firmware activation in 100 ms.
    pub mtfa: U16,
    /// Host memory buffer, preferred.
    pub hmpre: U32,
    /// Host memory buffer, minimum.
    pub hmmin: U32,
    /// Total NVM capacity in bytes.
    pub tnvmcap: [u8; 16],
    /// Unallocated NVM capacity in bytes.
    pub unvmcap: [u8; 16],
    /// Replay protected memory blocks.
    pub rpmbs: U32,
    /// Extended self-test time in minutes.
    pub edstt: U16,
    /// Self-test options; bit 0: one self-test at a time in the subsystem.
    pub dsto: u8,
    /// Firmware update granularity in 4 KiB; 0 = not said, 255 = none.
    pub fwug: u8,
    /// Keep alive granularity in 100 ms; 0 = not supported.
    pub kas: U16,
    /// Host controlled thermal management.
    pub hctma: U16,
    /// Minimum thermal management temperature in kelvins.
    pub mntmt: U16,
    /// Maximum thermal management temperature in kelvins.
    pub mxtmt: U16,
    /// Sanitize capabilities; see [`sanicap`].
    pub sanicap: U32,
    /// Host memory buffer, minimum descriptor entry.
    pub hmminds: U32,
    /// Host memory buffer, most descriptor entries.
    pub hmmaxd: U16,
    /// The largest NVM set identifier.
    pub nsetidmax: U16,
    /// The largest endurance group identifier.
    pub endgidmax: U16,
    /// ANA transition time in seconds.
    pub anatt: u8,
    /// ANA capabilities.
    pub anacap: u8,
    /// The largest ANA group identifier.
    pub anagrpmax: U32,
    /// ANA group identifiers.
    pub nanagrpid: U32,
    /// The largest persistent event log in 64 KiB.
    pub pels: U32,
    /// Domain.
    pub domainid: U16,
    reserved_358: [u8; 154],
    /// Submission queue entry size: low nibble required, high nibble maximum, as powers of two.
    pub sqes: u8,
    /// Completion queue entry size, as `sqes`.
    pub cqes: u8,
    /// The most outstanding commands of one queue.
    pub maxcmd: U16,
    /// The largest namespace identifier.
    pub nn: U32,
    /// Optional NVM commands; see [`oncs`].
    pub oncs: U16,
    /// Fused operations.
    pub fuses: U16,
    /// Format attributes; see [`fna`].
    pub fna: u8,
    /// Volatile write cache; see [`vwc`].
    pub vwc: u8,
    /// Atomic write unit in normal operation, in blocks, zero-based.
    pub awun_z: U16,
    /// Atomic write unit at power failure, in blocks, zero-based.
    pub awupf_z: U16,
    /// I/O vendor specific commands.
    pub icsvscc: u8,
    /// Namespace write protection.
    pub nwpc: u8,
    /// Atomic compare and write unit, zero-based.
    pub acwu_z: U16,
    /// Copy descriptor formats.
    pub cdfs: U16,
    /// SGL support; see [`sgls`].
    pub sgls: U32,
    /// The most allowed namespaces.
    pub mnan: U32,
    reserved_544: [u8; 224],
    /// NVM subsystem qualified name, UTF-8, zero-padded.
    pub subnqn: [u8; 256],
    reserved_1024: [u8; 1024],
    /// Power state descriptors.
    pub psd: [PowerState; 32],
    vendor_3072: [u8; 1024],
}

const _: () = assert!(size_of::<PowerState>() == 32);

structure!(IdentifyController, IDENTIFY_BYTES);

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;

    #[test]
    fn the_fields_are_where_the_standard_puts_them() {
        let offsets = [
            (offset_of!(IdentifyController, mn), 24),
            (offset_of!(IdentifyController, rab), 72),
            (offset_of!(IdentifyController, mdts), 77),
            (offset_of!(IdentifyController, ver), 80),
            (offset_of!(IdentifyController, oaes), 92),
            (offset_of!(IdentifyController, cntrltype), 111),
            (offset_of!(IdentifyController, crdt1), 128),
            (offset_of!(IdentifyController, oacs), 256),
            (offset_of!(IdentifyController, aerl_z), 259),
            (offset_of!(IdentifyController, lpa), 261),
            (offset_of!(IdentifyController, wctemp), 266),
            (offset_of!(IdentifyController, tnvmcap), 280),
            (offset_of!(IdentifyController, edstt), 316),
            (offset_of!(IdentifyController, fwug), 319),
            (offset_of!(IdentifyController, kas), 320),
            (offset_of!(IdentifyController, sanicap), 328),
            (offset_of!(IdentifyController, anatt), 342),
            (offset_of!(IdentifyController, pels), 352),
            (offset_of!(PowerState, flags), 3),
            (offset_of!(PowerState, rwl), 15),
            (offset_of!(IdentifyController, sqes), 512),
            (offset_of!(IdentifyController, nn), 516),
            (offset_of!(IdentifyController, oncs), 520),
            (offset_of!(IdentifyController, vwc), 525),
            (offset_of!(IdentifyController, awupf_z), 528),
            (offset_of!(IdentifyController, sgls), 536),
            (offset_of!(IdentifyController, subnqn), 768),
            (offset_of!(IdentifyController, psd), 2048),
        ];
        for (is, should) in offsets {
            assert_eq!(is, should);
        }
    }

    #[test]
    fn a_short_buffer_is_refused() {
        assert_eq!(IdentifyController::from_prefix(&[0; 4095]), None);
        assert!(IdentifyController::from_prefix(&[0; 4096]).is_some());
    }
}
