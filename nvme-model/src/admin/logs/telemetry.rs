//! What a telemetry picture shows, as lines of `name=value`.
//!
//! | data area | lines |
//! |---|---|
//! | 1 | time in nanoseconds, registers, firmware, health counters, what goes on in the background |
//! | 2 | besides: `ns` per namespace, `sq` per submission queue |
//! | 3 | besides: `cmd` per command in flight, by number, at most 1024 |
//!
//! No line holds an address. The controller takes a picture by itself when CSTS.CFS is set and when a
//! self-test or a sanitize fails; the reason identifier says which.
// Spec: NVMe-Base-2.0c 8.24 "Telemetry"

use std::fmt::Write;

use nvme_spec::aer::{self, AerResult};
use nvme_spec::log::{
    LID_TELEMETRY_CONTROLLER, LID_TELEMETRY_HOST, TELEMETRY_BLOCK_BYTES, event_type,
};

use crate::Controller;
use crate::device::Capture;
use crate::namespace::Namespace;

/// Log specific parameter: take a picture.
const CREATE: u8 = 1;

/// Commands in flight that are listed.
const COMMANDS_MAX: usize = 1024;

impl Controller {
    /// The host's picture, a new one if it asks for that.
    pub(super) fn telemetry_host_page(&mut self, lsp: u8) -> Vec<u8> {
        if lsp & CREATE != 0 {
            let capture = self.capture("host");
            self.device.telemetry.take_for_host(capture);
            let page = self.device.telemetry.host_page(LID_TELEMETRY_HOST);
            self.journal_telemetry(&page);
        }
        self.device.telemetry.host_page(LID_TELEMETRY_HOST)
    }

    /// The controller takes a picture by itself.
    pub(in crate::admin) fn capture_telemetry(&mut self, reason: &str) {
        let capture = self.capture(reason);
        self.device.telemetry.take_for_controller(capture);
        let page = self.device.telemetry.controller_page(LID_TELEMETRY_CONTROLLER);
        self.journal_telemetry(&page);
        if self.features.async_events().telemetry_notices() != 0 {
            self.raise_event(
                AerResult(0)
                    .with_event_type(aer::TYPE_NOTICE)
                    .with_info(aer::NOTICE_TELEMETRY)
                    .with_log_page(LID_TELEMETRY_CONTROLLER.into()),
            );
        }
    }

    /// The event holds the picture's header.
    fn journal_telemetry(&mut self, page: &[u8]) {
        if let Some(header) = page.get(..TELEMETRY_BLOCK_BYTES) {
            self.journal(event_type::TELEMETRY_CREATED, header);
        }
    }

    fn capture(&self, reason: &str) -> Capture {
        let mut areas = [const { String::new() }; 3];
        let [first, second, third] = &mut areas;
        // Writing to a string does not fail.
        let _ = self.write_device(first);
        let _ = self.write_structures(second);
        let _ = self.write_commands(third);
        Capture { reason: reason.into(), areas }
    }

    fn write_device(&self, text: &mut String) -> std::fmt::Result {
        let now_ns = self.now_ns();
        let revision = self.device.firmware.revision();
        writeln!(text, "now_ns={now_ns}")?;
        writeln!(text, "cc={:#x}", self.cc().0)?;
        writeln!(text, "csts={:#x}", self.csts().0)?;
        writeln!(text, "firmware={}", String::from_utf8_lossy(&revision).trim_end())?;
        writeln!(text, "temperature_kelvin={}", self.device.thermal.kelvin())?;
        writeln!(text, "critical_warning={:#x}", self.critical_warning())?;
        writeln!(text, "power_state={}", self.features.power_state())?;
        writeln!(text, "host_reads={}", self.health.host_reads)?;
        writeln!(text, "host_writes={}", self.health.host_writes)?;
        writeln!(text, "media_errors={}", self.health.media_errors())?;
        writeln!(text, "power_cycles={}", self.health.power_cycles)?;
        writeln!(text, "unsafe_shutdowns={}", self.health.unsafe_shutdowns)?;
        let writes = self.health.host_writes;
        writeln!(text, "sanitize_status={:#x}", self.device.sanitize.status(now_ns, writes))?;
        let self_test = self.device.self_test.run().map_or(0, |run| run.code);
        writeln!(text, "self_test={self_test}")?;
        writeln!(text, "events={}", self.device.journal.count())
    }

    fn write_structures(&self, text: &mut String) -> std::fmt::Result {
        let mut write = |ns: &Namespace, is_attached: bool| {
            writeln!(
                text,
                "ns={} blocks={} block_bytes={} attached={is_attached} dirty_blocks={}",
                ns.nsid,
                ns.size_blocks(),
                ns.block_bytes(),
                ns.cache.dirty_blocks()
            )
        };
        self.namespaces.values().try_for_each(|ns| write(ns, true))?;
        self.detached.values().try_for_each(|ns| write(ns, false))?;
        for (sqid, sq) in self.queues.sqs.iter() {
            writeln!(text, "sq={sqid} cq={} sqhd={}", sq.cqid, sq.sqhd())?;
        }
        Ok(())
    }

    fn write_commands(&self, text: &mut String) -> std::fmt::Result {
        for entry in self.in_flight().take(COMMANDS_MAX) {
            let (subject, cid) = (&entry.subject, entry.cid());
            write!(
                text,
                "cmd={} sq={} cid={cid:#x} opcode={:#x} nsid={}",
                subject.number,
                subject.sqid,
                subject.opcode(),
                subject.nsid()
            )?;
            match entry.due_ns {
                Some(due_ns) => writeln!(text, " due_ns={due_ns}")?,
                None => writeln!(text, " due_ns=never")?,
            }
        }
        Ok(())
    }
}
