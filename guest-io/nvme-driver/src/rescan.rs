//! The driver's namespace may change while it is used. The controller says so, and it is looked at again.
//!
//! The layers above keep what they were promised at the probe: they never see a larger namespace, and one that is smaller,
//! of other blocks, or gone ends the device. Other namespaces are none of this driver's business.
// Linux: nvme_scan_work, nvme_update_ns_info

use hal::{DmaBuf, Instant, Platform};
use nvme_spec::identify::{CNS_NAMESPACE, IDENTIFY_BYTES, IdentifyNamespace};
use nvme_spec::log::{CHANGED_NAMESPACES_BYTES, CHANGED_NAMESPACES_TOO_MANY};
use nvme_spec::{AdminOpcode, Sqe, Status};

use crate::admin::Purpose;
use crate::error::Error;
use crate::events::Event;
use crate::identity::NamespaceLimits;
use crate::registers::Registers;
use crate::state::Core;

impl<P: Platform> Core<P> {
    /// The changed namespace list was read: if the driver's own is in it, its size is asked for.
    // Spec: NVMe-Base-2.0c 5.16.1.5 "Changed Namespace List (Log Identifier 04h)"
    pub(crate) fn changed_list_answered(&mut self, platform: &P, now: Instant) {
        let mut bytes = [0; CHANGED_NAMESPACES_BYTES];
        self.data.read(0, &mut bytes);
        let (words, _) = bytes.as_chunks::<4>();
        let mut nsids = words.iter().map(|word| u32::from_le_bytes(*word));
        let is_own = |nsid| nsid == self.config.nsid || nsid == CHANGED_NAMESPACES_TOO_MANY;
        if nsids.by_ref().take_while(|nsid| *nsid != 0).any(is_own) {
            let sqe = Sqe::identify(CNS_NAMESPACE, self.config.nsid);
            let sqe = sqe.with_prp(self.data.iova().0, 0);
            let deadline = now.after(self.config.admin_timeout);
            self.admin.send(&Registers(platform.bar()), sqe, Purpose::Rescan, deadline);
        }
    }

    /// The namespace says what it is now.
    pub(crate) fn rescan_answered(&mut self, platform: &P, status: Status) {
        if !status.is_success() {
            let (status, opcode) = (status.to_raw(), AdminOpcode::IDENTIFY.0);
            platform.tracer().emit(Event::AdminFailed { status, opcode });
            return;
        }
        let mut bytes = [0; IDENTIFY_BYTES];
        self.data.read(0, &mut bytes);
        let id = IdentifyNamespace::from_prefix(&bytes);
        let (Some(id), Some(controller), Some(promised)) = (id, &self.controller, &self.namespace)
        else {
            return;
        };
        match NamespaceLimits::new(&id, controller, self.config.nsid) {
            Err(error) => self.end(platform, error),
            Ok(limits) if !promised.is_compatible(&limits) => self.end(platform, Error::Changed),
            Ok(limits) => {
                let size_blocks = limits.geometry.size_blocks;
                platform.tracer().emit(Event::Rescan { size_blocks });
            }
        }
    }
}
