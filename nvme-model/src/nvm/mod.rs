//! The I/O commands.
// Spec: NVM-CS-1.0c 3.2 "NVM Command Set Commands"

use nvme_spec::dsm::{DsmRange, RANGE_BYTES};
use nvme_spec::{NSID_BROADCAST, status};

use crate::command::{NvmCommand, NvmOp};
use crate::controller::Outcome;
use crate::data::DataPointer;
use crate::failure::{Failure, byte};
use crate::fault::{ActionKind, Faults};
use crate::media::MediaError;
use crate::namespace::{Durability, Namespace};
use crate::{Controller, Ports};

mod check;
mod wrong;

/// A range of blocks with its length in bytes.
struct Transfer {
    slba: u64,
    bytes: usize,
}

impl Controller {
    pub(crate) fn execute_nvm(
        &mut self,
        command: &NvmCommand,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        let NvmCommand { nsid, op, data } = *command;
        if op == NvmOp::Flush && nsid == NSID_BROADCAST {
            return self.flush_all(ports);
        }
        self.check_active(nsid)?;
        if self.is_read_only() && op.changes_blocks() {
            return Err(Failure::permanent(status::NAMESPACE_WRITE_PROTECTED));
        }
        match op {
            NvmOp::Flush => self.on_media(nsid, |ns, now_ns| ns.flush(now_ns, ports.observer)),
            NvmOp::Read { slba, blocks } => {
                let transfer = self.transfer(nsid, slba, blocks)?;
                self.read(nsid, &transfer, data, faults, ports)
            }
            NvmOp::Write { slba, blocks, is_fua } => {
                let transfer = self.transfer(nsid, slba, blocks)?;
                self.write(nsid, &transfer, data, is_fua, faults, ports)
            }
            NvmOp::WriteZeroes { slba, blocks } => {
                self.check_range(nsid, slba, blocks.into())?;
                if faults.is_lost_write() {
                    return Ok(0);
                }
                self.zero(nsid, slba, blocks.into(), ports)
            }
            NvmOp::WriteUncorrectable { slba, blocks } => {
                self.check_range(nsid, slba, blocks.into())?;
                if !faults.is_lost_write() {
                    self.spoil(nsid, slba, blocks.into());
                }
                Ok(0)
            }
            NvmOp::Compare { slba, blocks } => {
                let transfer = self.transfer(nsid, slba, blocks)?;
                self.compare(nsid, &transfer, data, faults, ports)
            }
            NvmOp::Verify { slba, blocks } => {
                self.check_range(nsid, slba, blocks.into())?;
                self.verify(nsid, slba, blocks.into(), ports)
            }
            NvmOp::DatasetManagement { ranges, is_deallocate } => {
                let ranges = self.receive_ranges(ranges, data, faults, ports)?;
                self.deallocate(nsid, &ranges, is_deallocate && !faults.is_lost_write(), ports)
            }
        }
    }

    fn read(
        &mut self,
        nsid: u32,
        transfer: &Transfer,
        to: DataPointer,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        let mut buffer = self.load(nsid, transfer, ports)?;
        if faults.is_stale_read() {
            self.make_stale(nsid, transfer.slba, &mut buffer);
        }
        self.spoil_data(&mut buffer, to, faults, ports)?;
        self.send(&buffer, to, ports)?;
        self.health.host_reads = self.health.host_reads.saturating_add(1);
        self.health.bytes_read = self.health.bytes_read.saturating_add(transfer.bytes as u64);
        Ok(0)
    }

    fn write(
        &mut self,
        nsid: u32,
        transfer: &Transfer,
        from: DataPointer,
        is_fua: bool,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        let mut buffer = vec![0; transfer.bytes];
        self.receive(&mut buffer, from, ports)?;
        faults.corrupt(&mut buffer);
        let moved = faults.transferred(buffer.len());
        buffer.iter_mut().skip(moved).for_each(|byte| *byte = 0);
        let is_last_write = faults.has(ActionKind::PowerCutAt);
        let durability = match (is_fua || is_last_write, self.features.is_cache_enabled()) {
            (true, _) => Durability::ForceUnitAccess,
            (false, true) => Durability::Cached,
            (false, false) => Durability::Through,
        };
        if let Some((slba, data)) = self.what_is_stored(nsid, transfer.slba, buffer, faults)? {
            self.store(nsid, slba, data, durability, ports)?;
        }
        if is_last_write {
            self.lose_power(ports.observer);
        }
        self.health.host_writes = self.health.host_writes.saturating_add(1);
        self.health.bytes_written = self.health.bytes_written.saturating_add(transfer.bytes as u64);
        Ok(0)
    }

