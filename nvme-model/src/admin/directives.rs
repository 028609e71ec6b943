//! Directives: the identify directive, which says that there is no other.
// Spec: NVMe-Base-2.0c 8.7 "Directives"

use nvme_spec::command::Directive11;

use crate::Controller;
use crate::controller::Outcome;
use crate::failure::{Failure, byte};

/// The directive type and the operation of the one thing that can be asked.
const IDENTIFY: u32 = 0;
const RETURN_PARAMETERS: u32 = 1;

/// Bytes of the parameters: which directives are supported, enabled, and persistent.
const PARAMETERS_BYTES: usize = 4096;
const SUPPORTED: usize = 0;
const ENABLED: usize = 32;

impl Controller {
    pub(super) fn directive_receive(
        &self,
        nsid: u32,
        which: Directive11,
        bytes: u64,
    ) -> Result<Vec<u8>, Failure> {
        self.check_active_or_all(nsid)?;
        if (which.dtype(), which.doper()) != (IDENTIFY, RETURN_PARAMETERS) {
            return Err(Failure::field(byte::CDW11, 0));
        }
        let mut page = vec![0; PARAMETERS_BYTES];
        for at in [SUPPORTED, ENABLED] {
            if let Some(byte) = page.get_mut(at) {
                *byte = 1;
            }
        }
        page.truncate(usize::try_from(bytes).unwrap_or(usize::MAX));
        Ok(page)
    }

    /// The identify directive is always enabled and cannot be disabled; there is no other to enable.
    pub(super) fn directive_send(&self, nsid: u32, which: Directive11, value: u32) -> Outcome {
        self.check_active_or_all(nsid)?;
        let is_enable = (which.dtype(), which.doper()) == (IDENTIFY, 1);
        Err(if is_enable && value != 0 {
            Failure::field(byte::CDW12, 0)
        } else {
            Failure::field(byte::CDW11, 0)
        })
    }
}
