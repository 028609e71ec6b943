//! The I/O commands, one file for each family.
//!
//! On the way from the host to the media: `transfer` (the host's buffers to stored blocks), protection
//! information, `wrong` (what rules make of it), the namespace. And the other way round.
// Spec: NVM-CS-1.0c 3.2 "NVM Command Set Commands"

mod checks;
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

use nvme_spec::NSID_BROADCAST;

use crate::command::{NvmCommand, NvmOp};
use crate::controller::Outcome;
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
        let extent = self.check_nvm(command)?;
        match command.op {
            NvmOp::Flush => self.on_media(nsid, |ns, now_ns| ns.flush(now_ns, ports.observer)),
            NvmOp::Read => {
                self.commit(command, ports)?;
                self.read(command, &extent, faults, ports)
            }
            NvmOp::Write => self.write(command, &extent, faults, ports),
            NvmOp::Compare => {
                self.commit(command, ports)?;
                self.compare(command, &extent, faults, ports)
            }
            NvmOp::Verify => {
                self.commit(command, ports)?;
                self.verify(nsid, &extent, ports)
            }
            NvmOp::WriteZeroes { is_deallocating } => {
                self.write_zeroes(command, &extent, is_deallocating, faults, ports)
            }
            NvmOp::WriteUncorrectable => {
                self.write_uncorrectable(nsid, extent.slba, extent.blocks.into(), faults)
            }
            NvmOp::DatasetManagement { ranges, is_deallocate } => {
                let ranges = self.receive_ranges(nsid, ranges, command.data, faults, ports)?;
                self.deallocate(nsid, &ranges, is_deallocate && !faults.is_lost_write(), ports)
            }
            NvmOp::ReservationReport { .. }
            | NvmOp::ReservationRegister(_)
            | NvmOp::ReservationAcquire(_)
            | NvmOp::ReservationRelease(_) => self.reserve(command, ports),
            NvmOp::Copy(copy) => self.copy(command, &copy, faults, ports),
        }
    }

    /// What is read, or became zeros, with Force Unit Access is on the medium. The whole cache goes there: a write that is atomic at
    /// power loss must not be there in part, and what is committed beyond that is nobody's loss.
    // Spec: NVM-CS-1.0c 3.2.4 "Read command"
    fn commit(&mut self, command: &NvmCommand, ports: &mut Ports<'_>) -> Outcome {
        if !command.is_fua {
            return Ok(0);
        }
        self.on_media(command.nsid, |ns, now_ns| ns.flush(now_ns, ports.observer))
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
