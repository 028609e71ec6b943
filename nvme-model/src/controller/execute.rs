//! From a decoded command to its effect.

use nvme_spec::status;

use super::inflight::InFlight;
use super::step::injected;
use super::{Controller, Outcome};
use crate::Ports;
use crate::admin::PageRequest;
use crate::command::{AdminCommand, Command};
use crate::data::{self, DataPointer, Direction};
use crate::failure::Failure;
use crate::fault::{ActionKind, DmaTarget, Faults, value_of};
use crate::features::Scope;
use crate::media::MediaError;

impl Controller {
    /// Executes a command; `None` if it is parked and will complete some other time.
    pub(super) fn execute(&mut self, entry: &InFlight, ports: &mut Ports<'_>) -> Option<Outcome> {
        let command = match &entry.command {
            Ok(command) => command,
            Err(failure) => return Some(Err(*failure)),
        };
        if let Some(outcome) = self.ends_unexecuted(command, &entry.faults) {
            return Some(outcome);
        }
        match command {
            Command::Admin(AdminCommand::AsyncEventRequest) => {
                let limit = self.config.async_events_max;
                let is_parked = self.events.park(entry.cid(), limit);
                let refused = Failure::permanent(status::AER_LIMIT_EXCEEDED);
                (!is_parked).then_some(Err(refused))
            }
            Command::Admin(AdminCommand::FormatNvm { nsid, how }) => {
                Some(self.format_nvm(*nsid, *how, entry.subject.number, ports))
            }
            Command::Admin(command) => Some(self.execute_admin(command, &entry.faults, ports)),
            Command::Nvm(command) => {
                self.wake_for_io();
                let timing = &self.config.timing;
                let busy_ns = super::clock::media_ns(timing, command);
                self.health.busy_ns = self.health.busy_ns.saturating_add(busy_ns.unwrap_or(0));
                self.log_execution(entry.subject.number);
                Some(self.execute_nvm(command, &entry.faults, ports))
            }
        }
    }

    /// How a command ends whatever it is about, if it is not carried out: a rule or a sanitize says so.
    pub(crate) fn ends_unexecuted(&self, command: &Command, faults: &Faults) -> Option<Outcome> {
        if let Some(status) = faults.status() {
            return Some(injected(status));
        }
        if let Err(failure) = self.check_sanitize(command) {
            return Some(Err(failure));
        }
        let is_cut_off = value_of!(faults, DmaError) == Some(&DmaTarget::Data);
        let failure = Failure::transient(status::DATA_TRANSFER_ERROR);
        (is_cut_off && command.has_data()).then_some(Err(failure))
    }

    pub(super) fn execute_admin(
        &mut self,
        command: &AdminCommand,
        faults: &Faults,
        ports: &mut Ports<'_>,
    ) -> Outcome {
        match *command {
            AdminCommand::Identify { cns, cntid, csi, nsid, data } => {
                let mut page = self.identify(cns, cntid, csi, nsid)?;
                self.spoil_data(&mut page, data, faults, ports)?;
                self.send(&page, data, ports)
            }
            AdminCommand::GetLogPage { lid, lsp, nsid, length, offset, is_retained, data } => {
                let asked = PageRequest { lid, lsp, nsid, length, offset, is_retained };
                let mut page = self.log_page(asked)?;
                self.spoil_data(&mut page, data, faults, ports)?;
                let sent = self.send(&page, data, ports)?;
                self.log_page_was_read(asked);
                Ok(sent)
            }
            AdminCommand::CreateSq { sqid, size_z, cqid, priority, base } => {
                self.create_sq(sqid, size_z, cqid, priority, base)
            }
            AdminCommand::CreateCq { cqid, size_z, vector, base } => {
                self.create_cq(cqid, size_z, vector, base)
            }
            AdminCommand::DeleteSq { .. } | AdminCommand::DeleteCq { .. }
                if faults.has(ActionKind::IgnoreDeleteQueue) =>
            {
                Ok(0)
            }
            AdminCommand::DeleteSq { sqid } => self.delete_sq(sqid, ports),
            AdminCommand::DeleteCq { cqid } => self.delete_cq(cqid),
            AdminCommand::Abort { .. } if faults.has(ActionKind::IgnoreAbort) => {
                Ok(nvme_spec::command::ABORT_NOT_ABORTED)
            }
            AdminCommand::Abort { sqid, cid } => Ok(self.abort(sqid, cid, ports)),
            AdminCommand::SetFeatures { fid, is_saved, nsid, value, data } => {
                self.set_features(Scope { fid, nsid, value }, is_saved, data, ports)
            }
            AdminCommand::GetFeatures { fid, sel, nsid, value, data } => {
                self.get_features(Scope { fid, nsid, value }, sel, data, ports)
            }
            AdminCommand::Device(ref command) => self.execute_device(command, faults, ports),
            AdminCommand::DoorbellBufferConfig { values, events } => {
                self.configure_doorbell_buffer(values, events, ports)
            }
            // The caller's business.
            AdminCommand::AsyncEventRequest | AdminCommand::FormatNvm { .. } => Ok(0),
        }
    }

