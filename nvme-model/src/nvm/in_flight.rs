//! What a write that is still in flight would store.

use crate::command::{Command, NvmCommand, NvmOp, Span};
use crate::crash::Content;
use crate::fault::{DmaTarget, Faults, value_of};
use crate::{Controller, Ports};

impl Controller {
    /// Namespace, first block, blocks and what they would hold; `None` if the command stores nothing,
    /// would fail, or has its data out of reach.
    pub(crate) fn would_store(
        &mut self,
        command: &Command,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Option<(u32, u64, u64, Content)> {
        let Command::Nvm(command) = command else {
            return None;
        };
        let NvmCommand { nsid, op, span, .. } = *command;
        let is_refused = value_of!(faults, DmaError) == Some(&DmaTarget::Data);
        if faults.status().is_some() || is_refused || faults.is_lost_write() {
            return None;
        }
        match op {
            NvmOp::Write { .. } => {
                let bytes_max = self.config.transfer_bytes_max();
                let ns = self.namespaces.get(nsid)?;
                let extent = ns.extent(&span);
                ns.check_transfer(&extent, bytes_max).ok()?;
                let mut buffer = self.blocks_to_write(command, &extent, ports).ok()?;
                extent.make_stored(&mut buffer, faults);
                let (slba, data) = self.what_is_stored(nsid, span.slba, buffer, faults).ok()??;
                let blocks = self.namespaces.get(nsid)?.blocks_of(data.len());
                Some((nsid, slba, blocks, Content::Bytes(data.share())))
            }
            NvmOp::WriteZeroes { .. } => {
                let Span { slba, blocks, .. } = span;
                self.namespaces.get(nsid)?.check_range(slba, blocks.into()).ok()?;
                Some((nsid, slba, blocks.into(), Content::Zeros))
            }
            _ => None,
        }
    }
}
