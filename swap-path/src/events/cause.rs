//! An I/O failure as it fits into a trace record.

use core::fmt;

use block::{BlockError, DeviceStatus};
use hal::trace::Layer;
use iomap::{Errno, FailureKind, IoFailure};

use crate::PathKind;

/// Why a swap I/O failed, and who learned of it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cause {
    /// The path that the I/O took.
    pub path: PathKind,
    /// What the path answered.
    pub errno: Errno,
    /// Who found out first.
    pub learned_by: Layer,
    /// At which point.
    pub kind: FailureKind,
    /// What the block layer said, if it came from there.
    pub device: Option<BlockError>,
}

impl Cause {
    pub(crate) const fn new(path: PathKind, failure: &IoFailure) -> Self {
        Self {
            path,
            errno: failure.errno,
            learned_by: failure.learned_by,
            kind: failure.kind,
            device: failure.device,
        }
    }

    /// `errno`, four bytes, and the device's status.
    pub(super) fn to_wire(self) -> (u16, u32, u64) {
        let bytes = [
            self.learned_by as u8,
            self.kind.code(),
            self.path as u8,
            self.device.map_or(0, BlockError::code),
        ];
        let status = self.device.and_then(BlockError::device_status);
        (
            self.errno.number(),
            u32::from_le_bytes(bytes),
            status.map_or(0, |DeviceStatus(raw)| raw.into()),
        )
    }

    pub(super) fn from_wire(errno: u16, bytes: u32, status: u64) -> Option<Self> {
        let [learned_by, kind, path, device] = bytes.to_le_bytes();
        let status = u16::try_from(status).ok()?;
        Some(Self {
            path: PathKind::from_u8(path)?,
            errno: Errno::from_number(errno)?,
            learned_by: Layer::from_u8(learned_by)?,
            kind: FailureKind::from_code(kind)?,
            device: block_error(device, status)?,
        })
    }
}

/// The inverse of [`BlockError::code`]; 0 is no error.
const fn block_error(code: u8, status: u16) -> Option<Option<BlockError>> {
    let status = DeviceStatus(status);
    Some(Some(match code {
        0 => return Some(None),
        1 => BlockError::Medium(status),
        2 => BlockError::Io(status),
        3 => BlockError::NotSupported(status),
        4 => BlockError::Target(status),
        5 => BlockError::Timeout,
        6 => BlockError::Gone,
        7 => BlockError::Invalid,
        _ => return None,
    }))
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} by {}, learned by {:?} ({:?}",
            self.errno, self.path, self.learned_by, self.kind
        )?;
        match self.device {
            Some(error) => write!(f, ": {error})"),
            None => f.write_str(")"),
        }
    }
}
