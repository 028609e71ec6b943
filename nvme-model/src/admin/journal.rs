//! What goes into the persistent event log, and the report that a host reads.
// Spec: NVMe-Base-2.0c 5.16.1.14 "Persistent Event Log (Log Identifier 0Dh)"

use nvme_spec::command::FirmwareCommit10;
use nvme_spec::log::{
    CONTEXT_EXISTED, CONTEXT_OFFSET, LID_PERSISTENT_EVENT, PersistentHeader, event_type,
};
use nvme_spec::{Cqe, Status, status};
use zerocopy::IntoBytes;

use super::identify::padded;
use crate::Controller;
use crate::failure::Failure;
use crate::namespace::Namespace;

/// Codes of hardware error events.
const UNEXPECTED_POWER_LOSS: u8 = 0x08;
const CONTROLLER_FATAL: u8 = 0x09;
const MEDIA_STATUS: u8 = 0x0a;

/// The types of events that are logged.
const SUPPORTED: [u8; 10] = [
    event_type::SMART_SNAPSHOT,
    event_type::FIRMWARE_COMMIT,
    event_type::TIMESTAMP_CHANGE,
    event_type::POWER_ON_OR_RESET,
    event_type::HARDWARE_ERROR,
    event_type::CHANGE_NAMESPACE,
    event_type::SANITIZE_START,
    event_type::SANITIZE_COMPLETION,
    event_type::TELEMETRY_CREATED,
    event_type::THERMAL_EXCURSION,
];

/// Bytes of the header after its length field.
const HEADER_REST: u16 = 492;

/// Actions, in bits 1:0 of the log specific parameter.
const READ: u8 = 0;
const ESTABLISH_AND_READ: u8 = 1;
const RELEASE: u8 = 2;
const ESTABLISH_AND_READ_HEADER: u8 = 3;

impl Controller {
    /// Enters an event, now.
    pub(crate) fn journal(&mut self, event_type: u8, data: &[u8]) {
        let timestamp = self.features.timestamp.to_raw(self.now_ns());
        self.device.journal.enter(event_type, timestamp, data);
    }

    pub(super) fn journal_smart(&mut self) {
        let log = self.smart_log();
        self.journal(event_type::SMART_SNAPSHOT, log.as_bytes());
    }

    pub(super) fn journal_reset(&mut self, is_activated: bool) {
        let now_ns = self.now_ns();
        let mut data = self.device.firmware.revision().to_vec();
        // This controller is number 0; no Format is in progress.
        data.extend([0, 0, is_activated.into(), 0]);
        data.extend([0; 12]);
        let cycles = u32::try_from(self.health.power_cycles).unwrap_or(u32::MAX);
        data.extend(cycles.to_le_bytes());
        data.extend(self.health.power_on_ms(now_ns).to_le_bytes());
        data.extend(self.features.timestamp.to_raw(now_ns).to_le_bytes());
        self.journal(event_type::POWER_ON_OR_RESET, &data);
    }

    pub(super) fn journal_unsafe_shutdown(&mut self) {
        self.journal(event_type::HARDWARE_ERROR, &[UNEXPECTED_POWER_LOSS, 0, 0, 0]);
    }

    pub(super) fn journal_fatal(&mut self) {
        self.journal(event_type::HARDWARE_ERROR, &[CONTROLLER_FATAL, 0, 0, 0]);
    }

    /// A completion says that media or data are bad.
    pub(crate) fn journal_media_error(&mut self, sqid: u16, cid: u16, failure: &Failure) {
        let quiet = [status::ACCESS_DENIED, status::DEALLOCATED_BLOCK, status::COMPARE_FAILURE];
        let code = failure.status.code;
        if code.sct != status::SCT_MEDIA || quiet.contains(&code) {
            return;
        }
        let mut data = vec![MEDIA_STATUS, 0, 0, 0];
        data.extend(Cqe::new(cid, sqid, 0, failure.status, 0, false).to_bytes());
        self.journal(event_type::HARDWARE_ERROR, &data);
    }

