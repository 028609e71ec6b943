//! Identify.
// Spec: NVMe-Base-2.0c 5.17 "Identify command"

use nvme_spec::identify::{
    CNS_ACTIVE_NAMESPACES, CNS_ALLOCATED_NAMESPACE, CNS_ALLOCATED_NAMESPACES, CNS_CONTROLLER,
    CNS_NAMESPACE, CNS_NAMESPACE_DESCRIPTORS, DescriptorType, IDENTIFY_BYTES, IdentifyController,
    IdentifyNamespace, LbaFormat, NAMESPACE_LIST_ENTRIES, descriptor_header, oncs, sgls, vwc,
};
use nvme_spec::{NSID_BROADCAST, status};
use zerocopy::IntoBytes;

use crate::Controller;
use crate::controller::registers;
use crate::failure::{Failure, byte};
use crate::features::WARNING_TEMPERATURE_KELVIN;
use crate::namespace::Namespace;

/// The block sizes that a namespace can have, as powers of two. 512 comes first, as on every drive:
/// there are drivers that take format 0 for 512 bytes without looking.
const LBA_FORMATS: [u8; 2] = [9, 12];

/// NSIDs from here on name no namespace.
const NSID_RESERVED: u32 = 0xffff_fffe;

/// Log page attributes: the effects log, and length and offset in Get Log Page beyond 12 bits.
const LPA: u8 = 1 << 1 | 1 << 2;

/// Commands beyond the mandatory ones.
const ONCS: u16 = oncs::COMPARE
    | oncs::WRITE_UNCORRECTABLE
    | oncs::DATASET_MANAGEMENT
    | oncs::WRITE_ZEROES
    | oncs::FEATURE_SAVE_SELECT
    | oncs::VERIFY;

/// A list describes exactly the data, so that a driver's mistake shows.
const SGLS: u32 =
    sgls::SUPPORTED | sgls::BIT_BUCKET | sgls::METADATA_BYTE_ALIGNED | sgls::METADATA_DESCRIPTOR;

/// Four concurrent aborts. Each ends in the time of an admin command, so the limit is never felt.
const ACL_Z: u8 = 3;

impl Controller {
    /// The 4096 bytes that the host asked for.
    pub(crate) fn identify(
        &self,
        cns: u8,
        cntid: u16,
        csi: u8,
        nsid: u32,
    ) -> Result<Vec<u8>, Failure> {
        Ok(match cns {
            CNS_CONTROLLER => self.identify_controller().as_bytes().to_vec(),
            // Without namespace management every namespace is allocated and attached.
            CNS_NAMESPACE | CNS_ALLOCATED_NAMESPACE => {
                self.identify_namespace(nsid)?.as_bytes().to_vec()
            }
            CNS_ACTIVE_NAMESPACES | CNS_ALLOCATED_NAMESPACES => self.active_namespaces(nsid)?,
            CNS_NAMESPACE_DESCRIPTORS => self.descriptors(nsid)?,
            _ => self.identify_beyond(cns, cntid, csi, nsid)?,
        })
    }

    fn identify_controller(&self) -> IdentifyController {
        let config = &self.config;
        let bytes: u128 = self
            .namespaces
            .values()
            .map(|ns| u128::from(ns.size_blocks()).saturating_mul(ns.block_bytes().into()))
            .fold(0, u128::saturating_add);
        let atomic_z = u16::try_from(config.atomic_blocks.saturating_sub(1)).unwrap_or(u16::MAX);
        let mut id = IdentifyController::zeroed();
        id.vid = config.vendor.into();
        id.ssvid = config.vendor.into();
        id.sn = padded(&config.serial);
        id.mn = padded(&config.model);
        id.fr = padded(&config.firmware);
        id.mdts = config.mdts;
        id.ver = registers::version().0.into();
        id.cntrltype = 1;
        id.acl_z = ACL_Z;
        id.aerl_z = low8(config.async_events_max.saturating_sub(1));
        // One slot, read-only.
        id.frmw = 1 << 1 | 1;
        id.lpa = LPA;
        id.elpe_z = low8(config.error_log_entries.saturating_sub(1));
        id.wctemp = WARNING_TEMPERATURE_KELVIN.into();
        id.cctemp = WARNING_TEMPERATURE_KELVIN.saturating_add(10).into();
        id.tnvmcap = bytes.to_le_bytes();
        id.sqes = 0x66;
        id.cqes = 0x44;
        id.nn = self.namespaces.keys().max().copied().unwrap_or(0).into();
        id.oncs = ONCS.into();
        if config.has_volatile_cache {
            id.vwc = vwc::PRESENT | vwc::FLUSH_BROADCAST;
        }
        id.awun_z = atomic_z.into();
        id.awupf_z = atomic_z.into();
        id.sgls = SGLS.into();
        let nqn = format!("nqn.2026-01.invalid.swaplab:{}", config.serial);
        for (to, from) in id.subnqn.iter_mut().zip(nqn.bytes()) {
            *to = from;
        }
        id
    }

