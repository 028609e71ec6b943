//! The I/O commands, one file for each family.
//!
//! On the way from the host to the media: `transfer` (the host's buffers to stored blocks), protection
//! information, `wrong` (what rules make of it), the namespace. And the other way round.
// Spec: NVM-CS-1.0c 3.2 "NVM Command Set Commands"

mod compare;
pub(crate) mod copy;
mod dsm;
mod in_flight;
mod load;
mod read_write;
mod reserve;
mod transfer;
mod wrong;
mod zeroes;

use nvme_spec::{NSID_BROADCAST, status};

use crate::command::{NvmCommand, NvmOp};
use crate::controller::Outcome;
use crate::failure::Failure;
use crate::fault::Faults;
use crate::media::MediaError;
use crate::namespace::Namespace;
use crate::reservation::Access;
use crate::{Controller, Ports};

impl Controller {
    pub(crate) fn execute_nvm(
        &mut self,
        command: &NvmCommand,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        let nsid = command.nsid;
        if command.op == NvmOp::Flush && nsid == NSID_BROADCAST {
            for nsid in self.namespaces.keys() {
                self.check_reserved(nsid, Access::Write)?;
            }
            return self.flush_all(ports);
        }
        let ns = self.usable(nsid)?;
        if self.is_read_only() && command.op.changes_blocks() {
            return Err(Failure::permanent(status::NAMESPACE_WRITE_PROTECTED));
        }
        if let Some(access) = command.op.access() {
            ns.check_reserved(self.host.id, access)?;
        }
        let bytes_max = self.config.transfer_bytes_max();
        match command.op {
            NvmOp::Flush => self.on_media(nsid, |ns, now_ns| ns.flush(now_ns, ports.observer)),
            NvmOp::Read => {
                let extent = ns.extent(&command.span);
                ns.check_transfer(&extent, bytes_max)?;
                self.read(command, &extent, faults, ports)
            }
            NvmOp::Write { is_fua } => {
                let extent = ns.extent(&command.span);
                ns.check_transfer(&extent, bytes_max)?;
                self.write(command, &extent, is_fua, faults, ports)
            }
            NvmOp::Compare => {
                let extent = ns.extent(&command.span);
                ns.check_transfer(&extent, bytes_max)?;
                self.compare(command, &extent, faults, ports)
            }
            NvmOp::Verify => {
                let extent = ns.extent(&command.span);
                ns.check_extent(&extent)?;
                self.verify(nsid, &extent, ports)
            }
            NvmOp::WriteZeroes { is_deallocating } => {
                let extent = ns.extent(&command.span);
                ns.check_extent(&extent)?;
                self.write_zeroes(nsid, &extent, is_deallocating, faults, ports)
            }
            NvmOp::WriteUncorrectable => {
                let (slba, blocks) = (command.span.slba, command.span.blocks.into());
                ns.check_range(slba, blocks)?;
                self.write_uncorrectable(nsid, slba, blocks, faults)
            }
            NvmOp::DatasetManagement { ranges, is_deallocate } => {
                let ranges = self.receive_ranges(ranges, command.data, faults, ports)?;
                self.deallocate(nsid, &ranges, is_deallocate && !faults.is_lost_write(), ports)
            }
            NvmOp::ReservationReport { .. }
            | NvmOp::ReservationRegister(_)
            | NvmOp::ReservationAcquire(_)
            | NvmOp::ReservationRelease(_) => self.reserve(command, ports),
            NvmOp::Copy(copy) => self.copy(command, &copy, faults, ports),
        }
    }

    /// A namespace that is there and not being formatted.
    fn usable(&self, nsid: u32) -> Result<&Namespace, Failure> {
        let ns = self.active(nsid)?;
        ns.check_no_format(0, self.now_ns()).map(|()| ns)
    }

    /// Does something to a namespace that exists; a host failure becomes an internal error.
    fn on_media(
        &mut self,
        nsid: u32,
        act: impl FnOnce(&mut Namespace, u64) -> Result<(), MediaError>,
    ) -> Outcome {
        let now_ns = self.now_ns();
        let done = self.namespaces.get_mut(nsid).map_or(Ok(()), |ns| act(ns, now_ns));
        self.host_result(done)?;
        Ok(0)
    }
}
