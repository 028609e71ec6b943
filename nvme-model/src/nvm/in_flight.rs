//! What commands that are still in flight would store.
//!
//! Whatever refuses a command when its time comes refuses it here: nothing reaches the media that could not
//! have reached it if the command had completed now.
//!
//! Write Uncorrectable is not among them: it marks blocks and stores none.

use super::transfer::Extent;
use super::zeroes::protected_zeroes;
use crate::buffer::Buffer;
use crate::command::{Command, NvmCommand, NvmOp};
use crate::controller::UnderWay;
use crate::crash::{Change, Content};
use crate::failure::Failure;
use crate::fault::{ActionKind, Faults};
use crate::namespace::IN_FLIGHT;
use crate::{Controller, Ports};

/// First block, blocks, and what they would hold.
type Stored = (u64, u64, Content);

impl Controller {
    /// The changes that a command would make, each with its namespace; none if it would fail, has its data out
    /// of reach, or changes nothing. Nobody sees that it is tried.
    pub(crate) fn would_store(
        &mut self,
        entry: &UnderWay,
        ports: &mut Ports<'_>,
    ) -> Vec<(u32, Change)> {
        let mut ports = Ports { memory: ports.memory, irq: ports.irq, observer: &mut () };
        let UnderWay { number, command, faults, first } = entry;
        let Command::Nvm(io) = command else {
            return Vec::new();
        };
        let is_refused = self.ends_unexecuted(command, faults).is_some()
            || first.as_ref().is_some_and(|(first, faults)| {
                !self.would_succeed(first.as_ref(), faults, &mut ports)
            });
        if is_refused || faults.is_lost_write() {
            return Vec::new();
        }
        let stored = self.try_to_store(io, faults, &mut ports).unwrap_or_default();
        let key = IN_FLIGHT | number;
        let change = |(slba, blocks, content)| (io.nsid, Change { key, slba, blocks, content });
        stored.into_iter().map(change).collect()
    }

    /// Whether the first half of a fused operation lets the second be carried out.
    fn would_succeed(
        &mut self,
        first: Result<&Command, &Failure>,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> bool {
        let Ok(command @ Command::Nvm(io)) = first else {
            return false;
        };
        if faults.has(ActionKind::EarlyCompletion) {
            // It is told to be good before it was looked at.
            return true;
        }
        match self.ends_unexecuted(command, faults) {
            Some(outcome) => outcome.is_ok(),
            None => self
                .check_nvm(io)
                .is_ok_and(|extent| self.first_difference(io, &extent, faults, ports) == Ok(None)),
        }
    }

    fn try_to_store(
        &mut self,
        command: &NvmCommand,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Result<Vec<Stored>, Failure> {
        let extent = self.check_nvm(command)?;
        match command.op {
            NvmOp::Write => {
                let blocks = self.blocks_to_write(command, &extent, ports)?;
                self.try_to_store_blocks(command.nsid, [(extent, blocks)], faults)
            }
            NvmOp::Copy(copy) => {
                let copied = self.blocks_to_copy(command, &copy, faults, ports)?;
                self.try_to_store_blocks(command.nsid, [copied], faults)
            }
            NvmOp::WriteZeroes { .. } => match protected_zeroes(&extent) {
                Some(parts) => self.try_to_store_blocks(command.nsid, parts, faults),
                None => Ok(vec![(extent.slba, extent.blocks.into(), Content::Zeros)]),
            },
            NvmOp::DatasetManagement { ranges, is_deallocate: true } => {
                let nsid = command.nsid;
                let ranges = self.receive_ranges(nsid, ranges, command.data, faults, ports)?;
                let zeros = ranges.iter();
                Ok(zeros.map(|r| (r.slba.get(), r.nlb.get().into(), Content::Zeros)).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn try_to_store_blocks(
        &mut self,
        nsid: u32,
        parts: impl IntoIterator<Item = (Extent, Buffer)>,
        faults: &Faults,
    ) -> Result<Vec<Stored>, Failure> {
        let mut stored = Vec::new();
        for (extent, blocks) in parts {
            if let Some((slba, data)) = self.what_is_stored(nsid, &extent, blocks, faults)? {
                let blocks = self.active(nsid)?.blocks_of(data.len());
                stored.push((slba, blocks, Content::Bytes(data.share())));
            }
        }
        Ok(stored)
    }
}
