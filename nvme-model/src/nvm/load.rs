//! Reading blocks from the namespace, whoever wants them.

use nvme_spec::status;

use super::transfer::Extent;
use crate::failure::Failure;
use crate::fault::Faults;
use crate::namespace::Namespace;
use crate::{Controller, Ports};

impl Controller {
    /// Reads blocks and checks their protection information as the command wants it.
    pub(super) fn load(
        &mut self,
        nsid: u32,
        extent: &Extent,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Result<Vec<u8>, Failure> {
        self.check_loadable(self.active(nsid)?, extent)?;
        let mut blocks = vec![0; extent.stored_bytes()];
        self.on_media(nsid, |ns, now_ns| {
            ns.read(extent.slba, &mut blocks, now_ns, ports.observer)
        })?;
        if faults.is_stale_read() {
            self.make_stale(nsid, extent.slba, &mut blocks);
        }
        if let Some(protection) = extent.format.protection {
            protection.invert(&mut blocks);
        }
        extent.check(&blocks)?;
        Ok(blocks)
    }

    /// Whether the controller may read these blocks.
    pub(super) fn check_loadable(&self, ns: &Namespace, extent: &Extent) -> Result<(), Failure> {
        ns.check_readable(extent.slba, extent.blocks.into())?;
        self.check_allocated(ns, extent)
    }

    /// If the host wants that, blocks that were never written or deallocated since cannot be read.
    // Spec: NVM-CS-1.0c 4.1.3.2 "Error Recovery (Feature Identifier 05h)"
    fn check_allocated(&self, ns: &Namespace, extent: &Extent) -> Result<(), Failure> {
        if !self.features.is_deallocated_error(ns.nsid) {
            return Ok(());
        }
        match ns.first_deallocated(extent.slba, extent.blocks.into()) {
            None => Ok(()),
            Some(lba) => Err(Failure::permanent(status::DEALLOCATED_BLOCK).at_lba(lba)),
        }
    }
}

impl Namespace {
    /// Blocks that Write Uncorrectable left cannot be read until they are written again.
    pub(super) fn check_readable(&self, slba: u64, blocks: u64) -> Result<(), Failure> {
        match self.first_unreadable(slba, blocks) {
            None => Ok(()),
            Some(lba) => Err(Failure::permanent(status::UNRECOVERED_READ).at_lba(lba)),
        }
    }
}

impl Extent {
    /// Checks the protection information of blocks as the command wants it.
    pub(super) fn check(&self, blocks: &[u8]) -> Result<(), Failure> {
        let Some(protection) = self.format.protection else {
            return Ok(());
        };
        protection.check(blocks, &self.fields).map_err(|mismatch| {
            let lba = self.slba.saturating_add(mismatch.index);
            Failure::permanent(mismatch.code).at_lba(lba)
        })
    }
}
