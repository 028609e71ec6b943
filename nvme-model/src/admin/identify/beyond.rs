//! Identify structures about command sets and controllers: mostly "none" and "only this one".
// Spec: NVMe-Base-2.0c 5.17.2 "Identify Data Structures"

use nvme_spec::identify::{
    CNS_ATTACHED_CONTROLLERS, CNS_COMMAND_SET_ACTIVE_NAMESPACES,
    CNS_COMMAND_SET_ALLOCATED_NAMESPACE, CNS_COMMAND_SET_ALLOCATED_NAMESPACES,
    CNS_COMMAND_SET_CONTROLLER, CNS_COMMAND_SET_NAMESPACE, CNS_COMMAND_SETS, CNS_CONTROLLERS,
    CNS_INDEPENDENT_NAMESPACE, CSI_NVM, IDENTIFY_BYTES,
};
use zerocopy::IntoBytes;

use super::CNTLID;
use crate::Controller;
use crate::failure::{Failure, byte};
use crate::format::NamespaceFormat;

/// CNTID that means "the controller that is asked".
const CNTID_THIS: u16 = 0xffff;

/// NSTAT in the command set independent structure: the namespace is ready.
const NSTAT: (usize, u8) = (14, 1);

impl Controller {
    pub(super) fn identify_beyond(
        &self,
        cns: u8,
        cntid: u16,
        csi: u8,
        nsid: u32,
    ) -> Result<Vec<u8>, Failure> {
        match cns {
            // No limits beyond MDTS: zeros say so.
            // Spec: NVM-CS-1.0c 4.1.5.4 "I/O Command Set Specific Identify Controller Data Structure"
            CNS_COMMAND_SET_CONTROLLER => check_set(csi).map(|()| page(&[])),
            CNS_COMMAND_SET_NAMESPACE => {
                check_set(csi)?;
                self.check_active(nsid)?;
                Ok(NamespaceFormat::describe_extended().as_bytes().to_vec())
            }
            CNS_COMMAND_SET_ALLOCATED_NAMESPACE => {
                check_set(csi)?;
                self.check_valid(nsid)?;
                Ok(NamespaceFormat::describe_extended().as_bytes().to_vec())
            }
            CNS_COMMAND_SET_ACTIVE_NAMESPACES => {
                check_set(csi)?;
                self.active_list(nsid)
            }
            CNS_COMMAND_SET_ALLOCATED_NAMESPACES => {
                check_set(csi)?;
                self.allocated_list(nsid)
            }
            CNS_INDEPENDENT_NAMESPACE => self.check_active(nsid).map(|()| page(&[NSTAT])),
            CNS_ATTACHED_CONTROLLERS => {
                self.check_valid(nsid)?;
                let is_attached = self.namespaces.has(nsid);
                Ok(if is_attached { controllers_from(cntid) } else { page(&[]) })
            }
            CNS_CONTROLLERS => Ok(controllers_from(cntid)),
            // One combination: the NVM command set alone.
            CNS_COMMAND_SETS if [CNTLID, CNTID_THIS].contains(&cntid) => Ok(page(&[(0, 1)])),
            CNS_COMMAND_SETS => Err(Failure::field(byte::CDW10 + 2, 0)),
            _ => Err(Failure::field(byte::CDW10, 0)),
        }
    }
}

fn check_set(csi: u8) -> Result<(), Failure> {
    if csi == CSI_NVM { Ok(()) } else { Err(Failure::field(byte::CDW11 + 3, 0)) }
}

/// A page of zeros but for these bytes.
fn page(bytes: &[(usize, u8)]) -> Vec<u8> {
    let mut page = vec![0; IDENTIFY_BYTES];
    for (offset, value) in bytes {
        if let Some(byte) = page.get_mut(*offset) {
            *byte = *value;
        }
    }
    page
}

/// A controller list: how many there are, and their identifiers from `cntid` on.
fn controllers_from(cntid: u16) -> Vec<u8> {
    // No identifier is below that of the only controller.
    let count = u8::from(cntid == CNTLID);
    // The identifier behind the count is 0, as all that follows.
    page(&[(0, count)])
}
