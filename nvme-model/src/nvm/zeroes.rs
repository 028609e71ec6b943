//! Write Zeroes and Write Uncorrectable.

use super::transfer::Extent;
use crate::buffer::Buffer;
use crate::command::NvmCommand;
use crate::controller::Outcome;
use crate::fault::Faults;
use crate::{Controller, Ports};

/// Blocks of zeros that are written at a time, if they have protection information of their own.
const WRITE_BLOCKS: u32 = 256;

impl Controller {
    /// Without PRACT, the protection information of the blocks is all ones, as if they were deallocated:
    /// only with it they differ from zeros on the media.
    // Spec: NVM-CS-1.0c 3.2.8 "Write Zeroes command"
    pub(super) fn write_zeroes(
        &mut self,
        command: &NvmCommand,
        extent: &Extent,
        is_deallocating: bool,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        if faults.is_lost_write() {
            return Ok(0);
        }
        let nsid = command.nsid;
        let Some(parts) = protected_zeroes(extent) else {
            self.zero(nsid, extent.slba, extent.blocks.into(), ports)?;
            if let Some(ns) = self.namespaces.get_mut(nsid).filter(|_| !is_deallocating) {
                ns.keep_allocated(extent.slba, extent.blocks.into());
            }
            // What is left of the namespace's cache goes along, as with a read.
            return self.commit(command, ports);
        };
        for (part, blocks) in parts {
            self.store_blocks(nsid, &part, blocks, true, faults, ports)?;
            if self.is_power_lost() {
                break;
            }
        }
        Ok(0)
    }

    /// Makes blocks read as zeros, and tells the rules that they were written.
    pub(super) fn zero(
        &mut self,
        nsid: u32,
        slba: u64,
        blocks: u64,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        let is_history_kept = self.faults().has_stale_reads();
        self.on_media(nsid, |ns, now_ns| {
            if is_history_kept {
                ns.remember_before_zeroes(slba, blocks)?;
            }
            ns.zero(slba, blocks, now_ns, ports.observer)
        })?;
        self.blocks_were_rewritten(nsid, slba, blocks);
        Ok(0)
    }

    // Spec: NVM-CS-1.0c 3.2.7 "Write Uncorrectable command"
    pub(super) fn write_uncorrectable(
        &mut self,
        nsid: u32,
        slba: u64,
        blocks: u64,
        faults: &Faults,
    ) -> Outcome {
        if let Some(ns) = self.namespaces.get_mut(nsid).filter(|_| !faults.is_lost_write()) {
            ns.spoil(slba, blocks);
        }
        Ok(0)
    }
}

/// Zeros that have protection information of their own, part by part; `None` if those of the media will do.
pub(super) fn protected_zeroes(extent: &Extent) -> Option<impl Iterator<Item = (Extent, Buffer)>> {
    let protection = extent.format.protection.filter(|_| extent.fields.is_action())?;
    let mut rest = *extent;
    Some(std::iter::from_fn(move || {
        let part = Extent { blocks: rest.blocks.min(WRITE_BLOCKS), ..rest };
        rest = rest.after(part.blocks);
        let mut blocks = Buffer::zeros(part.stored_bytes());
        protection.insert(blocks.bytes(), &part.fields);
        (part.blocks > 0).then_some((part, blocks))
    }))
}
