//! Identify.
// Spec: NVMe-Base-2.0c 5.17 "Identify command"

mod beyond;
mod controller;
mod names;
mod namespace;

use nvme_spec::identify::{
    CNS_ACTIVE_NAMESPACES, CNS_ALLOCATED_NAMESPACE, CNS_ALLOCATED_NAMESPACES, CNS_CONTROLLER,
    CNS_NAMESPACE, CNS_NAMESPACE_DESCRIPTORS, NAMESPACE_LIST_ENTRIES,
};
use nvme_spec::status;
use zerocopy::IntoBytes;

pub(super) use controller::{ACL_Z, LAST_OPERATIONAL_STATE, SANICAP};
pub(crate) use names::padded;

use crate::Controller;
use crate::failure::{Failure, byte};

/// The one controller's identifier.
pub(super) const CNTLID: u16 = 0;

/// NSIDs from here on name no namespace.
const NSID_RESERVED: u32 = 0xffff_fffe;

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
            CNS_NAMESPACE => self.identify_active(nsid)?.as_bytes().to_vec(),
            CNS_ALLOCATED_NAMESPACE => self.identify_allocated(nsid)?.as_bytes().to_vec(),
            CNS_ACTIVE_NAMESPACES => self.active_list(nsid)?,
            CNS_ALLOCATED_NAMESPACES => self.allocated_list(nsid)?,
            CNS_NAMESPACE_DESCRIPTORS => self.descriptors(nsid)?,
            _ => self.identify_beyond(cns, cntid, csi, nsid)?,
        })
    }

    /// The identifiers of active namespaces above `nsid`, ascending.
    fn active_list(&self, nsid: u32) -> Result<Vec<u8>, Failure> {
        namespace_list(nsid, self.namespaces.keys())
    }

    /// The identifiers of allocated namespaces above `nsid`, ascending.
    fn allocated_list(&self, nsid: u32) -> Result<Vec<u8>, Failure> {
        namespace_list(nsid, self.allocated_nsids().into_iter())
    }
}

fn namespace_list(nsid: u32, known: impl Iterator<Item = u32>) -> Result<Vec<u8>, Failure> {
    if nsid >= NSID_RESERVED {
        return Err(invalid_namespace());
    }
    let listed = known.filter(|known| *known > nsid);
    let list = listed.chain(std::iter::repeat(0)).take(NAMESPACE_LIST_ENTRIES);
    Ok(list.flat_map(u32::to_le_bytes).collect())
}

fn invalid_namespace() -> Failure {
    Failure::permanent(status::INVALID_NAMESPACE).at(byte::NSID)
}

fn low8(number: u16) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
