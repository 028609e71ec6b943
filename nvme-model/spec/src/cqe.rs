//! The completion queue entry.
// Spec: NVMe-Base-2.0c 3.3.3.2 "Common Completion Queue Entry"

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Status;

/// Bytes of a completion queue entry.
pub const CQE_BYTES: usize = 16;

/// A completion queue entry.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Cqe {
    /// Command-specific result.
    pub dw0: U32,
    /// Command-specific result, second half.
    pub dw1: U32,
    /// Head of the submission queue when this entry was made.
    pub sqhd: U16,
    /// The submission queue of the command.
    pub sqid: U16,
    /// The command.
    pub cid: U16,
    /// Phase tag in bit 0, status in bits 15:1.
    pub status_phase: U16,
}

const _: () = assert!(size_of::<Cqe>() == CQE_BYTES);

impl Cqe {
    /// An entry from its parts.
    #[must_use]
    pub fn new(cid: u16, sqid: u16, sqhd: u16, status: Status, dw0: u32, phase: bool) -> Self {
        Self {
            dw0: dw0.into(),
            dw1: 0.into(),
            sqhd: sqhd.into(),
            sqid: sqid.into(),
            cid: cid.into(),
            status_phase: (status.to_raw() << 1 | u16::from(phase)).into(),
        }
    }

    /// The phase tag: flips each time the ring wraps.
    #[must_use]
    pub fn phase(&self) -> bool {
        self.status_phase.get() & 1 != 0
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::from_raw(self.status_phase.get() >> 1)
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; CQE_BYTES] {
        zerocopy::transmute!(*self)
    }

    /// The entry in these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; CQE_BYTES]) -> Self {
        zerocopy::transmute!(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status;

    #[test]
    fn a_completion_has_these_bytes() {
        let status = Status::from(status::UNRECOVERED_READ).with_dnr(true);
        let cqe = Cqe::new(0x1234, 3, 0x0506, status, 0xa1b2_c3d4, true);
        let bytes = cqe.to_bytes();
        assert_eq!(
            bytes,
            [0xd4, 0xc3, 0xb2, 0xa1, 0, 0, 0, 0, 0x06, 0x05, 0x03, 0x00, 0x34, 0x12, 0x03, 0x85]
        );
        let back = Cqe::from_bytes(bytes);
        assert_eq!(back, cqe);
        assert!(back.phase());
        assert_eq!(back.status(), status);
    }
}
