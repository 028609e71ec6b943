//! What the device remembers beyond a reset, and what it does by itself meanwhile.
//!
//! Plain state, one file a subject, without a controller: the commands that change it and the logs that
//! tell of it are in `admin`. All of it survives resets and power cycles, except for what a file says is
//! lost.

mod changed;
mod firmware;
mod generation;
mod journal;
mod sanitize;
mod self_test;
mod telemetry;
mod thermal;
mod work;

pub(crate) use changed::ChangedNamespaces;
pub(crate) use firmware::{Firmware, FirmwareError, SLOTS};
pub(crate) use generation::Generation;
pub(crate) use journal::Journal;
pub(crate) use sanitize::{Sanitize, SanitizeMode};
pub(crate) use self_test::{Finding, SelfTest};
pub(crate) use telemetry::{Capture, Telemetry};
pub(crate) use thermal::{CRITICAL_TEMPERATURE_KELVIN, Thermal};

use crate::config::Config;

/// Everything of the above.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) firmware: Firmware,
    pub(crate) self_test: SelfTest,
    pub(crate) sanitize: Sanitize,
    pub(crate) journal: Journal,
    pub(crate) telemetry: Telemetry,
    pub(crate) changed: ChangedNamespaces,
    pub(crate) thermal: Thermal,
    /// Of the LBA status log.
    pub(crate) lba_status: Generation,
    /// Bytes that namespaces can be made of, those that exist included.
    pub(crate) capacity_bytes: u128,
    /// When the keep alive timer expires. Lost at a reset.
    pub(crate) keep_alive_at: Option<u64>,
    /// Power state changes, for the log.
    pub(crate) power_state_changes: u64,
    /// What the owner says is wrong with the device, as SMART critical warning bits.
    pub(crate) critical_warning: u8,
}

impl Device {
    pub(crate) fn new(config: &Config, capacity_bytes: u128) -> Self {
        Self {
            firmware: Firmware::new(&config.firmware),
            self_test: SelfTest::default(),
            sanitize: Sanitize::default(),
            journal: Journal::default(),
            telemetry: Telemetry::default(),
            changed: ChangedNamespaces::default(),
            lba_status: Generation::default(),
            thermal: Thermal::new(config.temperature_kelvin),
            capacity_bytes,
            keep_alive_at: None,
            power_state_changes: 0,
            critical_warning: 0,
        }
    }

    /// When something of this happens by itself.
    pub(crate) fn next_due(&self) -> Option<u64> {
        [self.self_test.due(), self.sanitize.due(), self.keep_alive_at].into_iter().flatten().min()
    }

    /// The power goes: what goes on in the background stops where it is.
    pub(crate) fn pause(&mut self, now_ns: u64) {
        self.self_test.pause(now_ns);
        self.thermal.restart(now_ns);
        self.sanitize.pause(now_ns);
    }

    /// The power is on: what was stopped goes on.
    pub(crate) fn resume(&mut self, now_ns: u64) {
        self.self_test.resume(now_ns);
        self.sanitize.resume(now_ns);
    }
}
