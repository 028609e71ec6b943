//! Reservations: what their commands say and what a report consists of.
// Spec: NVMe-Base-2.0c 8.19 "Reservations"

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

bit_fields! {
    /// Dword 10 of Reservation Register.
    // Spec: NVMe-Base-2.0c 7.3 "Reservation Register command"
    Register10(u32) {
        /// 0 = register, 1 = unregister, 2 = replace.
        rrega, with_rrega: 0, 3;
        /// Ignore the existing key.
        iekey, with_iekey: 3, 1;
        /// Change what happens at power loss: 0 = no, 2 = lose, 3 = persist.
        cptpl, with_cptpl: 30, 2;
    }
}

bit_fields! {
    /// Dword 10 of Reservation Acquire and Reservation Release.
    // Spec: NVMe-Base-2.0c 7.2 "Reservation Acquire command"
    // Spec: NVMe-Base-2.0c 7.4 "Reservation Release command"
    Reserve10(u32) {
        /// Acquire: 0 = acquire, 1 = preempt, 2 = preempt and abort. Release: 0 = release, 1 = clear.
        action, with_action: 0, 3;
        /// Ignore the existing key; not allowed here.
        iekey, with_iekey: 3, 1;
        /// The type, from 1 to 6.
        rtype, with_rtype: 8, 8;
    }
}

/// The host of [`ReportHeader`] entries that is on no controller.
pub const CNTLID_NONE: u16 = 0xffff;

/// Dword 11 of Reservation Report: entries with identifiers of 128 bits.
pub const REPORT_EXTENDED: u32 = 1;

/// RESCAP of Identify Namespace: all six types, persistence through power loss, and IEKEY as of 1.3.
pub const RESCAP_ALL: u8 = 0xff;

/// A report begins with this; in the extended form 40 reserved bytes follow.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ReportHeader {
    /// How often registrations changed.
    pub generation: U32,
    /// The type of the reservation that is held; 0 = none.
    pub rtype: u8,
    /// How many entries follow.
    pub regctl: [u8; 2],
    reserved_7: [u8; 2],
    /// Persist through power loss.
    pub ptpls: u8,
    reserved_10: [u8; 14],
}

/// A registrant, by an identifier of 64 bits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ReportEntry {
    /// Its controller.
    pub cntlid: U16,
    /// Bit 0: it holds the reservation.
    pub rcsts: u8,
    reserved_3: [u8; 5],
    /// The host.
    pub hostid: U64,
    /// Its key.
    pub rkey: U64,
}

/// A registrant, by an identifier of 128 bits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ExtendedReportEntry {
    /// Its controller.
    pub cntlid: U16,
    /// Bit 0: it holds the reservation.
    pub rcsts: u8,
    reserved_3: [u8; 5],
    /// Its key.
    pub rkey: U64,
    /// The host.
    pub hostid: [u8; 16],
    reserved_32: [u8; 32],
}

/// Bytes that follow the header in the extended form.
pub const EXTENDED_HEADER_PADDING: usize = 40;

/// [`Notification::kind`]: a registration was preempted.
pub const REGISTRATION_PREEMPTED: u8 = 1;
/// [`Notification::kind`]: a reservation was released.
pub const RESERVATION_RELEASED: u8 = 2;
/// [`Notification::kind`]: a reservation was preempted.
pub const RESERVATION_PREEMPTED: u8 = 3;

/// The reservation notification log: the oldest notification.
// Spec: NVMe-Base-2.0c 5.16.1.24 "Reservation Notification (Log Identifier 80h)"
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Notification {
    /// Counts notifications, from 1; 0 = there is none.
    pub count: U64,
    /// What happened.
    pub kind: u8,
    /// How many more there are.
    pub available: u8,
    reserved_10: [u8; 2],
    /// Where.
    pub nsid: U32,
    reserved_16: [u8; 48],
}

const _: () = assert!(size_of::<ReportHeader>() == 24);
const _: () = assert!(size_of::<ReportEntry>() == 24);
const _: () = assert!(size_of::<ExtendedReportEntry>() == 64);
const _: () = assert!(size_of::<Notification>() == 64);

impl Notification {
    /// A notification, or none if `count` is 0.
    #[must_use]
    pub fn new(count: u64, kind: u8, available: u8, nsid: u32) -> Self {
        Self {
            count: count.into(),
            kind,
            available,
            reserved_10: [0; 2],
            nsid: nsid.into(),
            reserved_16: [0; 48],
        }
    }
}

impl ReportHeader {
    /// A header for so many entries.
    #[must_use]
    pub fn new(generation: u32, rtype: u8, entries: u16, ptpls: bool) -> Self {
        let (generation, regctl) = (generation.into(), entries.to_le_bytes());
        Self { generation, rtype, regctl, ptpls: ptpls.into(), ..Self::default() }
    }
}

impl ReportEntry {
    /// A registrant.
    #[must_use]
    pub fn new(cntlid: u16, is_holder: bool, hostid: u64, rkey: u64) -> Self {
        let (cntlid, hostid, rkey) = (cntlid.into(), hostid.into(), rkey.into());
        Self { cntlid, rcsts: is_holder.into(), hostid, rkey, ..Self::default() }
    }
}

impl ExtendedReportEntry {
    /// A registrant.
    #[must_use]
    pub fn new(cntlid: u16, is_holder: bool, hostid: u128, rkey: u64) -> Self {
        let (cntlid, hostid, rkey) = (cntlid.into(), hostid.to_le_bytes(), rkey.into());
        Self { cntlid, rcsts: is_holder.into(), hostid, rkey, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;

    #[test]
    fn the_fields_are_where_the_standard_puts_them() {
        assert_eq!(offset_of!(ReportHeader, regctl), 5);
        assert_eq!(offset_of!(ReportHeader, ptpls), 9);
        assert_eq!(offset_of!(ReportEntry, hostid), 8);
        assert_eq!(offset_of!(ExtendedReportEntry, hostid), 16);
        assert_eq!(offset_of!(Notification, nsid), 12);
        assert_eq!(Register10(0).with_rrega(2).with_iekey(1).with_cptpl(3).0, 0xc000_000a);
        assert_eq!(Reserve10(0).with_action(1).with_rtype(6).0, 0x0601);
    }
}
