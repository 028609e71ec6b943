//! What rules see of a command beyond its entry: the data it moves, and blocks that these name.
//!
//! Looked up only while a rule asks for it. It is the bench that looks, not the controller: nothing of
//! it is an event, and what cannot be read is simply not seen.

use nvme_spec::copy::{CopyFormat, CopyRange};
use nvme_spec::dsm::{DsmRange, RANGE_BYTES};

use super::Controller;
use crate::Ports;
use crate::command::{Command, CopyCommand, NvmCommand, NvmOp, Span};
use crate::fault::{Contents, NamedBlocks};

impl Controller {
    /// What rules want to know of a command beyond its entry; nothing, for most commands.
    pub(super) fn look_into(
        &mut self,
        command: Option<&Command>,
        ports: &Ports<'_>,
    ) -> Option<Box<Contents>> {
        if !self.faults().wants_ranges() && !self.faults().wants_data() {
            return None;
        }
        let (ranges, data) = (self.ranges_of(command, ports), self.data_of(command, ports));
        let is_something = !ranges.is_empty() || data.is_some();
        is_something.then(|| Contents { ranges, data }.into())
    }

    /// Blocks that a command names in its data: a deallocate those, a Copy its sources, whose lengths
    /// also say how many blocks its destination has.
    fn ranges_of(&self, command: Option<&Command>, ports: &Ports<'_>) -> Vec<NamedBlocks> {
        let Some(Command::Nvm(command)) = command.filter(|_| self.faults().wants_ranges()) else {
            return Vec::new();
        };
        let sent = || self.sent_with(command, ports).unwrap_or_default();
        match &command.op {
            NvmOp::DatasetManagement { .. } => deallocated(command.nsid, &sent()),
            NvmOp::Copy(copy) => copied(command, copy.format, &sent()),
            _ => Vec::new(),
        }
    }

    /// The data of a command: what the host sends, or what the blocks hold that it reads.
    fn data_of(&mut self, command: Option<&Command>, ports: &Ports<'_>) -> Option<Vec<u8>> {
        let Some(Command::Nvm(command)) = command.filter(|_| self.faults().wants_data()) else {
            return None;
        };
        if command.op != NvmOp::Read {
            return self.sent_with(command, ports);
        }
        let Span { slba, blocks, .. } = command.span;
        let bytes = self.bytes_of(command.nsid, blocks)?;
        let ns = self.namespaces.get_mut(command.nsid)?;
        let mut data = vec![0; bytes];
        let is_there = ns.has_blocks(slba, blocks.into()) && ns.peek(slba, &mut data).is_ok();
        is_there.then_some(data)
    }

    /// What the host sends with a command.
    fn sent_with(&self, command: &NvmCommand, ports: &Ports<'_>) -> Option<Vec<u8>> {
        let bytes = match command.op {
            NvmOp::Write | NvmOp::Compare => self.bytes_of(command.nsid, command.span.blocks)?,
            NvmOp::DatasetManagement { ranges, .. } => {
                usize::try_from(ranges).ok()?.saturating_mul(RANGE_BYTES)
            }
            NvmOp::Copy(CopyCommand { ranges, format, .. }) => {
                usize::try_from(ranges).ok()?.saturating_mul(format.entry_bytes())
            }
            _ => return None,
        };
        let mut data = vec![0; bytes];
        self.receive(&mut data, command.data, ports).ok().map(|()| data)
    }

    /// Bytes of so many blocks, if a transfer may be so large.
    fn bytes_of(&self, nsid: u32, blocks: u32) -> Option<usize> {
        let block_bytes = self.namespaces.get(nsid)?.block_bytes();
        let bytes = u64::from(blocks).saturating_mul(block_bytes.into());
        usize::try_from(bytes).ok().filter(|_| bytes <= self.config.transfer_bytes_max())
    }
}

/// The blocks in the ranges of a Dataset Management.
fn deallocated(nsid: u32, bytes: &[u8]) -> Vec<NamedBlocks> {
    let (ranges, _) = bytes.as_chunks::<RANGE_BYTES>();
    let ranges = ranges.iter().map(|range| DsmRange::from_bytes(*range));
    let named = |range: DsmRange| {
        let (slba, blocks) = (range.slba.get(), range.nlb.get().into());
        NamedBlocks { nsid, slba, blocks }
    };
    ranges.map(named).collect()
}

/// The sources of a Copy, and its destination; nothing if there are no entries.
fn copied(command: &NvmCommand, format: CopyFormat, bytes: &[u8]) -> Vec<NamedBlocks> {
    let entries = bytes.chunks_exact(format.entry_bytes());
    let entries = entries.map(|entry| CopyRange::decode(format, entry));
    let source = |range: CopyRange| NamedBlocks {
        nsid: if format.has_namespace() { range.nsid } else { command.nsid },
        slba: range.slba,
        blocks: u64::from(range.nlb_z).saturating_add(1),
    };
    let mut named: Vec<NamedBlocks> = entries.map(source).collect();
    let blocks = named.iter().map(|range| range.blocks).fold(0, u64::saturating_add);
    if blocks > 0 {
        named.push(NamedBlocks { nsid: command.nsid, slba: command.span.slba, blocks });
    }
    named
}
