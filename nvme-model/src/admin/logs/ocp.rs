//! The extended SMART log of the Open Compute Project.
//!
//! Filled in: bytes written and read, uncorrectable reads, incomplete shutdowns, blocks in use, power state
//! changes, the specification's version. There is no flash here: what only flash has is zero, free blocks
//! and capacitors are as good as new.
// Spec: OCP-DC-NVMe-2.0 4.8.3 "SMART / Health Information Extended (Log Identifier C0h)"

use nvme_spec::log::OcpSmartLog;
use zerocopy::IntoBytes;

use crate::Controller;
use crate::namespace::Namespace;

/// Errata, point, minor, major: 2.0.
const DSSD_VERSION: [u8; 6] = [0, 0, 0, 0, 0, 2];

/// Bad blocks: none, 100 percent left.
const NO_BAD_BLOCKS: [u8; 8] = [0, 0, 0, 0, 0, 0, 100, 0];

/// No capacitor.
const NO_CAPACITOR: u16 = 0xffff;

impl Controller {
    pub(super) fn ocp_smart_page(&self) -> Vec<u8> {
        let mut log = OcpSmartLog::zeroed();
        log.media_bytes_written = u128::from(self.health.bytes_written).into();
        log.media_bytes_read = u128::from(self.health.bytes_read).into();
        log.bad_user_blocks = NO_BAD_BLOCKS;
        log.bad_system_blocks = NO_BAD_BLOCKS;
        log.uncorrectable_reads = self.health.media_errors().into();
        log.dssd_version = DSSD_VERSION;
        let incomplete = u32::try_from(self.health.unsafe_shutdowns).unwrap_or(u32::MAX);
        log.incomplete_shutdowns = incomplete.to_le_bytes();
        log.free_blocks = 100;
        log.capacitor_health = NO_CAPACITOR.into();
        let all = self.namespaces.values().chain(self.detached.values());
        log.nuse = all.map(Namespace::size_blocks).fold(0, u64::saturating_add).into();
        log.power_state_changes = self.device.power_state_changes.into();
        log.as_bytes().to_vec()
    }
}
