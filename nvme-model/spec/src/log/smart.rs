//! The SMART / health information log.
// Spec: NVMe-Base-2.0c 5.16.1.3 "SMART / Health Information (Log Identifier 02h)"

use zerocopy::little_endian::{U16, U32, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes of the log.
pub const SMART_LOG_BYTES: usize = 512;

/// Bits of [`SmartLog::critical_warning`].
pub mod critical_warning {
    /// Available spare below the threshold.
    pub const SPARE: u8 = 1;
    /// Temperature over or under a threshold.
    pub const TEMPERATURE: u8 = 1 << 1;
    /// Reliability degraded.
    pub const RELIABILITY: u8 = 1 << 2;
    /// Media is read-only.
    pub const READ_ONLY: u8 = 1 << 3;
}

/// The controller's health and its counters.
#[derive(Clone, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SmartLog {
    /// See [`critical_warning`].
    pub critical_warning: u8,
    /// Composite temperature in kelvins.
    pub composite_temperature: U16,
    /// Available spare in percent.
    pub available_spare: u8,
    /// Threshold for the spare warning in percent.
    pub available_spare_threshold: u8,
    /// Life used in percent; may exceed 100.
    pub percentage_used: u8,
    /// Endurance group warnings.
    pub endurance_warning: u8,
    reserved_7: [u8; 25],
    /// Thousands of 512-byte units read, rounded up.
    pub data_units_read: U128,
    /// Thousands of 512-byte units written, rounded up.
    pub data_units_written: U128,
    /// Read commands completed.
    pub host_reads: U128,
    /// Write commands completed.
    pub host_writes: U128,
    /// Minutes busy with I/O.
    pub controller_busy_minutes: U128,
    /// Power cycles.
    pub power_cycles: U128,
    /// Hours powered on.
    pub power_on_hours: U128,
    /// Power losses without a shutdown before.
    pub unsafe_shutdowns: U128,
    /// Media and data integrity errors.
    pub media_errors: U128,
    /// Error log entries over the controller's life.
    pub error_log_entries: U128,
    /// Minutes over the warning temperature.
    pub warning_temperature_minutes: U32,
    /// Minutes over the critical temperature.
    pub critical_temperature_minutes: U32,
    /// Sensors in kelvins; 0 = none.
    pub temperature_sensors: [U16; 8],
    reserved_216: [u8; 296],
}

structure!(SmartLog, SMART_LOG_BYTES);

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;

    #[test]
    fn the_fields_are_where_the_standard_puts_them() {
        let offsets = [
            (offset_of!(SmartLog, composite_temperature), 1),
            (offset_of!(SmartLog, available_spare), 3),
            (offset_of!(SmartLog, data_units_read), 32),
            (offset_of!(SmartLog, power_cycles), 112),
            (offset_of!(SmartLog, unsafe_shutdowns), 144),
            (offset_of!(SmartLog, media_errors), 160),
            (offset_of!(SmartLog, error_log_entries), 176),
            (offset_of!(SmartLog, warning_temperature_minutes), 192),
            (offset_of!(SmartLog, temperature_sensors), 200),
        ];
        for (is, should) in offsets {
            assert_eq!(is, should);
        }
    }
}