    /// The namespace, or zeros if there is none but could be.
    fn identify_namespace(&self, nsid: u32) -> Result<IdentifyNamespace, Failure> {
        // Broadcast asks for what all namespaces have in common: without namespace management that is
        // no question.
        if nsid == 0 || nsid >= NSID_RESERVED {
            return Err(invalid_namespace());
        }
        let Some(namespace) = self.namespaces.get(&nsid) else {
            let is_valid = self.namespaces.keys().any(|known| nsid <= *known);
            return if is_valid {
                Ok(IdentifyNamespace::zeroed())
            } else {
                Err(invalid_namespace())
            };
        };
        let blocks = namespace.size_blocks();
        let bytes = u128::from(blocks).saturating_mul(namespace.block_bytes().into());
        let mut id = IdentifyNamespace::zeroed();
        id.nsze = blocks.into();
        id.ncap = blocks.into();
        id.nuse = blocks.into();
        id.nlbaf_z = 1;
        id.flbas = LBA_FORMATS
            .iter()
            .position(|lbads| 1_u32.wrapping_shl((*lbads).into()) == namespace.block_bytes())
            .map_or(0, |index| low8(u16::try_from(index).unwrap_or(0)));
        // Deallocated blocks read as zeros.
        id.dlfeat = 1;
        id.nvmcap = bytes.to_le_bytes();
        id.nguid = self.nguid(namespace);
        id.eui64 = self.eui64(namespace);
        // Relative performance: 0 is best.
        for ((format, lbads), rp) in id.lbaf.iter_mut().zip(LBA_FORMATS).zip([1, 0]) {
            *format = LbaFormat { ms: 0.into(), lbads, rp };
        }
        Ok(id)
    }

    /// The identifiers of active namespaces above `nsid`, ascending.
    fn active_namespaces(&self, nsid: u32) -> Result<Vec<u8>, Failure> {
        if nsid >= NSID_RESERVED {
            return Err(invalid_namespace());
        }
        let active = self.namespaces.keys().copied().filter(|known| *known > nsid);
        let list = active.chain(std::iter::repeat(0)).take(NAMESPACE_LIST_ENTRIES);
        Ok(list.flat_map(u32::to_le_bytes).collect())
    }

    fn descriptors(&self, nsid: u32) -> Result<Vec<u8>, Failure> {
        let namespace = self
            .namespaces
            .get(&nsid)
            .filter(|_| nsid != NSID_BROADCAST)
            .ok_or_else(invalid_namespace)?;
        let mut page = Vec::with_capacity(IDENTIFY_BYTES);
        page.extend(descriptor_header(DescriptorType::Eui64));
        page.extend(self.eui64(namespace));
        page.extend(descriptor_header(DescriptorType::Nguid));
        page.extend(self.nguid(namespace));
        page.extend(descriptor_header(DescriptorType::CommandSet));
        page.push(0);
        page.resize(IDENTIFY_BYTES, 0);
        Ok(page)
    }

    /// An identifier that depends on serial number and namespace only, locally administered.
    fn eui64(&self, namespace: &Namespace) -> [u8; 8] {
        let name = self.config.serial.bytes().chain(namespace.nsid.to_le_bytes());
        // FNV-1a.
        let hash = name.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        (hash >> 8 | 0x02 << 56).to_be_bytes()
    }

    fn nguid(&self, namespace: &Namespace) -> [u8; 16] {
        let low = u128::from(u64::from_be_bytes(self.eui64(namespace)));
        (low << 64 | low.rotate_left(13)).to_be_bytes()
    }
}

fn invalid_namespace() -> Failure {
    Failure::permanent(status::INVALID_NAMESPACE).at(byte::NSID)
}

fn low8(number: u16) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// ASCII text padded with spaces.
pub(crate) fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [b' '; N];
    for (to, from) in bytes.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    bytes
}