    /// Stores whole blocks, and tells the rules that they were written.
    fn store(
        &mut self,
        nsid: u32,
        slba: u64,
        data: Vec<u8>,
        durability: Durability,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        let is_history_kept = self.faults().has_stale_reads();
        let mut blocks = 0;
        self.on_media(nsid, |ns, now_ns| {
            blocks = ns.blocks_of(data.len());
            if is_history_kept {
                ns.remember(slba, blocks)?;
            }
            ns.write(slba, data, durability, now_ns, ports.observer)
        })?;
        self.faults_mut().on_rewrite(nsid, slba, blocks);
        Ok(0)
    }

    /// Makes blocks read as zeros, and tells the rules that they were written.
    fn zero(&mut self, nsid: u32, slba: u64, blocks: u64, ports: &mut Ports<'_>) -> Outcome {
        self.on_media(nsid, |ns, now_ns| ns.zero(slba, blocks, now_ns, ports.observer))?;
        self.faults_mut().on_rewrite(nsid, slba, blocks);
        Ok(0)
    }

    /// Checks range and size of a data transfer.
    fn transfer(&self, nsid: u32, slba: u64, blocks: u32) -> Result<Transfer, Failure> {
        let block_bytes = self.namespaces.get(&nsid).map_or(0, Namespace::block_bytes);
        let bytes = u64::from(blocks).saturating_mul(block_bytes.into());
        // Spec: NVMe-Base-2.0c 5.17.2.1 "Maximum Data Transfer Size (MDTS)"
        if bytes > self.config.transfer_bytes_max() {
            return Err(Failure::field(byte::CDW12, 0));
        }
        self.check_range(nsid, slba, blocks.into())?;
        let bytes = usize::try_from(bytes).unwrap_or(0);
        Ok(Transfer { slba, bytes })
    }

    fn check_range(&self, nsid: u32, slba: u64, blocks: u64) -> Result<(), Failure> {
        let has_blocks = self.namespaces.get(&nsid).is_some_and(|ns| ns.has_blocks(slba, blocks));
        if !has_blocks {
            let failure = Failure::permanent(status::LBA_OUT_OF_RANGE).at(byte::CDW10);
            return Err(failure.at_lba(slba));
        }
        Ok(())
    }

    fn receive_ranges(
        &self,
        count: u32,
        from: DataPointer,
        faults: &Faults,
        ports: &Ports<'_>,
    ) -> Result<Vec<DsmRange>, Failure> {
        let count = usize::try_from(count).unwrap_or(0);
        let mut bytes = vec![0; count.saturating_mul(RANGE_BYTES)];
        self.receive(&mut bytes, from, ports)?;
        faults.corrupt(&mut bytes);
        let (ranges, _) = bytes.as_chunks::<RANGE_BYTES>();
        Ok(ranges.iter().map(|range| DsmRange::from_bytes(*range)).collect())
    }

    /// Deallocates all ranges, or none if one of them is out of range.
    // Spec: NVM-CS-1.0c 3.2.3 "Dataset Management command"
    fn deallocate(
        &mut self,
        nsid: u32,
        ranges: &[DsmRange],
        is_deallocate: bool,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        for range in ranges {
            self.check_range(nsid, range.slba.get(), range.nlb.get().into())?;
        }
        for range in ranges.iter().filter(|_| is_deallocate) {
            self.zero(nsid, range.slba.get(), range.nlb.get().into(), ports)?;
        }
        Ok(0)
    }

    /// Does something to a namespace that exists; a host failure becomes an internal error.
    fn on_media(
        &mut self,
        nsid: u32,
        act: impl FnOnce(&mut Namespace, u64) -> Result<(), MediaError>,
    ) -> Outcome {
        let now_ns = self.now_ns();
        let done = self.namespaces.get_mut(&nsid).map_or(Ok(()), |ns| act(ns, now_ns));
        self.host_result(done)?;
        Ok(0)
    }
}
