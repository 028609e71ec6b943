//! Reading without giving away: Compare, Verify, and what makes blocks unreadable.

use nvme_spec::status;

use super::Transfer;
use crate::controller::Outcome;
use crate::data::DataPointer;
use crate::failure::Failure;
use crate::fault::Faults;
use crate::{Controller, Ports};

/// Blocks that Verify reads at a time.
const VERIFY_BLOCKS: u64 = 256;

impl Controller {
    /// Reads the blocks of a transfer.
    pub(super) fn load(
        &mut self,
        nsid: u32,
        transfer: &Transfer,
        ports: &mut Ports<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let mut buffer = vec![0; transfer.bytes];
        let blocks = self.namespaces.get(&nsid).map_or(0, |ns| ns.blocks_of(transfer.bytes));
        self.check_readable(nsid, transfer.slba, blocks)?;
        self.on_media(nsid, |ns, now_ns| {
            ns.read(transfer.slba, &mut buffer, now_ns, ports.observer)
        })?;
        Ok(buffer)
    }

    /// Blocks that Write Uncorrectable left cannot be read until they are written again.
    fn check_readable(&self, nsid: u32, slba: u64, blocks: u64) -> Result<(), Failure> {
        let first_bad = self.namespaces.get(&nsid).and_then(|ns| ns.first_unreadable(slba, blocks));
        match first_bad {
            None => Ok(()),
            Some(lba) => Err(Failure::permanent(status::UNRECOVERED_READ).at_lba(lba)),
        }
    }

    // Spec: NVM-CS-1.0c 3.2.1 "Compare command"
    pub(super) fn compare(
        &mut self,
        nsid: u32,
        transfer: &Transfer,
        from: DataPointer,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        let mut hosts = vec![0; transfer.bytes];
        self.receive(&mut hosts, from, ports)?;
        faults.corrupt(&mut hosts);
        let mut stored = self.load(nsid, transfer, ports)?;
        if faults.is_stale_read() {
            self.make_stale(nsid, transfer.slba, &mut stored);
        }
        self.health.host_reads = self.health.host_reads.saturating_add(1);
        if hosts == stored {
            return Ok(0);
        }
        let equal = hosts.iter().zip(&stored).take_while(|(a, b)| a == b);
        let equal_blocks = self.namespaces.get(&nsid).map_or(0, |ns| ns.blocks_of(equal.count()));
        let lba = transfer.slba.saturating_add(equal_blocks);
        Err(Failure::permanent(status::COMPARE_FAILURE).at_lba(lba))
    }

    /// Reads every block and keeps none. It is not bound to the transfer size: nothing is transferred.
    // Spec: NVM-CS-1.0c 3.2.5 "Verify command"
    pub(super) fn verify(
        &mut self,
        nsid: u32,
        slba: u64,
        blocks: u64,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        self.check_readable(nsid, slba, blocks)?;
        let end = slba.saturating_add(blocks);
        let mut lba = slba;
        while lba < end {
            let count = end.saturating_sub(lba).min(VERIFY_BLOCKS);
            self.on_media(nsid, |ns, now_ns| {
                let block_bytes = u64::from(ns.block_bytes());
                let bytes = usize::try_from(block_bytes.saturating_mul(count)).unwrap_or(0);
                ns.read(lba, &mut vec![0; bytes], now_ns, ports.observer)
            })?;
            lba = lba.saturating_add(count);
        }
        Ok(0)
    }

    // Spec: NVM-CS-1.0c 3.2.7 "Write Uncorrectable command"
    pub(super) fn spoil(&mut self, nsid: u32, slba: u64, blocks: u64) {
        if let Some(ns) = self.namespaces.get_mut(&nsid) {
            ns.spoil(slba, blocks);
        }
    }
}
