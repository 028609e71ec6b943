//! Asynchronous events: requests are parked, answers are noted, their log pages are read.
// Spec: NVMe-Base-2.0c 5.2 "Asynchronous Event Request command"

use hal::{DmaBuf, Instant, Platform};
use nvme_spec::aer::{self, AerResult};
use nvme_spec::log::{
    CHANGED_NAMESPACES_BYTES, ERROR_ENTRY_BYTES, FIRMWARE_LOG_BYTES, LID_CHANGED_NAMESPACES,
    LID_ERROR, LID_FIRMWARE_SLOT, LID_SMART, SMART_LOG_BYTES,
};
use nvme_spec::{AdminOpcode, NSID_BROADCAST, Sqe, Status};

use crate::admin::Purpose;
use crate::events::{Event, ResetReason};
use crate::phase::Phase;
use crate::registers::Registers;
use crate::state::Core;

/// So many requests are parked where the controller allows it.
const PARKED_MAX: usize = 4;

impl<P: Platform> Core<P> {
    /// Parks as many requests as are missing.
    pub(crate) fn park_event_requests(&mut self, platform: &P) {
        let limit = self.controller.map_or(1, |limits| limits.event_requests_max);
        let parked = self.admin.count(|purpose| purpose == Purpose::Event);
        for _ in parked..limit.min(PARKED_MAX) {
            let sqe = Sqe::async_event_request();
            self.admin.send(&Registers(platform.bar()), sqe, Purpose::Event, Instant::NEVER);
        }
    }

    /// A parked request was answered.
    pub(crate) fn event_answered(&mut self, platform: &P, now: Instant, status: Status, dw0: u32) {
        if !status.is_success() {
            // A controller that refuses to park it is not asked again before the next reset.
            let opcode = Sqe::async_event_request().opcode();
            platform.tracer().emit(Event::AdminFailed { status: status.to_raw(), opcode });
            return;
        }
        let result = AerResult(dw0);
        let byte = |value: u32| value.to_le_bytes()[0];
        let (event_type, info) = (byte(result.event_type()), byte(result.info()));
        let log_page = byte(result.log_page());
        self.counters.events = self.counters.events.saturating_add(1);
        platform.tracer().emit(Event::AsyncEvent { event_type, info, log_page });
        if !matches!(self.phase, Phase::Live) {
            return;
        }
        if result.event_type() == aer::TYPE_ERROR && result.info() == aer::ERROR_PERSISTENT_INTERNAL
        {
            return self.begin_reset(platform, now, ResetReason::PersistentError);
        }
        self.read_log(platform, now, log_page);
        self.park_event_requests(platform);
    }

    /// Reading the log page lets the controller report events of this type again. What is in it is
    /// for tools, not for the driver, but for the changed namespaces. One at a time: there is one page to read into.
    fn read_log(&mut self, platform: &P, now: Instant, lid: u8) {
        let bytes = match lid {
            LID_ERROR => ERROR_ENTRY_BYTES,
            LID_SMART => SMART_LOG_BYTES,
            LID_FIRMWARE_SLOT => FIRMWARE_LOG_BYTES,
            LID_CHANGED_NAMESPACES => CHANGED_NAMESPACES_BYTES,
            _ => return,
        };
        if self.admin.count(|purpose| purpose == Purpose::Log(lid)) > 0 {
            return;
        }
        if self.admin.count(|purpose| matches!(purpose, Purpose::Log(_) | Purpose::Rescan)) > 0 {
            self.unread_logs |= 1_u32.wrapping_shl(lid.into());
            return;
        }
        let numd_z = u32::try_from(bytes / 4).unwrap_or(1).saturating_sub(1);
        let sqe = Sqe::get_log_page(lid, NSID_BROADCAST, numd_z, 0).with_prp(self.data.iova().0, 0);
        let deadline = now.after(self.config.admin_timeout);
        self.admin.send(&Registers(platform.bar()), sqe, Purpose::Log(lid), deadline);
    }

    /// A log page was read, or could not be.
    pub(crate) fn log_answered(&mut self, platform: &P, now: Instant, lid: u8, status: Status) {
        if !status.is_success() {
            let (status, opcode) = (status.to_raw(), AdminOpcode::GET_LOG_PAGE.0);
            platform.tracer().emit(Event::AdminFailed { status, opcode });
        } else if lid == LID_CHANGED_NAMESPACES {
            self.changed_list_answered(platform, now);
        }
        self.read_unread_log(platform, now);
    }

    /// Reads the next of the log pages that had to wait for another, if nothing else has their place yet.
    pub(crate) fn read_unread_log(&mut self, platform: &P, now: Instant) {
        let unread = core::mem::take(&mut self.unread_logs);
        for lid in (0..u32::BITS).filter(|lid| unread & 1_u32.wrapping_shl(*lid) != 0) {
            self.read_log(platform, now, u8::try_from(lid).unwrap_or(0));
        }
    }
}
