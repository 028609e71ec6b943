//! The keep alive timer. It counts by commands: only Keep Alive and its feature restart it.
//!
//! When it expires the controller stops with CSTS.CFS and an entry in the error log; there is no
//! association to end on PCI Express.
// Spec: NVMe-Base-2.0c 3.9 "Keep Alive"

use nvme_spec::{feature, status};

use crate::event::FatalCause;
use crate::{Controller, Observer};

const NS_PER_MS: u64 = 1_000_000;

impl Controller {
    /// Keep Alive, or a new time-out: the timer begins anew, if there is a time-out.
    // Spec: NVMe-Base-2.0c 5.18 "Keep Alive command"
    pub(crate) fn keep_alive(&mut self) -> u32 {
        let time_out_ns = u64::from(self.features.current(feature::KEEP_ALIVE_TIMER, 0))
            .saturating_mul(NS_PER_MS);
        let expires_at = self.now_ns().saturating_add(time_out_ns);
        self.device.keep_alive_at = (time_out_ns > 0).then_some(expires_at);
        0
    }

    pub(super) fn keep_alive_expired(&mut self, observer: &mut dyn Observer) {
        self.device.keep_alive_at = None;
        let entries_max = self.config.error_log_entries;
        self.health.record_event(status::KEEP_ALIVE_EXPIRED, entries_max);
        self.fail(FatalCause::KeepAliveExpired, observer);
    }
}
