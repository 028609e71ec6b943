//! Reading without giving away: Compare and Verify.

use nvme_spec::status;

use super::transfer::{Extent, Purpose, invalid_protection};
use crate::command::NvmCommand;
use crate::controller::Outcome;
use crate::failure::Failure;
use crate::fault::Faults;
use crate::{Controller, Ports};

/// Blocks that Verify reads at a time.
const VERIFY_BLOCKS: u32 = 256;

impl Controller {
    /// Compares data and metadata, but not protection information: that is checked instead.
    // Spec: NVM-CS-1.0c 3.2.1 "Compare command"
    pub(super) fn compare(
        &mut self,
        command: &NvmCommand,
        extent: &Extent,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        let different = self.first_difference(command, extent, faults, ports)?;
        self.health.host_reads = self.health.host_reads.saturating_add(1);
        match different {
            None => Ok(0),
            Some(lba) => Err(Failure::permanent(status::COMPARE_FAILURE).at_lba(lba)),
        }
    }

    /// The first block that is another than the host's.
    pub(super) fn first_difference(
        &mut self,
        command: &NvmCommand,
        extent: &Extent,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Result<Option<u64>, Failure> {
        refuse_action(extent)?;
        let mut hosts = self.receive_blocks(extent, command, Purpose::Look, ports)?;
        if !faults.is_empty() {
            faults.corrupt(hosts.bytes());
        }
        let stored = self.load(command.nsid, extent, faults, ports)?;
        let unit = extent.format.stored_bytes().max(1) as usize;
        let is_same = |(one, other): (&[u8], &[u8])| match extent.format.protection {
            Some(protection) => protection.is_same(one, other),
            None => one == other,
        };
        let different = hosts.chunks(unit).zip(stored.chunks(unit)).position(|pair| !is_same(pair));
        Ok(different.map(|index| extent.slba.saturating_add(index as u64)))
    }

    /// Reads every block and keeps none. It is not bound to the transfer size: nothing is transferred.
    // Spec: NVM-CS-1.0c 3.2.5 "Verify command"
    pub(super) fn verify(&mut self, nsid: u32, extent: &Extent, ports: &mut Ports<'_>) -> Outcome {
        refuse_action(extent)?;
        self.active(nsid)?.check_readable(extent.slba, extent.blocks.into())?;
        let mut rest = *extent;
        while rest.blocks > 0 {
            let part = Extent { blocks: rest.blocks.min(VERIFY_BLOCKS), ..rest };
            self.load(nsid, &part, &Faults::default(), ports)?;
            rest = rest.after(part.blocks);
        }
        Ok(0)
    }
}

/// Neither command gives or takes protection information.
fn refuse_action(extent: &Extent) -> Result<(), Failure> {
    if extent.format.protection.is_some() && extent.fields.is_action() {
        return Err(invalid_protection());
    }
    Ok(())
}
