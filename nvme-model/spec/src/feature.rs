//! Features: identifiers, selectors and values.
// Spec: NVMe-Base-2.0c 5.27.1 "Feature Specific Information"

/// Arbitration.
pub const ARBITRATION: u8 = 0x01;
/// Power management.
pub const POWER_MANAGEMENT: u8 = 0x02;
/// Temperature threshold.
pub const TEMPERATURE_THRESHOLD: u8 = 0x04;
/// Error recovery.
pub const ERROR_RECOVERY: u8 = 0x05;
/// Volatile write cache; bit 0 = enabled.
pub const VOLATILE_WRITE_CACHE: u8 = 0x06;
/// Number of queues; see [`NumberOfQueues`].
pub const NUMBER_OF_QUEUES: u8 = 0x07;
/// Interrupt coalescing.
pub const INTERRUPT_COALESCING: u8 = 0x08;
/// Interrupt vector configuration.
pub const INTERRUPT_VECTOR: u8 = 0x09;
/// Write atomicity normal.
pub const WRITE_ATOMICITY: u8 = 0x0a;
/// Asynchronous event configuration; see [`AsyncEventConfig`].
pub const ASYNC_EVENT_CONFIG: u8 = 0x0b;

/// Timestamp; see [`TIMESTAMP_BYTES`].
pub const TIMESTAMP: u8 = 0x0e;
/// Keep alive timer; dword 11 is the time-out in milliseconds.
pub const KEEP_ALIVE_TIMER: u8 = 0x0f;
/// Non-operational power state configuration; bit 0 = permissive.
pub const NON_OPERATIONAL_POWER_STATE: u8 = 0x11;
/// Host behavior support; see [`HOST_BEHAVIOR_BYTES`].
pub const HOST_BEHAVIOR: u8 = 0x16;
/// Sanitize configuration; bit 0 = a warning instead of an error where deallocation is unexpected.
pub const SANITIZE_CONFIG: u8 = 0x17;
/// I/O command set profile; the index of a combination.
pub const COMMAND_SET_PROFILE: u8 = 0x19;

/// Bytes of a timestamp: milliseconds since 1970 in 6 bytes, then attributes.
pub const TIMESTAMP_BYTES: usize = 8;
/// Timestamp byte 6: the value was set by a host, not by a reset.
pub const TIMESTAMP_SET_BY_HOST: u8 = 1 << 1;

/// Bytes of host behavior support.
pub const HOST_BEHAVIOR_BYTES: usize = 512;
/// Host behavior support, this byte: 1 if the host honours Command Retry Delay.
pub const HOST_BEHAVIOR_ACRE: usize = 0;
/// Host behavior support, this byte: by bit, which Copy descriptor formats of 2 and 3 the host uses.
pub const HOST_BEHAVIOR_CDFE: usize = 4;

/// Host identifier; the data is the identifier.
pub const HOST_IDENTIFIER: u8 = 0x81;
/// Reservation notification mask, by kind of notification.
pub const RESERVATION_MASK: u8 = 0x82;
/// Reservation persistence; bit 0 = through power loss.
pub const RESERVATION_PERSISTENCE: u8 = 0x83;

/// Host identifier, dword 11: it has 128 bits, not 64.
pub const HOST_ID_EXTENDED: u32 = 1;

/// OCP Datacenter NVMe SSD: error injection.
pub const OCP_ERROR_INJECTION: u8 = 0xc0;

/// Whether a feature's value is in a buffer of the host, and not in dword 11 and dword 0 alone.
#[must_use]
pub const fn has_data(fid: u8) -> bool {
    matches!(fid, TIMESTAMP | HOST_BEHAVIOR | HOST_IDENTIFIER | OCP_ERROR_INJECTION)
}

/// Get Features SEL: the current value.
pub const SEL_CURRENT: u32 = 0;
/// Get Features SEL: the default value.
pub const SEL_DEFAULT: u32 = 1;
/// Get Features SEL: the saved value.
pub const SEL_SAVED: u32 = 2;
/// Get Features SEL: the capabilities, see the `CAPABILITY_` bits.
pub const SEL_CAPABILITIES: u32 = 3;

