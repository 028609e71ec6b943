//! Identify Namespace.
// Spec: NVM-CS-1.0c 4.1.5.1 "NVM Command Set Identify Namespace Data Structure (CNS 00h)"

use nvme_spec::NSID_BROADCAST;
use nvme_spec::identify::{IdentifyNamespace, dlfeat, nsfeat};
use nvme_spec::reservation::RESCAP_ALL;

use crate::Controller;
use crate::failure::Failure;
use crate::format::NamespaceFormat;
use crate::namespace::Namespace;
use crate::nvm::copy;

impl Controller {
    /// The namespace, or zeros if it is not active; all namespaces: what they have in common.
    pub(super) fn identify_active(&self, nsid: u32) -> Result<IdentifyNamespace, Failure> {
        if nsid == NSID_BROADCAST {
            let first = NamespaceFormat::new(0, 0)?;
            return Ok(common(&first));
        }
        self.check_valid(nsid)?;
        let active = self.namespaces.get(nsid);
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
        let mut id = common(&namespace.format);
        id.nsze = blocks.into();
        id.ncap = blocks.into();
        id.nuse = blocks.into();
        super::super::atomic::put(namespace.atomicity, &mut id);
        id.nvmcap = namespace.size_bytes().to_le_bytes();
        id.nguid = self.nguid(namespace.nsid);
        id.eui64 = self.eui64(namespace.nsid);
        id
    }
}

/// What every namespace can do, and what one of this format can do besides.
fn common(format: &NamespaceFormat) -> IdentifyNamespace {
    let mut id = IdentifyNamespace::zeroed();
    format.describe(&mut id);
    id.rescap = RESCAP_ALL;
    id.nsfeat |= nsfeat::DEALLOCATED_ERROR;
    id.dlfeat = dlfeat::READ_ZEROS | dlfeat::WRITE_ZEROES_DEALLOCATES;
    id.mssrl = copy::RANGE_BLOCKS_MAX.into();
    id.mcl = copy::BLOCKS_MAX.into();
    id.msrc_z = copy::RANGES_MAX_Z;
    id
}
