//! Read and Write.

use super::transfer::{Extent, Purpose};
use crate::buffer::Buffer;
use crate::command::NvmCommand;
use crate::controller::Outcome;
use crate::data::{self, Direction};
use crate::failure::Failure;
use crate::fault::{ActionKind, Faults};
use crate::namespace::Durability;
use crate::{Controller, Ports};

impl Controller {
    // Spec: NVM-CS-1.0c 3.2.4 "Read command"
    pub(super) fn read(
        &mut self,
        command: &NvmCommand,
        extent: &Extent,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        if !self.read_straight(command, extent, faults, ports)? {
            self.read_by_copy(command, extent, faults, ports)?;
        }
        self.health.host_reads = self.health.host_reads.saturating_add(1);
        let bytes = extent.stored_bytes() as u64;
        self.health.bytes_read = self.health.bytes_read.saturating_add(bytes);
        Ok(0)
    }

    /// Sends blocks from where they lie, if nothing is to be done to them on the way and they lie in one
    /// piece; `false` if not.
    fn read_straight(
        &mut self,
        command: &NvmCommand,
        extent: &Extent,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Result<bool, Failure> {
        if !faults.is_empty() || !extent.is_verbatim() || extent.format.protection.is_some() {
            return Ok(false);
        }
        let ns = self.active(command.nsid)?;
        self.check_loadable(ns, extent)?;
        let length = extent.stored_bytes();
        let blocks = extent.blocks.into();
        let view = ns.view(extent.slba, blocks, length, self.now_ns(), ports.observer);
        let Some(bytes) = view else {
            return Ok(false);
        };
        let (length, page_bytes) = (length as u64, self.page_bytes());
        let segments =
            command.data.segments(ports.memory, length, page_bytes, Direction::ToHost)?;
        data::scatter(ports.memory, &segments, bytes)?;
        Ok(true)
    }

    /// Reads blocks, does to them what is to be done, and sends them.
    fn read_by_copy(
        &mut self,
        command: &NvmCommand,
        extent: &Extent,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Result<(), Failure> {
        let mut blocks = self.load(command.nsid, extent, faults, ports)?;
        // Past the controller's own check: this is for the host to find.
        faults.corrupt(&mut blocks);
        let moved = faults.transferred(blocks.len());
        if moved < blocks.len() {
            // What is not transferred stays as it is in the host's memory.
            let present = self.receive_blocks(extent, command, Purpose::Look, ports)?;
            let rest = blocks.iter_mut().zip(present.iter()).skip(moved);
            rest.for_each(|(byte, old)| *byte = *old);
        }
        self.send_blocks(extent, blocks, command, ports)
    }

    // Spec: NVM-CS-1.0c 3.2.6 "Write command"
    pub(super) fn write(
        &mut self,
        command: &NvmCommand,
        extent: &Extent,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        let blocks = self.blocks_to_write(command, extent, ports)?;
        let bytes = blocks.len() as u64;
        self.store_blocks(command.nsid, extent, blocks, command.is_fua, faults, ports)?;
        self.health.host_writes = self.health.host_writes.saturating_add(1);
        self.health.bytes_written = self.health.bytes_written.saturating_add(bytes);
        Ok(0)
    }

    /// The host's blocks, checked, with all of their protection information.
    pub(super) fn blocks_to_write(
        &mut self,
        command: &NvmCommand,
        extent: &Extent,
        ports: &Ports<'_>,
    ) -> Result<Buffer, Failure> {
        let mut blocks = self.receive_blocks(extent, command, Purpose::Store, ports)?;
        match extent.format.protection {
            Some(protection) if extent.fields.is_action() => {
                protection.insert(blocks.bytes(), &extent.fields);
            }
            _ => extent.check(&blocks)?,
        }
        Ok(blocks)
    }

    /// Stores blocks whose protection information is complete, or what rules make of them; the power may be gone
    /// afterwards.
    pub(super) fn store_blocks(
        &mut self,
        nsid: u32,
        extent: &Extent,
        blocks: Buffer,
        is_fua: bool,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Result<(), Failure> {
        let is_last_write = faults.has(ActionKind::PowerCutAt);
        let durability = match (is_fua || is_last_write, self.features.is_cache_enabled()) {
            (true, _) => Durability::ForceUnitAccess,
            (false, true) => Durability::Cached,
            (false, false) => Durability::Through,
        };
        if let Some((slba, blocks)) = self.what_is_stored(nsid, extent, blocks, faults)? {
            self.store(nsid, slba, blocks, durability, ports)?;
        }
        if is_last_write {
            self.lose_power(ports.observer);
        }
        Ok(())
    }

    /// Stores whole blocks, and tells the rules that they were written.
    fn store(
        &mut self,
        nsid: u32,
        slba: u64,
        data: Buffer,
        durability: Durability,
        ports: &mut Ports<'_>,
    ) -> Result<(), Failure> {
        let (is_history_kept, now_ns) = (self.faults().has_stale_reads(), self.now_ns());
        let written = self.namespaces.get_mut(nsid).map_or(Ok(0), |ns| {
            if is_history_kept {
                ns.remember(slba, ns.blocks_of(data.len()))?;
            }
            ns.write(slba, data, durability, now_ns, ports.observer)
        });
        let blocks = self.host_result(written)?;
        self.blocks_were_rewritten(nsid, slba, blocks);
        Ok(())
    }
}