    pub(super) fn journal_firmware(
        &mut self,
        old: [u8; 8],
        new: [u8; 8],
        commit: FirmwareCommit10,
        status: Status,
    ) {
        let byte = |field: u32| u8::try_from(field).unwrap_or(u8::MAX);
        let mut data = [old, new].concat();
        data.extend([byte(commit.ca()), byte(commit.fs())]);
        data.extend([status.code.sct, status.code.sc, 0, 0]);
        self.journal(event_type::FIRMWARE_COMMIT, &data);
    }

    pub(super) fn journal_timestamp(&mut self, previous: u64) {
        let elapsed_ms = self.features.timestamp.elapsed_ms(self.now_ns());
        let data = [previous.to_le_bytes(), elapsed_ms.to_le_bytes()].concat();
        self.journal(event_type::TIMESTAMP_CHANGE, &data);
    }

    /// Namespace Management did something to one namespace, or to all.
    pub(super) fn journal_namespace(&mut self, select: u32, nsid: u32, ns: Option<&Namespace>) {
        let blocks = ns.map_or(0, Namespace::size_blocks).to_le_bytes();
        let flbas = ns.map_or(0, super::identify::flbas);
        let mut data = select.to_le_bytes().to_vec();
        data.extend([0; 4]);
        data.extend(blocks);
        data.extend([0; 8]);
        data.extend(blocks);
        data.extend([flbas, 0, 0, 0]);
        data.extend([0; 8]);
        data.extend(nsid.to_le_bytes());
        self.journal(event_type::CHANGE_NAMESPACE, &data);
    }

    /// The page, for an action of the log specific parameter; empty if there is nothing to transfer.
    pub(super) fn persistent_page(&mut self, lsp: u8) -> Result<Vec<u8>, Failure> {
        let existed = self.device.journal.context().is_some();
        match lsp & 3 {
            RELEASE => {
                self.device.journal.release();
                return Ok(Vec::new());
            }
            ESTABLISH_AND_READ if existed => {
                return Err(Failure::permanent(status::COMMAND_SEQUENCE_ERROR));
            }
            READ => {}
            _ if existed => {}
            _ => {
                let report = self.persistent_report();
                self.device.journal.set_context(report);
            }
        }
        let context = self.device.journal.context();
        let mut page = context.ok_or(Failure::permanent(status::COMMAND_SEQUENCE_ERROR))?.to_vec();
        let said = if existed { CONTEXT_EXISTED } else { 0 }.to_le_bytes();
        if let Some(field) = page.get_mut(CONTEXT_OFFSET..).and_then(<[u8]>::first_chunk_mut) {
            *field = said;
        }
        if lsp & 3 == ESTABLISH_AND_READ_HEADER {
            page.truncate(size_of::<PersistentHeader>());
        }
        Ok(page)
    }

    fn persistent_report(&mut self) -> Vec<u8> {
        let now_ns = self.now_ns();
        let events: Vec<u8> = self.device.journal.events().flatten().copied().collect();
        let mut header = PersistentHeader::zeroed();
        header.lid = LID_PERSISTENT_EVENT;
        header.events = self.device.journal.count().into();
        header.length_bytes = (events.len() as u64).saturating_add(512).into();
        header.revision = 2;
        header.header_length = HEADER_REST.into();
        header.timestamp = self.features.timestamp.to_raw(now_ns).into();
        header.power_on_hours = u128::from(self.power_on_hours()).into();
        header.power_cycles = self.health.power_cycles.into();
        header.vid = self.config.vendor.into();
        header.ssvid = self.config.vendor.into();
        header.sn = padded(&self.config.serial);
        header.mn = padded(&self.config.model);
        header.subnqn = self.subnqn();
        header.generation = self.device.journal.next_generation().into();
        for kind in SUPPORTED {
            if let Some(byte) = header.supported.get_mut(usize::from(kind >> 3)) {
                *byte |= 1_u8.wrapping_shl((kind & 7).into());
            }
        }
        let mut report = header.as_bytes().to_vec();
        report.extend(events);
        report
    }
}
