//! Directives: the identify directive, which says that there is no other.
//!
//! The section's words were compared in revision 2.2 of the standard, too, where it is 8.1.8.
// Spec: NVMe-Base-2.0c 8.7 "Directives"

use nvme_spec::NSID_BROADCAST;
use nvme_spec::command::Directive11;

use crate::Controller;
use crate::controller::Outcome;
use crate::failure::{Failure, byte};

/// The one directive type.
const IDENTIFY: u32 = 0;
/// Its one operation of either command: Return Parameters, Enable Directive.
const FIRST_OPERATION: u32 = 1;

/// Bytes of the parameters: which directives are supported, enabled, and persistent. The identify directive is not
/// persistent: there is no state of it that a host could change.
const PARAMETERS_BYTES: usize = 4096;
const SUPPORTED: usize = 0;
const ENABLED: usize = 32;

/// A directive that is not supported fails every command with Invalid Field, and so do reserved operations. What is
/// specific to the directive (DSPEC) is not used by either operation.
fn check_operation(which: Directive11) -> Result<(), Failure> {
    match (which.dtype(), which.doper()) {
        (IDENTIFY, FIRST_OPERATION) => Ok(()),
        (IDENTIFY, _) => Err(Failure::field(byte::CDW11, 0)),
        _ => Err(Failure::field(byte::CDW11 + 1, 0)),
    }
}

impl Controller {
    /// What is enabled is so in a namespace: there is no answer for all of them.
    // Spec: NVMe-Base-2.0c 8.7.2.1.1 "Return Parameters (Directive Operation 01h)"
    pub(super) fn directive_receive(
        &self,
        nsid: u32,
        which: Directive11,
        bytes: u64,
    ) -> Result<Vec<u8>, Failure> {
        if nsid == NSID_BROADCAST {
            return Err(Failure::field(byte::NSID, 0));
        }
        self.check_active(nsid)?;
        check_operation(which)?;
        let mut page = vec![0; PARAMETERS_BYTES];
        for at in [SUPPORTED, ENABLED] {
            if let Some(byte) = page.get_mut(at) {
                *byte = 1;
            }
        }
        page.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
        Ok(page)
    }

    /// The identify directive is always enabled, and naming it is an error. Another one cannot be enabled, for none
    /// is supported; to disable it is no error: it is disabled then, as it was.
    // Spec: NVMe-Base-2.0c 8.7.2.2.1 "Enable Directive (Directive Operation 01h)"
    pub(super) fn directive_send(&self, nsid: u32, which: Directive11, value: u32) -> Outcome {
        self.check_active_or_all(nsid)?;
        check_operation(which)?;
        let [flags, dtype, ..] = value.to_le_bytes();
        let is_enabled = flags & 1 != 0;
        if u32::from(dtype) == IDENTIFY || is_enabled {
            return Err(Failure::field(byte::CDW12 + 1, 0));
        }
        Ok(0)
    }
}
