//! The command line in guest memory.

use nvme_model::GuestMemory;

use crate::VmmError;
use crate::kvm::Ram;

/// Where it lies.
pub(super) const ADDRESS: u64 = 0x2000;
/// The most bytes, without the final zero.
pub(super) const BYTES_MAX: usize = 0x3fff;

/// Writes `text` and its final zero.
///
/// # Errors
/// It is too long, or has a zero inside.
pub(super) fn write(ram: &Ram, text: &str) -> Result<(), VmmError> {
    if text.len() > BYTES_MAX || text.contains('\0') {
        return Err(VmmError::CommandLineTooLong { bytes: text.len(), max: BYTES_MAX });
    }
    let bytes: Vec<u8> = text.bytes().chain([0]).collect();
    GuestMemory::write(ram, ADDRESS, &bytes).map_err(|e| VmmError::Host {
        what: "writing the command line",
        source: std::io::Error::other(format!("{:#x} is not memory", e.address)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_that_does_not_fit_is_refused() {
        let ram = Ram::new(16 << 20).expect("memory");
        write(&ram, &"x".repeat(BYTES_MAX)).expect("fits exactly");
        let error = write(&ram, &"x".repeat(BYTES_MAX + 1));
        assert!(matches!(error, Err(VmmError::CommandLineTooLong { bytes: 0x4000, .. })));
        assert!(matches!(write(&ram, "a\0b"), Err(VmmError::CommandLineTooLong { .. })));
    }
}
