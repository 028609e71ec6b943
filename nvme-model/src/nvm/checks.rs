//! What refuses an I/O command before it does anything.

use nvme_spec::status;

use super::transfer::Extent;
use crate::Controller;
use crate::command::{NvmCommand, NvmOp};
use crate::failure::Failure;
use crate::namespace::Namespace;

impl Controller {
    /// Checks all that does not depend on the host's memory or on what blocks hold: the namespace and what goes
    /// on there, reservations, the range, the length. Returns the command's blocks; of one that has
    /// them in its data, or none, they mean nothing.
    pub(super) fn check_nvm(&self, command: &NvmCommand) -> Result<Extent, Failure> {
        let ns = self.usable(command.nsid)?;
        if self.is_read_only() && command.op.changes_blocks() {
            return Err(Failure::permanent(status::NAMESPACE_WRITE_PROTECTED));
        }
        if let Some(access) = command.op.access() {
            ns.check_reserved(self.host.id, access)?;
        }
        let extent = ns.extent(&command.span);
        match command.op {
            NvmOp::Read | NvmOp::Write | NvmOp::Compare => {
                ns.check_transfer(&extent, self.config.transfer_bytes_max())?;
            }
            NvmOp::Verify | NvmOp::WriteZeroes { .. } => ns.check_extent(&extent)?,
            NvmOp::WriteUncorrectable => ns.check_range(extent.slba, extent.blocks.into())?,
            NvmOp::Flush
            | NvmOp::DatasetManagement { .. }
            | NvmOp::Copy(_)
            | NvmOp::ReservationReport { .. }
            | NvmOp::ReservationRegister(_)
            | NvmOp::ReservationAcquire(_)
            | NvmOp::ReservationRelease(_) => {}
        }
        Ok(extent)
    }

    /// A namespace that is there and not being formatted.
    pub(super) fn usable(&self, nsid: u32) -> Result<&Namespace, Failure> {
        let ns = self.active(nsid)?;
        ns.check_no_format(0, self.now_ns()).map(|()| ns)
    }
}
