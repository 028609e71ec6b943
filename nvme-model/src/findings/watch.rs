//! Where the controller sees what a driver does wrong.

use nvme_spec::register as reg;

use super::{Finding, FindingKind, Findings};
use crate::command::{AdminCommand, Command, NvmOp};
use crate::controller::registers::is_changed_late;
use crate::data::{DataPointer, Direction, Segment};
use crate::{Controller, Observer, Ports};

/// How long a completion queue may be full while commands wait for a place in it.
const FULL_NS_MAX: u64 = 1_000_000_000;

/// CSTS.NSSRO, the one bit of CSTS that a host clears.
const NSSRO: u32 = 1 << 4;

impl Controller {
    /// What the driver did wrong so far.
    #[must_use]
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// The findings, to have more looked for.
    pub fn findings_mut(&mut self) -> &mut Findings {
        &mut self.findings
    }

    pub(crate) fn found(
        &mut self,
        kind: FindingKind,
        queue: u16,
        value: u32,
        observer: &mut dyn Observer,
    ) {
        let now_ns = self.now_ns();
        self.findings.add(Finding { kind, now_ns, queue, value }, observer);
    }

    /// A register is about to be written.
    pub(crate) fn watch_write(&mut self, offset: u64, word: u32, observer: &mut dyn Observer) {
        let is_enabled = self.cc().en() != 0;
        let kind = match offset {
            reg::CC if is_changed_late(self.cc(), word) => FindingKind::ConfigurationWhileEnabled,
            reg::INTMS | reg::INTMC | reg::CC | reg::NSSR => return,
            reg::CSTS if word & !NSSRO == 0 => return,
            reg::AQA..=reg::ACQ | 0x34 if is_enabled => FindingKind::AdminQueueWhileEnabled,
            reg::AQA..=reg::ACQ | 0x34 => return,
            _ => FindingKind::ReadOnlyRegister,
        };
        self.found(kind, 0, u32::try_from(offset).unwrap_or(u32::MAX), observer);
    }

    /// Completion queues that stay full while commands wait.
    pub(crate) fn watch_full(&mut self, observer: &mut dyn Observer) {
        if self.findings.full_since.is_empty() && !self.queues.has_waiting() {
            return;
        }
        let now_ns = self.now_ns();
        let blocked = self.queues.blocked();
        self.findings.full_since.retain(|cqid, _| blocked.contains(cqid));
        for cqid in blocked {
            let since = self.findings.full_since.entry(cqid).or_insert(Some(now_ns));
            if since.is_some_and(|since| now_ns.saturating_sub(since) >= FULL_NS_MAX) {
                *since = None;
                self.found(FindingKind::CompletionsNotReaped, cqid, 0, observer);
            }
        }
    }

    /// A command that was fetched: do its pages belong to another one already?
    pub(crate) fn watch_pages(
        &mut self,
        sqid: u16,
        number: u64,
        cid: u16,
        command: &Command,
        ports: &mut Ports<'_>,
    ) {
        if self.findings.pages.is_none() {
            return;
        }
        let Some(mut pages) = self.findings.pages.take() else {
            return;
        };
        pages.retain(|number| self.is_in_flight(number));
        if let Some((data, direction, bytes)) = self.data_pointer(command) {
            let page_bytes = self.page_bytes();
            let segments = data.segments(ports.memory, bytes, page_bytes, direction);
            let segments = segments.unwrap_or_default();
            let ranges = segments.iter().filter_map(Segment::memory);
            if pages.add(number, ranges, direction == Direction::ToHost) {
                self.found(FindingKind::PageInFlight, sqid, cid.into(), ports.observer);
            }
        }
        self.findings.pages = Some(pages);
    }

    fn data_pointer(&self, command: &Command) -> Option<(DataPointer, Direction, u64)> {
        match command {
            Command::Nvm(command) => {
                let direction = match command.op {
                    NvmOp::Read => Direction::ToHost,
                    NvmOp::Write | NvmOp::Compare => Direction::FromHost,
                    _ => return None,
                };
                let block_bytes = self.namespaces.get(command.nsid)?.block_bytes();
                let bytes = u64::from(command.span.blocks).saturating_mul(block_bytes.into());
                let is_valid = bytes <= self.config.transfer_bytes_max();
                is_valid.then_some((command.data, direction, bytes))
            }
            Command::Admin(AdminCommand::Identify { data, .. }) => {
                Some((*data, Direction::ToHost, 4096))
            }
            Command::Admin(AdminCommand::GetLogPage { data, length, .. }) => {
                Some((*data, Direction::ToHost, (*length).min(self.config.transfer_bytes_max())))
            }
            Command::Admin(_) => None,
        }
    }
}
