//! The composite temperature, and for how long it was too high.

use nvme_spec::log::SmartLog;

use crate::features::WARNING_TEMPERATURE_KELVIN;

/// From here on the device is in danger: Identify's critical temperature.
pub(crate) const CRITICAL_TEMPERATURE_KELVIN: u16 = WARNING_TEMPERATURE_KELVIN + 10;

const NS_PER_MINUTE: u64 = 60_000_000_000;

/// The temperature and its history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thermal {
    kelvin: u16,
    /// Up to when time is counted.
    counted_to_ns: u64,
    warning_ns: u64,
    critical_ns: u64,
}

impl Thermal {
    pub(crate) fn new(kelvin: u16) -> Self {
        Self { kelvin, counted_to_ns: 0, warning_ns: 0, critical_ns: 0 }
    }

    pub(crate) fn kelvin(&self) -> u16 {
        self.kelvin
    }

    pub(crate) fn set(&mut self, kelvin: u16, now_ns: u64) {
        self.count(now_ns);
        self.kelvin = kelvin;
    }

    /// Counts the time up to now.
    pub(crate) fn count(&mut self, now_ns: u64) {
        let passed = now_ns.saturating_sub(self.counted_to_ns);
        if self.kelvin >= CRITICAL_TEMPERATURE_KELVIN {
            self.critical_ns = self.critical_ns.saturating_add(passed);
        } else if self.kelvin >= WARNING_TEMPERATURE_KELVIN {
            self.warning_ns = self.warning_ns.saturating_add(passed);
        }
        self.counted_to_ns = now_ns;
    }

    /// The clock begins anew.
    pub(crate) fn restart(&mut self, now_ns: u64) {
        self.count(now_ns);
        self.counted_to_ns = 0;
    }

    /// Fills in what the SMART log says about temperatures.
    pub(crate) fn report(&self, now_ns: u64, log: &mut SmartLog) {
        let mut counted = *self;
        counted.count(now_ns);
        let minutes =
            |ns: u64| u32::try_from(ns.checked_div(NS_PER_MINUTE).unwrap_or(0)).unwrap_or(u32::MAX);
        log.composite_temperature = self.kelvin.into();
        log.warning_temperature_minutes = minutes(counted.warning_ns).into();
        log.critical_temperature_minutes = minutes(counted.critical_ns).into();
        if let Some(sensor) = log.temperature_sensors.first_mut() {
            *sensor = self.kelvin.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_above_each_threshold_are_counted_across_power_cycles() {
        let minute = NS_PER_MINUTE;
        let mut thermal = Thermal::new(300);
        thermal.set(WARNING_TEMPERATURE_KELVIN, 5 * minute);
        thermal.restart(7 * minute);
        thermal.set(CRITICAL_TEMPERATURE_KELVIN, minute);
        let mut log = SmartLog::zeroed();
        thermal.report(5 * minute, &mut log);
        assert_eq!(log.warning_temperature_minutes.get(), 3);
        assert_eq!(log.critical_temperature_minutes.get(), 4);
    }
}
