//! Namespaces as a host looks at them: which there are, which changed, whether they can be used.

use alloc::vec::Vec;

use hal::{DmaBuf, PAGE_BYTES, Platform};
use nvme_spec::identify::{CNS_ACTIVE_NAMESPACES, CNS_NAMESPACE, IdentifyNamespace};
use nvme_spec::log::{CHANGED_NAMESPACES_BYTES, LID_CHANGED_NAMESPACES};
use nvme_spec::{NSID_BROADCAST, Sqe};

use crate::bench::Bench;
use crate::verdict::{Outcome, Trouble, ensure};

/// A namespace that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) nsid: u32,
    pub(crate) blocks: u64,
    /// Bytes of a block.
    pub(crate) block_bytes: usize,
}

impl<P: Platform> Bench<'_, P> {
    /// The identifiers in a list of Identify, ascending.
    pub(crate) fn nsids(&mut self, cns: u8) -> Result<Vec<u32>, Trouble> {
        Ok(listed(&self.identify(cns, 0)?))
    }

    /// The identifiers of the namespaces that can be used.
    pub(crate) fn active_nsids(&mut self) -> Result<Vec<u32>, Trouble> {
        self.nsids(CNS_ACTIVE_NAMESPACES)
    }

    /// The namespaces that changed since this was asked last.
    pub(crate) fn changed_nsids(&mut self) -> Result<Vec<u32>, Trouble> {
        let numd_z = (CHANGED_NAMESPACES_BYTES / 4 - 1) as u32;
        let sqe = Sqe::get_log_page(LID_CHANGED_NAMESPACES, NSID_BROADCAST, numd_z, 0);
        self.admin_ok(sqe.with_prp(self.at(0), 0))?;
        Ok(listed(&self.bytes(0, CHANGED_NAMESPACES_BYTES)))
    }

    /// Size and format of a namespace that is active.
    pub(crate) fn look_at(&mut self, nsid: u32) -> Result<Found, Trouble> {
        let page = self.identify(CNS_NAMESPACE, nsid)?;
        let id = IdentifyNamespace::from_prefix(&page);
        let format = id.and_then(|id| id.format().map(|format| (id.nsze.get(), format.lbads)));
        let (blocks, lbads) = format.unwrap_or((0, 0));
        ensure!((9..=12).contains(&lbads), "namespace {nsid} has blocks of 2^{lbads} bytes");
        Ok(Found { nsid, blocks, block_bytes: 1 << lbads })
    }

    /// Writes a block of a namespace and reads it again.
    pub(crate) fn use_block(&mut self, nsid: u32, slba: u64) -> Outcome {
        let length = self.look_at(nsid)?.block_bytes;
        self.fill(0, length, nsid as u8);
        self.io_ok(Sqe::write(nsid, slba, 0, false).with_prp(self.at(0), 0))?;
        self.data.write(0, &[0; PAGE_BYTES]);
        self.io_ok(Sqe::read(nsid, slba, 0).with_prp(self.at(0), 0))?;
        ensure!(self.holds(0, length, nsid as u8), "namespace {nsid}, block {slba} is another");
        Ok(())
    }
}

/// The identifiers of a list that ends with a zero, if it is not full.
fn listed(page: &[u8]) -> Vec<u32> {
    let (words, _) = page.as_chunks::<4>();
    words.iter().map(|word| u32::from_le_bytes(*word)).take_while(|nsid| *nsid != 0).collect()
}
