//! Identify Namespace.
// Spec: NVM-CS-1.0c 4.1.5.1 "NVM Command Set Identify Namespace Data Structure (CNS 00h)"

use nvme_spec::NSID_BROADCAST;
use nvme_spec::identify::{IdentifyNamespace, LbaFormat};

use super::low8;
use crate::Controller;
use crate::failure::Failure;
use crate::namespace::Namespace;

/// The block sizes that a namespace can have, as powers of two. 512 comes first, as on every drive:
/// there are drivers that take format 0 for 512 bytes without looking.
const LBA_FORMATS: [u8; 2] = [9, 12];

/// Bytes of a block in the format with this FLBAS, if there is such a format.
pub(in crate::admin) fn block_bytes_of(flbas: u8) -> Option<u32> {
    let lbads = LBA_FORMATS.get(usize::from(flbas))?;
    Some(1_u32.wrapping_shl((*lbads).into()))
}

/// The format of a namespace.
pub(in crate::admin) fn flbas(namespace: &Namespace) -> u8 {
    (0_u8..)
        .zip(LBA_FORMATS)
        .find(|(_, lbads)| 1_u32.wrapping_shl((*lbads).into()) == namespace.block_bytes())
        .map_or(0, |(index, _)| index)
}

impl Controller {
    /// The namespace, or zeros if it is not active; all namespaces: what they have in common.
    pub(super) fn identify_active(&self, nsid: u32) -> Result<IdentifyNamespace, Failure> {
        if nsid == NSID_BROADCAST {
            return Ok(common());
        }
        self.check_valid(nsid)?;
        let active = self.namespaces.get(&nsid);
        Ok(active.map_or_else(IdentifyNamespace::zeroed, |ns| self.identify_namespace(ns)))
    }

    /// The namespace, attached or not, or zeros if there is none.
    pub(super) fn identify_allocated(&self, nsid: u32) -> Result<IdentifyNamespace, Failure> {
        self.check_valid(nsid)?;
        let known = self.allocated(nsid);
        Ok(known.map_or_else(IdentifyNamespace::zeroed, |ns| self.identify_namespace(ns)))
    }

    fn identify_namespace(&self, namespace: &Namespace) -> IdentifyNamespace {
        let blocks = namespace.size_blocks();
        let mut id = common();
        id.nsze = blocks.into();
        id.ncap = blocks.into();
        id.nuse = blocks.into();
        id.flbas = flbas(namespace);
        id.nvmcap = namespace.size_bytes().to_le_bytes();
        id.nguid = self.nguid(namespace.nsid);
        id.eui64 = self.eui64(namespace.nsid);
        id
    }
}

/// What every namespace can do.
fn common() -> IdentifyNamespace {
    let mut id = IdentifyNamespace::zeroed();
    id.nlbaf_z = low8(LBA_FORMATS.len().saturating_sub(1) as u16);
    // Deallocated blocks read as zeros.
    id.dlfeat = 1;
    // Relative performance: 0 is best.
    for ((format, lbads), rp) in id.lbaf.iter_mut().zip(LBA_FORMATS).zip([1, 0]) {
        *format = LbaFormat { ms: 0.into(), lbads, rp };
    }
    id
}
