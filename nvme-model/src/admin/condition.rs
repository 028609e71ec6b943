//! What the owner says about the device's health: temperature and critical warnings.
//!
//! A condition is seen in the SMART log and the persistent event log, and as an asynchronous event if the
//! host enabled it. It changes nothing else: media that are said to be read-only still take writes.

use nvme_spec::aer::{self, AerResult};
use nvme_spec::log::{LID_SMART, SmartLog, critical_warning, event_type};

use crate::device::CRITICAL_TEMPERATURE_KELVIN;
use crate::features::WARNING_TEMPERATURE_KELVIN;
use crate::{Controller, Observer};

/// Hardware error event: a critical warning.
const HARDWARE_CRITICAL_WARNING: u8 = 6;

/// Spare in percent when it is below its threshold, otherwise, and the threshold.
const SPARE_LOW: u8 = 5;
const SPARE_GOOD: u8 = 100;
const SPARE_THRESHOLD: u8 = 10;

/// Which event says that a warning bit was set.
fn info_of(warning: u8) -> u32 {
    match warning {
        critical_warning::TEMPERATURE => aer::SMART_TEMPERATURE,
        critical_warning::SPARE => aer::SMART_SPARE,
        _ => aer::SMART_RELIABILITY,
    }
}

impl Controller {
    /// The device has this composite temperature from now on, in kelvins. One within the host's thresholds
    /// ends the warning, whoever said that it was too hot.
    pub fn set_temperature(&mut self, now_ns: u64, kelvin: u16, observer: &mut dyn Observer) {
        self.advance(now_ns, observer);
        let level = |kelvin: u16| {
            u8::from(kelvin >= WARNING_TEMPERATURE_KELVIN)
                .saturating_add(u8::from(kelvin >= CRITICAL_TEMPERATURE_KELVIN))
        };
        let before = self.device.thermal.kelvin();
        self.device.thermal.set(kelvin, now_ns);
        if !self.features.is_too_hot(kelvin) {
            self.device.critical_warning &= !critical_warning::TEMPERATURE;
        }
        if level(before) != level(kelvin) {
            let threshold = match level(kelvin) {
                2 => CRITICAL_TEMPERATURE_KELVIN,
                _ => WARNING_TEMPERATURE_KELVIN,
            };
            let over = u8::try_from(kelvin.saturating_sub(threshold)).unwrap_or(u8::MAX);
            self.journal(event_type::THERMAL_EXCURSION, &[over, level(kelvin)]);
        }
        self.check_temperature();
    }

    /// These critical warnings (bits of the SMART log, the temperature's excepted) hold from now on.
    pub fn set_critical_warning(&mut self, now_ns: u64, bits: u8, observer: &mut dyn Observer) {
        self.advance(now_ns, observer);
        let bits = bits & !critical_warning::TEMPERATURE;
        let new = bits & !self.device.critical_warning;
        self.device.critical_warning = bits;
        if new != 0 {
            self.journal(
                event_type::HARDWARE_ERROR,
                &[HARDWARE_CRITICAL_WARNING, 0, 0, 0, bits, 0, 0, 0],
            );
        }
        for bit in (0..8).map(|bit| 1_u8.wrapping_shl(bit)).filter(|bit| new & bit != 0) {
            self.warn(bit);
        }
    }

    /// Critical warnings, as SMART says them.
    pub(crate) fn critical_warning(&self) -> u8 {
        let kelvin = self.device.thermal.kelvin();
        let is_outside = self.features.is_too_hot(kelvin);
        let temperature = if is_outside { critical_warning::TEMPERATURE } else { 0 };
        self.device.critical_warning | temperature
    }

    /// Raises the temperature event if the host wants to hear of it.
    pub(super) fn check_temperature(&mut self) {
        if self.critical_warning() & critical_warning::TEMPERATURE != 0 {
            self.warn(critical_warning::TEMPERATURE);
        }
    }

    /// Raises the event that says that a warning bit was set, if the host wants to hear of it.
    pub(crate) fn warn(&mut self, bit: u8) {
        if self.features.async_events().smart() & u32::from(bit) != 0 {
            self.raise_event(
                AerResult(0)
                    .with_event_type(aer::TYPE_SMART)
                    .with_info(info_of(bit))
                    .with_log_page(LID_SMART.into()),
            );
        }
    }

    /// The SMART log.
    pub(super) fn smart_log(&self) -> SmartLog {
        let now_ns = self.now_ns();
        let mut log = SmartLog::zeroed();
        log.critical_warning = self.critical_warning();
        let is_low = log.critical_warning & critical_warning::SPARE != 0;
        log.available_spare = if is_low { SPARE_LOW } else { SPARE_GOOD };
        log.available_spare_threshold = SPARE_THRESHOLD;
        self.device.thermal.report(now_ns, &mut log);
        self.health.report(now_ns, &mut log);
        log
    }
}
