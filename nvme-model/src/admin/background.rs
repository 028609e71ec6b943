//! What the device does by itself, and what resets and the loss of power do to it.

use crate::event::FatalCause;
use crate::{Controller, Observer};

impl Controller {
    /// Ends what is due.
    pub(crate) fn advance_device(&mut self, observer: &mut dyn Observer) {
        let now_ns = self.now_ns();
        self.device.resume(now_ns);
        let is_due = |due: Option<u64>| due.is_some_and(|at| at <= now_ns);
        if is_due(self.device.self_test.due()) {
            self.finish_self_test();
        }
        if is_due(self.device.sanitize.due()) {
            self.finish_sanitize(observer);
        }
        if is_due(self.device.keep_alive_at) {
            self.keep_alive_expired(observer);
        }
    }

    /// A controller level reset, whatever its cause.
    pub(crate) fn device_reset(&mut self) {
        self.features.reset(self.now_ns());
        let hours = self.power_on_hours();
        let device = &mut self.device;
        device.keep_alive_at = None;
        device.changed.clear();
        device.journal.release();
        device.self_test.reset(hours);
        let is_activated = device.firmware.reset();
        self.journal_reset(is_activated);
    }

    /// The power went and came back; the clock begins anew.
    pub(crate) fn device_power_cycled(&mut self, now_ns: u64, is_unsafe: bool) {
        self.device.pause(now_ns);
        self.features.reset(0);
        if is_unsafe {
            self.journal_unsafe_shutdown();
        }
        self.journal_smart();
    }

    /// CSTS.CFS was set.
    pub(crate) fn device_failed(&mut self, cause: FatalCause) {
        self.device.keep_alive_at = None;
        self.journal_fatal();
        self.capture_telemetry(cause.name());
    }

    pub(crate) fn power_on_hours(&self) -> u64 {
        self.health.power_on_hours(self.now_ns())
    }
}
