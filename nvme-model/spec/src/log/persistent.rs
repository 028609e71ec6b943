//! The persistent event log.
// Spec: NVMe-Base-2.0c 5.16.1.14 "Persistent Event Log (Log Identifier 0Dh)"

use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Values of [`EventHeader::event_type`].
pub mod event_type {
    /// A copy of the SMART log.
    pub const SMART_SNAPSHOT: u8 = 0x01;
    /// A firmware image was committed.
    pub const FIRMWARE_COMMIT: u8 = 0x02;
    /// The timestamp was set.
    pub const TIMESTAMP_CHANGE: u8 = 0x03;
    /// Power on, or a reset.
    pub const POWER_ON_OR_RESET: u8 = 0x04;
    /// The subsystem's hardware failed.
    pub const HARDWARE_ERROR: u8 = 0x05;
    /// A namespace was created or deleted.
    pub const CHANGE_NAMESPACE: u8 = 0x06;
    /// Format NVM began.
    pub const FORMAT_START: u8 = 0x07;
    /// Format NVM ended.
    pub const FORMAT_COMPLETION: u8 = 0x08;
    /// A sanitize operation began.
    pub const SANITIZE_START: u8 = 0x09;
    /// A sanitize operation ended.
    pub const SANITIZE_COMPLETION: u8 = 0x0a;
    /// Telemetry was taken.
    pub const TELEMETRY_CREATED: u8 = 0x0c;
    /// The temperature left or came back into its range.
    pub const THERMAL_EXCURSION: u8 = 0x0d;
}

/// [`PersistentHeader::context`]: a context existed before the command, made by port 0 of the subsystem.
pub const CONTEXT_EXISTED: u32 = 1 << 18 | 1 << 16;

/// Where [`PersistentHeader::context`] is.
pub const CONTEXT_OFFSET: usize = 374;

/// The header of the log.
#[derive(Clone, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PersistentHeader {
    /// Log identifier.
    pub lid: u8,
    reserved_1: [u8; 3],
    /// Events in the log.
    pub events: U32,
    /// Bytes of the log, this header included.
    pub length_bytes: U64,
    /// Revision of the log: 2.
    pub revision: u8,
    reserved_17: u8,
    /// Bytes of this header after this field.
    pub header_length: U16,
    /// The timestamp when the context was established.
    pub timestamp: U64,
    /// Power on hours.
    pub power_on_hours: U128,
    /// Power cycles.
    pub power_cycles: U64,
    /// PCI vendor.
    pub vid: U16,
    /// PCI subsystem vendor.
    pub ssvid: U16,
    /// Serial number.
    pub sn: [u8; 20],
    /// Model number.
    pub mn: [u8; 40],
    /// NVM subsystem qualified name.
    pub subnqn: [u8; 256],
    /// Which report this is.
    pub generation: U16,
    /// See [`CONTEXT_EXISTED`]; zero if there was no context before.
    pub context: U32,
    reserved_378: [u8; 102],
    /// Supported events, by number.
    pub supported: [u8; 32],
}

/// The header of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct EventHeader {
    /// See [`event_type`].
    pub event_type: u8,
    /// Revision of the event: 1.
    pub revision: u8,
    /// Bytes of this header after this field: 21.
    pub header_length: u8,
    /// Additional information.
    pub additional: u8,
    /// The controller.
    pub cntlid: U16,
    /// When, as a timestamp.
    pub timestamp: U64,
    /// Port.
    pub port: U16,
    reserved_16: [u8; 4],
    /// Bytes of vendor specific information at the event's end.
    pub vendor_length: U16,
    /// Bytes after this header.
    pub length: U16,
}

const _: () = assert!(size_of::<EventHeader>() == 24);

structure!(PersistentHeader, 512);

impl EventHeader {
    /// The header of an event of this type with so many bytes of data.
    #[must_use]
    pub fn new(event_type: u8, length: u16, timestamp: u64) -> Self {
        let mut header = Self::new_zeroed();
        header.event_type = event_type;
        header.revision = 1;
        header.header_length = 21;
        header.timestamp = timestamp.into();
        header.length = length.into();
        header
    }

    /// Reads the header out of the first bytes of `bytes`; `None` if they are too few.
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
    fn the_fields_are_where_the_standard_puts_them() {
        assert_eq!(offset_of!(PersistentHeader, header_length), 18);
        assert_eq!(offset_of!(PersistentHeader, power_cycles), 44);
        assert_eq!(offset_of!(PersistentHeader, subnqn), 116);
        assert_eq!(offset_of!(PersistentHeader, generation), 372);
        assert_eq!(offset_of!(PersistentHeader, context), CONTEXT_OFFSET);
        assert_eq!(offset_of!(PersistentHeader, supported), 480);
        assert_eq!(offset_of!(EventHeader, timestamp), 6);
        assert_eq!(offset_of!(EventHeader, length), 22);
    }
}
