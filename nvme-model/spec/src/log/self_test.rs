//! The device self-test log.
// Spec: NVMe-Base-2.0c 5.16.1.7 "Device Self-test (Log Identifier 06h)"

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Results that are kept.
pub const SELF_TEST_RESULTS: usize = 20;

/// Self-test code: short.
pub const SELF_TEST_SHORT: u8 = 1;
/// Self-test code: extended.
pub const SELF_TEST_EXTENDED: u8 = 2;
/// Self-test code: abort the one that runs.
pub const SELF_TEST_ABORT: u8 = 0xf;

/// Values of [`SelfTestResult::status`], bits 3:0.
pub mod result_code {
    /// No error.
    pub const PASSED: u8 = 0;
    /// Aborted by a Device Self-test command.
    pub const ABORTED_BY_COMMAND: u8 = 1;
    /// Aborted by a controller level reset.
    pub const ABORTED_BY_RESET: u8 = 2;
    /// Aborted because a namespace went away.
    pub const ABORTED_BY_REMOVAL: u8 = 3;
    /// Aborted by Format NVM.
    pub const ABORTED_BY_FORMAT: u8 = 4;
    /// A segment failed, and it is known which.
    pub const SEGMENT_FAILED: u8 = 7;
    /// Aborted by a sanitize.
    pub const ABORTED_BY_SANITIZE: u8 = 9;
    /// No result.
    pub const EMPTY: u8 = 0xf;
}

/// One result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SelfTestResult {
    /// Bits 3:0 how it ended, see [`result_code`]; bits 7:4 the self-test code.
    pub status: u8,
    /// The first segment that failed.
    pub segment: u8,
    /// Which of the fields below are valid: bit 0 `nsid`, bit 1 `failing_lba`, bit 2 `sct`, bit 3 `sc`.
    pub valid: u8,
    reserved_3: u8,
    /// Power on hours when it ended.
    pub power_on_hours: U64,
    /// The namespace that failed.
    pub nsid: U32,
    /// The block that failed.
    pub failing_lba: U64,
    /// Status code type of the failure.
    pub sct: u8,
    /// Status code of the failure.
    pub sc: u8,
    vendor_26: [u8; 2],
}

/// The log.
#[derive(Clone, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SelfTestLog {
    /// The code of the self-test that runs; 0 = none.
    pub current: u8,
    /// How much of it is done, in percent.
    pub completion: u8,
    reserved_2: [u8; 2],
    /// The newest first.
    pub results: [SelfTestResult; SELF_TEST_RESULTS],
}

const _: () = assert!(size_of::<SelfTestResult>() == 28);
const _: () = assert!(size_of::<SelfTestLog>() == 564);

impl SelfTestResult {
    /// An entry without a result.
    #[must_use]
    pub fn empty() -> Self {
        Self::with_status(0, result_code::EMPTY)
    }

    /// A result of this self-test code and no diagnostic information.
    #[must_use]
    pub fn with_status(code: u8, result: u8) -> Self {
        Self {
            status: code.wrapping_shl(4) | result & 0xf,
            segment: 0,
            valid: 0,
            reserved_3: 0,
            power_on_hours: 0.into(),
            nsid: 0.into(),
            failing_lba: 0.into(),
            sct: 0,
            sc: 0,
            vendor_26: [0; 2],
        }
    }
}

impl SelfTestLog {
    /// No self-test runs, none ever ran.
    #[must_use]
    pub fn empty() -> Self {
        let results = [SelfTestResult::empty(); SELF_TEST_RESULTS];
        Self { current: 0, completion: 0, reserved_2: [0; 2], results }
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
    fn the_fields_are_where_the_standard_puts_them() {
        assert_eq!(offset_of!(SelfTestResult, power_on_hours), 4);
        assert_eq!(offset_of!(SelfTestResult, failing_lba), 16);
        assert_eq!(offset_of!(SelfTestLog, results), 4);
        assert_eq!(SelfTestResult::empty().as_bytes()[0], 0x0f);
        assert_eq!(SelfTestResult::with_status(SELF_TEST_EXTENDED, 7).status, 0x27);
    }
}