/// Capability: the value can be saved.
pub const CAPABILITY_SAVEABLE: u32 = 1;
/// Capability: the value is per namespace.
pub const CAPABILITY_NAMESPACE: u32 = 1 << 1;
/// Capability: the value can be changed.
pub const CAPABILITY_CHANGEABLE: u32 = 1 << 2;

bit_fields! {
    /// Arbitration: dword 11.
    // Spec: NVMe-Base-2.0c 5.27.1.1 "Arbitration"
    Arbitration(u32) {
        /// Arbitration burst: a power of two, 7 = no limit.
        ab, with_ab: 0, 3;
        /// Low priority weight, zero-based.
        lpw_z, with_lpw_z: 8, 8;
        /// Medium priority weight, zero-based.
        mpw_z, with_mpw_z: 16, 8;
        /// High priority weight, zero-based.
        hpw_z, with_hpw_z: 24, 8;
    }
}

bit_fields! {
    /// Interrupt Coalescing: dword 11.
    // Spec: NVMe-Base-2.0c 5.27.1.6 "Interrupt Coalescing"
    InterruptCoalescing(u32) {
        /// Aggregation threshold: completions, zero-based.
        thr_z, with_thr_z: 0, 8;
        /// Aggregation time in units of 100 us; 0 = none.
        time, with_time: 8, 8;
    }
}

bit_fields! {
    /// Interrupt Vector Configuration: dword 11.
    // Spec: NVMe-Base-2.0c 5.27.1.7 "Interrupt Vector Configuration"
    InterruptVector(u32) {
        /// The vector.
        iv, with_iv: 0, 16;
        /// Coalescing is disabled for it.
        cd, with_cd: 16, 1;
    }
}

bit_fields! {
    /// Number of Queues: dword 11 (wanted) and completion dword 0 (granted).
    // Spec: NVMe-Base-2.0c 5.27.1.5 "Number of Queues"
    NumberOfQueues(u32) {
        /// I/O submission queues, zero-based.
        nsq_z, with_nsq_z: 0, 16;
        /// I/O completion queues, zero-based.
        ncq_z, with_ncq_z: 16, 16;
    }
}

bit_fields! {
    /// Asynchronous Event Configuration.
    // Spec: NVMe-Base-2.0c 5.27.1.8 "Asynchronous Event Configuration"
    AsyncEventConfig(u32) {
        /// Which SMART critical warnings are reported, by bit.
        smart, with_smart: 0, 8;
        /// Namespace attribute notices.
        namespace_notices, with_namespace_notices: 8, 1;
        /// Firmware activation notices.
        firmware_notices, with_firmware_notices: 9, 1;
        /// Telemetry log notices.
        telemetry_notices, with_telemetry_notices: 10, 1;
    }
}

bit_fields! {
    /// Temperature Threshold: dword 11.
    // Spec: NVMe-Base-2.0c 5.27.1.3 "Temperature Threshold"
    TemperatureThreshold(u32) {
        /// The threshold in kelvins.
        tmpth, with_tmpth: 0, 16;
        /// Which sensor: 0 = composite, 15 = all (Set Features only).
        tmpsel, with_tmpsel: 16, 4;
        /// Which threshold: 0 = over, 1 = under.
        thsel, with_thsel: 20, 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feature_values_have_these_bits() {
        let weights = Arbitration(0).with_ab(3).with_lpw_z(1).with_mpw_z(2).with_hpw_z(4);
        assert_eq!(weights.0, 0x0402_0103);
        assert_eq!(InterruptCoalescing(0).with_thr_z(7).with_time(5).0, 0x0507);
        assert_eq!(InterruptVector(0).with_iv(3).with_cd(1).0, 0x0001_0003);
        assert_eq!(NumberOfQueues(0).with_nsq_z(3).with_ncq_z(1).0, 0x0001_0003);
        assert_eq!(AsyncEventConfig(0).with_smart(0xff).with_namespace_notices(1).0, 0x01ff);
        assert_eq!(TemperatureThreshold(0).with_tmpth(343).with_thsel(1).0, 0x0010_0157);
    }
}
