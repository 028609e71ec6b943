//! Identify Controller.
// Spec: NVMe-Base-2.0c 5.17.2.1 "Identify Controller data structure (CNS 01h)"

use nvme_spec::identify::{
    FUSES_COMPARE_AND_WRITE, IdentifyController, POWER_STATE_NON_OPERATIONAL, ctratt, fna, frmw,
    lpa, oncs, sanicap, sgls, vwc,
};

use super::{CNTLID, low8, padded};
use crate::Controller;
use crate::admin::logs::oacs;
use crate::controller::registers;
use crate::device::{CRITICAL_TEMPERATURE_KELVIN, SLOTS};
use crate::features::{OAES, WARNING_TEMPERATURE_KELVIN};

const LPA: u8 =
    lpa::EFFECTS | lpa::EXTENDED | lpa::TELEMETRY | lpa::PERSISTENT_EVENT | lpa::SUPPORTED;

/// Commands beyond the mandatory ones.
const ONCS: u16 = oncs::COMPARE
    | oncs::WRITE_UNCORRECTABLE
    | oncs::DATASET_MANAGEMENT
    | oncs::WRITE_ZEROES
    | oncs::FEATURE_SAVE_SELECT
    | oncs::TIMESTAMP
    | oncs::VERIFY
    | oncs::COPY
    | oncs::RESERVATIONS;

/// Copy descriptor formats 0 to 3.
const COPY_FORMATS: u16 = 0b1111;

const CTRATT: u32 =
    ctratt::NON_OPERATIONAL_PERMISSIVE | ctratt::HOST_ID_128 | ctratt::EXTENDED_FORMATS;

/// Firmware: the first slot is read-only, activation needs no reset.
const FRMW: u8 = frmw::FIRST_READ_ONLY
    | (SLOTS as u8) << frmw::SLOTS_SHIFT
    | frmw::ACTIVATE_NOW
    | frmw::OVERLAP_DETECTED;

/// Every kind of sanitize, each of which deallocates.
pub(in crate::admin) const SANICAP: u32 = sanicap::CRYPTO_ERASE
    | sanicap::BLOCK_ERASE
    | sanicap::OVERWRITE
    | sanicap::NO_DEALLOCATE_INHIBITED
    | sanicap::NOT_MODIFIED_AFTER;

/// A list describes exactly the data, so that a driver's mistake shows.
const SGLS: u32 =
    sgls::SUPPORTED | sgls::BIT_BUCKET | sgls::METADATA_BYTE_ALIGNED | sgls::METADATA_DESCRIPTOR;

/// Four concurrent aborts.
pub(in crate::admin) const ACL_Z: u8 = 3;

/// Command Retry Delays in 100 ms.
const CRDT: [u16; 3] = [1, 5, 20];

/// Power states: power in 10 mW, entry and exit latency in microseconds, flags. Latencies are maxima;
/// the model changes state at once, and no slower state is any slower.
const POWER_STATES: [(u16, u32, u32, u8); 3] =
    [(800, 0, 0, 0), (400, 100, 100, 0), (30, 1_000, 5_000, POWER_STATE_NON_OPERATIONAL)];

/// The last power state in which there is I/O.
pub(in crate::admin) const LAST_OPERATIONAL_STATE: u32 = 1;

const _: () = assert!(POWER_STATES.len() as u32 == crate::features::POWER_STATES_Z + 1);

const NS_PER_MINUTE: u64 = 60_000_000_000;
/// The unit of MTFA.
const MTFA_NS: u64 = 100_000_000;

impl Controller {
    pub(super) fn identify_controller(&self) -> IdentifyController {
        let mut id = IdentifyController::zeroed();
        self.fill_identity(&mut id);
        self.fill_limits(&mut id);
        self.fill_device(&mut id);
        for (to, (mp, enlat, exlat, flags)) in id.psd.iter_mut().zip(POWER_STATES) {
            (to.mp, to.enlat, to.exlat, to.flags) = (mp.into(), enlat.into(), exlat.into(), flags);
        }
        id.npss_z = low8(u16::try_from(crate::features::POWER_STATES_Z).unwrap_or(0));
        id
    }

    fn fill_identity(&self, id: &mut IdentifyController) {
        let config = &self.config;
        id.vid = config.vendor.into();
        id.ssvid = config.vendor.into();
        id.sn = padded(&config.serial);
        id.mn = padded(&config.model);
        id.fr = self.device.firmware.revision();
        id.cntlid = CNTLID.into();
        id.ver = registers::version().0.into();
        id.cntrltype = 1;
        id.subnqn = self.subnqn();
    }

    fn fill_limits(&self, id: &mut IdentifyController) {
        let config = &self.config;
        let atomic_z = u16::try_from(config.atomic_blocks.saturating_sub(1)).unwrap_or(u16::MAX);
        id.mdts = config.mdts;
        id.acl_z = ACL_Z;
        id.aerl_z = low8(config.async_events_max.saturating_sub(1));
        id.elpe_z = low8(config.error_log_entries.saturating_sub(1));
        id.sqes = 0x66;
        id.cqes = 0x44;
        id.nn = config.namespaces_max.into();
        id.mnan = config.namespaces_max.into();
        id.oncs = ONCS.into();
        if config.has_volatile_cache {
            id.vwc = vwc::PRESENT | vwc::FLUSH_BROADCAST;
        }
        id.fuses = FUSES_COMPARE_AND_WRITE.into();
        id.acwu_z = atomic_z.into();
        id.cdfs = COPY_FORMATS.into();
        id.awun_z = atomic_z.into();
        id.awupf_z = atomic_z.into();
        id.sgls = SGLS.into();
        [id.crdt1, id.crdt2, id.crdt3] = CRDT.map(Into::into);
    }

    fn fill_device(&self, id: &mut IdentifyController) {
        let extended_ns = self.config.timing.self_test_extended_ns;
        id.oaes = OAES.into();
        id.ctratt = CTRATT.into();
        // Formats and erasures are of one namespace; cryptographic erase exists.
        id.fna = fna::CRYPTOGRAPHIC_ERASE;
        id.oacs = oacs().into();
        id.frmw = FRMW;
        let activation = self.config.timing.firmware_activation_ns.div_ceil(MTFA_NS);
        id.mtfa = u16::try_from(activation).unwrap_or(u16::MAX).into();
        id.lpa = LPA;
        id.wctemp = WARNING_TEMPERATURE_KELVIN.into();
        id.cctemp = CRITICAL_TEMPERATURE_KELVIN.into();
        id.tnvmcap = self.device.capacity_bytes.to_le_bytes();
        id.unvmcap = self.unallocated_bytes().to_le_bytes();
        id.edstt = u16::try_from(extended_ns.div_ceil(NS_PER_MINUTE)).unwrap_or(u16::MAX).into();
        id.dsto = 1;
        // Firmware comes in pieces of 4 KiB, keep alive in steps of 100 ms.
        id.fwug = 1;
        id.kas = 1.into();
        id.sanicap = SANICAP.into();
        // The persistent event log has at most 64 KiB.
        id.pels = 1.into();
    }

    /// The NVM subsystem's name.
    pub(in crate::admin) fn subnqn(&self) -> [u8; 256] {
        let mut name = [0; 256];
        let nqn = format!("nqn.2026-01.invalid.swaplab:{}", self.config.serial);
        for (to, from) in name.iter_mut().zip(nqn.bytes()) {
            *to = from;
        }
        name
    }
}
