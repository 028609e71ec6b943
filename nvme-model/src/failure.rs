//! Why a command fails, and where every kind of error ends up.

use nvme_spec::log::NO_LOCATION;
use nvme_spec::{Status, StatusCode, status};

use crate::media::MediaError;

/// A command's failure: the status it completes with and what the error log says besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: Status,
    /// Byte (7:0) and bit (10:8) of the entry that is at fault.
    pub(crate) location: u16,
    /// The first block that failed.
    pub(crate) lba: Option<u64>,
}

impl Failure {
    /// A failure that would happen again: Do Not Retry is set.
    pub(crate) fn permanent(code: StatusCode) -> Self {
        let status = Status::from(code).with_dnr(true).with_more(true);
        Self { status, location: NO_LOCATION, lba: None }
    }

    /// A failure that might not happen again.
    pub(crate) fn transient(code: StatusCode) -> Self {
        let status = Status::from(code).with_more(true);
        Self { status, location: NO_LOCATION, lba: None }
    }

    /// Invalid Field in Command, at this byte and bit of the entry.
    pub(crate) fn field(byte: u8, bit: u8) -> Self {
        let location = u16::from(bit & 7) << 8 | u16::from(byte);
        Self { location, ..Self::permanent(status::INVALID_FIELD) }
    }

    /// The same failure at this byte of the entry.
    pub(crate) fn at(self, byte: u8) -> Self {
        Self { location: byte.into(), ..self }
    }

    /// The same failure about this block.
    pub(crate) fn at_lba(self, lba: u64) -> Self {
        Self { lba: Some(lba), ..self }
    }
}

/// Byte offsets of the fields that error log entries point to.
pub(crate) mod byte {
    pub(crate) const CDW0: u8 = 0;
    pub(crate) const FUSE: u8 = 1;
    pub(crate) const NSID: u8 = 4;
    pub(crate) const MPTR: u8 = 16;
    pub(crate) const PRP1: u8 = 24;
    pub(crate) const PRP2: u8 = 32;
    pub(crate) const CDW10: u8 = 40;
    pub(crate) const CDW11: u8 = 44;
    pub(crate) const CDW12: u8 = 48;
    pub(crate) const CDW13: u8 = 52;
}

/// What a host failure looks like to the guest. The owner learns of it by `Controller::host_failure`.
impl From<&MediaError> for Failure {
    fn from(_: &MediaError) -> Self {
        Self::transient(status::INTERNAL_ERROR)
    }
}
