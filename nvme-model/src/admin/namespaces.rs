//! Namespace Management and Namespace Attachment.
// Spec: NVMe-Base-2.0c 5.23 "Namespace Management command"

use nvme_spec::aer::AerResult;
use nvme_spec::log::LID_CHANGED_NAMESPACES;
use nvme_spec::{NSID_BROADCAST, StatusCode, status};

use super::identify::CNTLID;
use crate::controller::Outcome;
use crate::data::DataPointer;
use crate::failure::{Failure, byte};
use crate::format::NamespaceFormat;
use crate::media::RamMedia;
use crate::namespace::Namespace;
use crate::reservation::Access;
use crate::{Controller, Ports};

/// Bytes of the data of both commands.
const DATA_BYTES: usize = 4096;

/// Selections, as the persistent event log repeats them.
const CREATE: u32 = 0;
const DELETE: u32 = 1;

/// What the host says about a namespace that it wants.
struct Wanted<'a>(&'a [u8]);

impl Wanted<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        let bytes = self.0.get(at..).and_then(|rest| rest.first_chunk());
        bytes.copied().unwrap_or([0; N])
    }

    fn nsze(&self) -> u64 {
        u64::from_le_bytes(self.bytes(0))
    }

    fn ncap(&self) -> u64 {
        u64::from_le_bytes(self.bytes(8))
    }

    fn flbas(&self) -> u8 {
        u8::from_le_bytes(self.bytes(26))
    }

    fn dps(&self) -> u8 {
        u8::from_le_bytes(self.bytes(29))
    }

    /// Whether it asks for what there is none of: sharing, ANA groups, NVM sets, endurance groups.
    fn has_extras(&self) -> bool {
        let [nmic] = self.bytes(30);
        let groups: [u8; 4] = self.bytes(92);
        let sets: [u8; 4] = self.bytes(100);
        nmic != 0 || groups != [0; 4] || sets != [0; 4]
    }
}

fn refused(code: StatusCode) -> Failure {
    Failure::permanent(code)
}

impl Controller {
    /// Creates a namespace out of unallocated capacity, not attached; dword 0 is its identifier.
    pub(super) fn create_namespace(
        &mut self,
        csi: u32,
        from: DataPointer,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        if csi != 0 {
            return Err(refused(status::COMMAND_SET_NOT_SUPPORTED).at(byte::CDW11 + 3));
        }
        let mut data = vec![0; DATA_BYTES];
        self.receive(&mut data, from, ports)?;
        let wanted = Wanted(&data);
        let format = NamespaceFormat::new(wanted.flbas(), wanted.dps())?;
        if wanted.nsze() == 0 || wanted.has_extras() {
            return Err(Failure::field(byte::PRP1, 0));
        }
        if wanted.ncap() != wanted.nsze() {
            return Err(refused(status::THIN_PROVISIONING_NOT_SUPPORTED));
        }
        let needed = u128::from(wanted.nsze()).saturating_mul(format.data_bytes().into());
        if wanted.nsze() > 1 << 48 || needed > self.unallocated_bytes() {
            return Err(refused(status::NAMESPACE_INSUFFICIENT_CAPACITY));
        }
        let nsid = (1..=self.config.namespaces_max)
            .find(|nsid| !self.is_allocated(*nsid))
            .ok_or(refused(status::NAMESPACE_ID_UNAVAILABLE))?;
        let media = Box::new(RamMedia::new(wanted.nsze(), format.stored_bytes()));
        let (cache_blocks_max, atomicity) = (self.config.cache_blocks_max, self.config.atomicity());
        let namespace = Namespace::fresh(nsid, media, format, cache_blocks_max, atomicity);
        self.journal_namespace(CREATE, nsid, Some(&namespace));
        self.detached.insert(nsid, namespace);
        Ok(nsid)
    }

    /// Deletes a namespace, or all; what they held is lost, and their capacity is free again.
    pub(super) fn delete_namespace(&mut self, nsid: u32) -> Outcome {
        if nsid == NSID_BROADCAST {
            self.check_all_reserved(Access::Write)?;
            self.journal_namespace(DELETE, nsid, None);
            for nsid in self.allocated_nsids() {
                self.take_namespace(nsid);
            }
            return Ok(0);
        }
        self.check_valid(nsid)?;
        self.check_reserved(nsid, Access::Write)?;
        let namespace = self.take_namespace(nsid).ok_or_else(|| Failure::field(byte::NSID, 0))?;
        self.journal_namespace(DELETE, nsid, Some(&namespace));
        Ok(0)
    }

    // Spec: NVMe-Base-2.0c 5.22 "Namespace Attachment command"
    pub(super) fn attach_namespace(
        &mut self,
        nsid: u32,
        from: DataPointer,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        self.receive_attachment(nsid, from, ports)?;
        let namespace = self
            .detached
            .remove(nsid)
            .ok_or(refused(status::NAMESPACE_ALREADY_ATTACHED).at(byte::NSID))?;
        self.namespaces.insert(nsid, namespace);
        self.namespace_changed(nsid);
        Ok(0)
    }

    /// Detaches a namespace. What is in its cache goes to its media first.
    pub(super) fn detach_namespace(
        &mut self,
        nsid: u32,
        from: DataPointer,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        self.receive_attachment(nsid, from, ports)?;
        let now_ns = self.now_ns();
        let not_attached = refused(status::NAMESPACE_NOT_ATTACHED).at(byte::NSID);
        let namespace = self.namespaces.get_mut(nsid).ok_or(not_attached)?;
        let flushed = namespace.flush(now_ns, ports.observer);
        self.host_result(flushed)?;
        if let Some(namespace) = self.namespaces.remove(nsid) {
            self.detached.insert(nsid, namespace);
        }
        self.namespace_went(nsid);
        Ok(0)
    }

    /// Checks the namespace of an attachment or detachment and its list, which must name this
    /// controller and no other.
    fn receive_attachment(
        &self,
        nsid: u32,
        from: DataPointer,
        ports: &Ports<'_>,
    ) -> Result<(), Failure> {
        if nsid == NSID_BROADCAST {
            return Err(Failure::field(byte::NSID, 0));
        }
        self.check_valid(nsid)?;
        if !self.is_allocated(nsid) {
            return Err(Failure::field(byte::NSID, 0));
        }
        self.check_reserved(nsid, Access::Write)?;
        let mut list = vec![0; DATA_BYTES];
        self.receive(&mut list, from, ports)?;
        let (words, _) = list.as_chunks::<2>();
        let mut words = words.iter().map(|word| u16::from_le_bytes(*word));
        let count = words.next().unwrap_or(0);
        let is_ours = words.next() == Some(CNTLID);
        if count != 1 || !is_ours {
            return Err(refused(status::CONTROLLER_LIST_INVALID));
        }
        Ok(())
    }

    /// The host has read which namespaces changed.
    pub(super) fn changed_namespaces_were_read(&mut self) {
        self.device.changed.clear();
        let page = u32::from(LID_CHANGED_NAMESPACES);
        self.events.forget(|event: &AerResult| event.log_page() == page);
    }
}