    /// Does to data on their way to the host what the rules want.
    pub(crate) fn spoil_data(
        &self,
        data: &mut [u8],
        to: DataPointer,
        faults: &Faults,
        ports: &Ports<'_>,
    ) -> Result<(), Failure> {
        faults.corrupt(data);
        let moved = faults.transferred(data.len());
        if moved < data.len() {
            // What is not transferred stays as it is in the host's memory.
            let mut present = vec![0; data.len()];
            self.receive(&mut present, to, ports)?;
            for (byte, old) in data.iter_mut().zip(present).skip(moved) {
                *byte = old;
            }
        }
        Ok(())
    }

    /// Copies `data` to the host.
    pub(crate) fn send(&self, data: &[u8], to: DataPointer, ports: &Ports<'_>) -> Outcome {
        let (length, page_bytes) = (data.len() as u64, self.page_bytes());
        let segments = to.segments(ports.memory, length, page_bytes, Direction::ToHost)?;
        data::scatter(ports.memory, &segments, data)?;
        Ok(0)
    }

    /// Copies as many bytes as `data` has from the host.
    pub(crate) fn receive(
        &self,
        data: &mut [u8],
        from: DataPointer,
        ports: &Ports<'_>,
    ) -> Result<(), Failure> {
        let (length, page_bytes) = (data.len() as u64, self.page_bytes());
        let segments = from.segments(ports.memory, length, page_bytes, Direction::FromHost)?;
        data::gather(ports.memory, &segments, data)
    }

    pub(crate) fn page_bytes(&self) -> u64 {
        self.registers.page_bytes()
    }

    pub(crate) fn cc(&self) -> nvme_spec::register::Cc {
        self.registers.cc
    }

    pub(crate) fn csts(&self) -> nvme_spec::register::Csts {
        self.registers.csts
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// Whether the command of this number is in flight.
    pub(crate) fn is_in_flight(&self, number: u64) -> bool {
        self.in_flight.has_number(number)
    }

    /// Takes a command out of flight for an abort.
    pub(crate) fn take_abortable(&mut self, sqid: u16, cid: u16) -> Option<Box<InFlight>> {
        self.in_flight.take_abortable(sqid, cid)
    }

    pub(crate) fn count_in_flight(&self, is_counted: impl Fn(&Command) -> bool) -> usize {
        self.in_flight.count(is_counted)
    }

    pub(crate) fn in_flight(&self) -> impl Iterator<Item = &InFlight> {
        self.in_flight.iter()
    }

    /// Commands of a namespace that is gone must not meet another one of the same identifier.
    pub(crate) fn refuse_commands_of(&mut self, nsid: u32) {
        self.in_flight.refuse(nsid, Failure::permanent(status::INVALID_NAMESPACE));
    }

    /// Takes the oldest command of a queue out of flight.
    pub(crate) fn take_of_queue(&mut self, sqid: u16) -> Option<Box<InFlight>> {
        self.in_flight.take_of_queue(sqid)
    }

    /// Completes an asynchronous event request that was parked.
    pub(crate) fn complete_aborted_request(&mut self, cid: u16, ports: &mut Ports<'_>) {
        self.post_admin(cid, status::ABORT_REQUESTED.into(), ports);
    }

    /// What a host failure becomes: a status for the guest, and a note for the owner.
    pub(crate) fn host_result<T>(&mut self, result: Result<T, MediaError>) -> Result<T, Failure> {
        result.map_err(|error| {
            let failure = Failure::from(&error);
            self.note_host_failure(error);
            failure
        })
    }
}
