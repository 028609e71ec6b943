//! Sanitize: everything that a host ever wrote goes, in the background.
//!
//! Whatever the action, the media are deallocated afterwards (SANICAP says so), so all blocks read as
//! zeros. A sanitize fails if the host's storage does, or if a rule or the owner says so; then the media hold
//! what they held.
// Spec: NVMe-Base-2.0c 5.24 "Sanitize command"

use nvme_spec::aer::{self, AerResult};
use nvme_spec::command::{
    SANACT_BLOCK_ERASE, SANACT_CRYPTO_ERASE, SANACT_EXIT_FAILURE, SANACT_OVERWRITE, Sanitize10,
};
use nvme_spec::log::{
    LID_CHANGED_NAMESPACES, LID_ERROR, LID_RESERVATION, LID_SANITIZE, LID_SMART, event_type,
    result_code,
};
use nvme_spec::status;

use super::identify::SANICAP;
use crate::command::{AdminCommand, Command, DeviceCommand, NvmOp};
use crate::controller::Outcome;
use crate::device::SanitizeMode;
use crate::failure::{Failure, byte};
use crate::fault::{ActionKind, Faults};
use crate::reservation::Access;
use crate::{Controller, Observer};

/// Log pages that can be read meanwhile.
const PAGES_ALLOWED: [u8; 5] =
    [LID_ERROR, LID_SMART, LID_CHANGED_NAMESPACES, LID_RESERVATION, LID_SANITIZE];

/// Whether a command is carried out while a sanitize is in progress or has failed. Of the I/O commands only Flush is;
/// revisions from 2.1 on say so in so many words (8.1.24).
// Spec: NVMe-Base-2.0c 5 "Admin Command Set", "Sanitize Operations - Admin Commands Allowed"
fn is_allowed(command: &Command) -> bool {
    match command {
        Command::Nvm(io) => io.op == NvmOp::Flush,
        Command::Admin(AdminCommand::GetLogPage { lid, .. }) => PAGES_ALLOWED.contains(lid),
        Command::Admin(AdminCommand::Device(command)) => {
            matches!(command, DeviceCommand::Sanitize(_) | DeviceCommand::KeepAlive)
        }
        Command::Admin(command) => matches!(
            command,
            AdminCommand::Abort { .. }
                | AdminCommand::AsyncEventRequest
                | AdminCommand::CreateCq { .. }
                | AdminCommand::CreateSq { .. }
                | AdminCommand::DeleteCq { .. }
                | AdminCommand::DeleteSq { .. }
                | AdminCommand::GetFeatures { .. }
                | AdminCommand::Identify { .. }
                | AdminCommand::SetFeatures { .. }
        ),
    }
}

impl Controller {
    /// Refuses what is not allowed because of a sanitize.
    pub(crate) fn check_sanitize(&self, command: &Command) -> Result<(), Failure> {
        let refusal = match self.device.sanitize.mode() {
            SanitizeMode::Idle => return Ok(()),
            SanitizeMode::InProgress => status::SANITIZE_IN_PROGRESS,
            SanitizeMode::Failed => status::SANITIZE_FAILED,
        };
        if is_allowed(command) { Ok(()) } else { Err(Failure::transient(refusal)) }
    }

    pub(super) fn start_sanitize(&mut self, command: Sanitize10, faults: &Faults) -> Outcome {
        let mode = self.device.sanitize.mode();
        if mode == SanitizeMode::InProgress {
            return Err(Failure::transient(status::SANITIZE_IN_PROGRESS));
        }
        let is_restricted = self.device.sanitize.command().ause() == 0;
        match command.sanact() {
            SANACT_EXIT_FAILURE => {
                let is_left = self.device.sanitize.exit_failure();
                return if is_left { Ok(0) } else { Err(sanitize_failed()) };
            }
            SANACT_BLOCK_ERASE | SANACT_OVERWRITE | SANACT_CRYPTO_ERASE => {}
            _ => return Err(Failure::field(byte::CDW10, 0)),
        }
        // A failure in restricted mode can only be left by a success in restricted mode.
        if mode == SanitizeMode::Failed && is_restricted && command.ause() != 0 {
            return Err(sanitize_failed());
        }
        if command.ndas() != 0 && !self.features.is_deallocation_warned() {
            return Err(Failure::field(byte::CDW10 + 1, 1));
        }
        if self.device.firmware.pending().is_some() {
            return Err(Failure::permanent(status::FIRMWARE_NEEDS_RESET));
        }
        self.check_all_reserved(Access::Write)?;
        let hours = self.power_on_hours();
        self.device.self_test.abort(result_code::ABORTED_BY_SANITIZE, hours);
        self.events.forget(|event| event.log_page() == u32::from(LID_SANITIZE));
        let now_ns = self.now_ns();
        self.device.sanitize.start(command, &self.config.timing, now_ns);
        self.device.sanitize.is_doomed = faults.has(ActionKind::SanitizeFails);
        let [a, b, c, d] = SANICAP.to_le_bytes();
        let [e, f, g, h] = command.0.to_le_bytes();
        self.journal(event_type::SANITIZE_START, &[a, b, c, d, e, f, g, h, 0, 0, 0, 0]);
        Ok(0)
    }

    pub(super) fn finish_sanitize(&mut self, observer: &mut dyn Observer) {
        if self.device.sanitize.is_doomed {
            self.device.sanitize.fail();
            return self.sanitize_ended();
        }
        let now_ns = self.now_ns();
        let mut erased = Vec::new();
        let mut failure = None;
        for ns in self.namespaces.values_mut().chain(self.detached.values_mut()) {
            failure = failure.or(ns.erase(now_ns, observer).err());
            erased.push((ns.nsid, ns.size_blocks()));
        }
        for (nsid, blocks) in erased {
            self.blocks_were_rewritten(nsid, 0, blocks);
        }
        match failure {
            None => self.device.sanitize.succeed(self.health.host_writes),
            Some(error) => {
                self.note_host_failure(error);
                self.device.sanitize.fail();
            }
        }
        self.sanitize_ended();
    }

    /// For the owner: the sanitize that is in progress fails now. Returns whether there was one.
    pub fn fail_sanitize(&mut self, now_ns: u64, observer: &mut dyn Observer) -> bool {
        self.advance(now_ns, observer);
        let is_in_progress = self.device.sanitize.mode() == SanitizeMode::InProgress;
        if is_in_progress {
            self.device.sanitize.fail();
            self.sanitize_ended();
        }
        is_in_progress
    }

    fn sanitize_ended(&mut self) {
        let (now_ns, writes) = (self.now_ns(), self.health.host_writes);
        let sanitize = &self.device.sanitize;
        let is_failed = sanitize.mode() == SanitizeMode::Failed;
        let [a, b] = sanitize.progress(now_ns).to_le_bytes();
        let [c, d] = sanitize.status(now_ns, writes).to_le_bytes();
        let is_unexpected = sanitize.is_deallocation_unexpected() && !is_failed;
        self.journal(event_type::SANITIZE_COMPLETION, &[a, b, c, d, 0, 0, 0, 0]);
        let info = if is_unexpected {
            aer::SANITIZE_UNEXPECTED_DEALLOCATION
        } else {
            aer::SANITIZE_COMPLETED
        };
        self.raise_event(
            AerResult(0)
                .with_event_type(aer::TYPE_COMMAND_SET)
                .with_info(info)
                .with_log_page(LID_SANITIZE.into()),
        );
        if is_failed {
            self.capture_telemetry("sanitize-failed");
        }
    }
}

fn sanitize_failed() -> Failure {
    Failure::transient(status::SANITIZE_FAILED)
}
