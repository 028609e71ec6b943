//! Abort.
// Spec: NVMe-Base-2.0c 5.1 "Abort command"

use nvme_spec::command::ABORT_NOT_ABORTED;
use nvme_spec::{ADMIN_QID, status};

use super::identify::ACL_Z;
use crate::command::{AdminCommand, Command};
use crate::failure::Failure;
use crate::{Controller, Ports};

impl Controller {
    /// Refuses an Abort while as many as Identify allows are outstanding.
    pub(crate) fn admit(&self, command: &Command) -> Result<(), Failure> {
        let is_abort =
            |command: &Command| matches!(command, Command::Admin(AdminCommand::Abort { .. }));
        let outstanding = if is_abort(command) { self.count_in_flight(is_abort) } else { 0 };
        if outstanding > usize::from(ACL_Z) {
            return Err(Failure::permanent(status::ABORT_LIMIT_EXCEEDED));
        }
        Ok(())
    }

    /// Aborts a command; returns dword 0: bit 0 is clear exactly if the command was aborted, in which
    /// case its own completion was posted before this one.
    ///
    /// A command that is not fetched yet, that was executed, or that does not exist is not aborted.
    pub(crate) fn abort(&mut self, sqid: u16, cid: u16, ports: &mut Ports<'_>) -> u32 {
        if let Some(entry) = self.take_abortable(sqid, cid) {
            self.abort_command(entry, status::ABORT_REQUESTED, ports);
            return 0;
        }
        // A parked request keeps no place in the completion queue, so it needs one now.
        if sqid == ADMIN_QID && self.has_admin_place() && self.events.unpark(cid) {
            self.complete_aborted_request(cid, ports);
            return 0;
        }
        ABORT_NOT_ABORTED
    }

    fn has_admin_place(&mut self) -> bool {
        let Some(cq) = self.queues.cqs.get_mut(ADMIN_QID) else {
            return false;
        };
        match cq.reserve() {
            Some(slot) => {
                cq.release(slot);
                true
            }
            None => false,
        }
    }
}
