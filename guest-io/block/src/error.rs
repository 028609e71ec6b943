//! Why a block request failed.

use core::fmt;

/// The status the device itself gave, for the record of who learned what.
///
/// NVMe: bits 7:0 status code, 10:8 status code type, 12:11 CRD, 13 More, 14 Do Not Retry (the
/// completion's status field without the phase tag). Zero: the driver knew without asking, for
/// example that the device has no such command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceStatus(pub u16);

/// Why a block request failed. Corresponds to Linux's `blk_status_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockError {
    /// The media could not be read or written (`BLK_STS_MEDIUM`).
    Medium(DeviceStatus),
    /// Any other failure that the device reported (`BLK_STS_IOERR`).
    Io(DeviceStatus),
    /// The device said that it does not know the command or field (`BLK_STS_NOTSUPP`).
    NotSupported(DeviceStatus),
    /// The device said that it cannot serve the range or namespace now (`BLK_STS_TARGET`).
    Target(DeviceStatus),
    /// No answer in time; the command was aborted or the controller reset (`BLK_STS_TIMEOUT`).
    Timeout,
    /// The device is gone or was given up (`BLK_STS_OFFLINE`).
    Gone,
    /// The request does not fit the device: range, length or number of pages. Nothing was sent.
    Invalid,
}

impl BlockError {
    /// A small number for trace records; unique per variant.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Medium(_) => 1,
            Self::Io(_) => 2,
            Self::NotSupported(_) => 3,
            Self::Target(_) => 4,
            Self::Timeout => 5,
            Self::Gone => 6,
            Self::Invalid => 7,
        }
    }

    /// What the device itself said, if it said anything.
    #[must_use]
    pub const fn device_status(self) -> Option<DeviceStatus> {
        match self {
            Self::Medium(s) | Self::Io(s) | Self::NotSupported(s) | Self::Target(s) => Some(s),
            Self::Timeout | Self::Gone | Self::Invalid => None,
        }
    }
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, status) = match self {
            Self::Medium(s) => ("medium error", Some(s)),
            Self::Io(s) => ("I/O error", Some(s)),
            Self::NotSupported(s) => ("not supported", Some(s)),
            Self::Target(s) => ("target error", Some(s)),
            Self::Timeout => ("time-out", None),
            Self::Gone => ("device gone", None),
            Self::Invalid => ("invalid request", None),
        };
        f.write_str(text)?;
        match status {
            Some(DeviceStatus(raw)) => write!(f, " (device status {raw:#06x})"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for BlockError {}
