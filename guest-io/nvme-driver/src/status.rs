//! What a completion's status means to the layers above, and whether to try again.

use block::{BlockError, DeviceStatus};
use nvme_spec::Status;
use nvme_spec::status as code;

/// The block error for a status, as Linux `nvme_error_status`. Protection, reservation and capacity
/// errors have no variant of their own and are I/O errors; the raw status tells them apart.
pub(crate) fn to_block_error(status: Status) -> BlockError {
    let raw = DeviceStatus(status.to_raw());
    match status.code {
        code::LBA_OUT_OF_RANGE | code::COMMAND_INTERRUPTED | code::NAMESPACE_NOT_READY => {
            BlockError::Target(raw)
        }
        code::INVALID_OPCODE
        | code::INVALID_FIELD
        | code::INVALID_NAMESPACE
        | code::CONFLICTING_ATTRIBUTES => BlockError::NotSupported(raw),
        code::WRITE_FAULT
        | code::UNRECOVERED_READ
        | code::DEALLOCATED_BLOCK
        | code::ACCESS_DENIED
        | code::READ_ONLY_RANGE
        | code::COMPARE_FAILURE => BlockError::Medium(raw),
        _ => BlockError::Io(raw),
    }
}

/// Whether a failed command is sent again: always, unless the device says that it would fail again
/// or it was tried often enough (Linux `nvme_decide_disposition`). Every command of this driver may
/// be repeated: none depends on what it overwrites.
pub(crate) fn is_retryable(status: Status, retries: u8, retries_max: u8) -> bool {
    !status.dnr && retries < retries_max
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_raw_status_is_preserved_and_kept_in_its_class() {
        for raw in 1..1 << 15 {
            let status = Status::from_raw(raw);
            let error = to_block_error(status);
            assert_eq!(error.device_status(), Some(DeviceStatus(raw)));
            if status.code.sct == code::SCT_VENDOR {
                assert_eq!(error, BlockError::Io(DeviceStatus(raw)));
            }
        }
    }

    #[test]
    fn the_classes_are_those_of_linux() {
        let class = |raw| to_block_error(Status::from_raw(raw)).code();
        let medium = [0x280, 0x281, 0x285, 0x286, 0x287, 0x182];
        let not_supported = [0x001, 0x002, 0x00b, 0x180];
        let target = [0x080, 0x021, 0x082];
        let io = [0x004, 0x006, 0x007, 0x081, 0x083, 0x282, 0x283, 0x284, 0x371, 0x7c0];
        let s = DeviceStatus(0);
        for (raws, error) in [
            (&medium[..], BlockError::Medium(s)),
            (&not_supported, BlockError::NotSupported(s)),
            (&target, BlockError::Target(s)),
            (&io, BlockError::Io(s)),
        ] {
            raws.iter().for_each(|&raw| assert_eq!(class(raw), error.code(), "{raw:#x}"));
        }
    }

    #[test]
    fn do_not_retry_and_the_limit_are_obeyed() {
        let status = Status::from(code::UNRECOVERED_READ);
        assert!(is_retryable(status, 4, 5));
        assert!(!is_retryable(status, 5, 5));
        assert!(!is_retryable(status.with_dnr(true), 0, 5));
    }
}
