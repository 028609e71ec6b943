//! Asynchronous events: what a completed Asynchronous Event Request says.
// Spec: NVMe-Base-2.0c 5.2 "Asynchronous Event Request command"

bit_fields! {
    /// Dword 0 of the completion.
    AerResult(u32) {
        /// Event type.
        event_type, with_event_type: 0, 3;
        /// Event information.
        info, with_info: 8, 8;
        /// The log page that tells more; reading it re-arms the type.
        log_page, with_log_page: 16, 8;
    }
}

/// [`AerResult::event_type`]: error status.
pub const TYPE_ERROR: u32 = 0;
/// [`AerResult::event_type`]: SMART / health status.
pub const TYPE_SMART: u32 = 1;
/// [`AerResult::event_type`]: notice.
pub const TYPE_NOTICE: u32 = 2;
/// [`AerResult::event_type`]: specific to an I/O command set, or of a sanitize.
pub const TYPE_COMMAND_SET: u32 = 6;

/// Error: write to a doorbell register of a queue that does not exist.
pub const ERROR_INVALID_DOORBELL_REGISTER: u32 = 0;
/// Error: a doorbell value that is out of the queue or not an advance.
pub const ERROR_INVALID_DOORBELL_VALUE: u32 = 1;
/// Error: diagnostic failure.
pub const ERROR_DIAGNOSTIC_FAILURE: u32 = 2;
/// Error: persistent internal error.
pub const ERROR_PERSISTENT_INTERNAL: u32 = 3;
/// Error: transient internal error.
pub const ERROR_TRANSIENT_INTERNAL: u32 = 4;

/// SMART: NVM subsystem reliability.
pub const SMART_RELIABILITY: u32 = 0;
/// SMART: temperature threshold.
pub const SMART_TEMPERATURE: u32 = 1;
/// SMART: spare below threshold.
pub const SMART_SPARE: u32 = 2;

/// Notice: namespace attribute changed.
pub const NOTICE_NAMESPACE_CHANGED: u32 = 0;
/// Notice: firmware activation starts; commands are paused.
pub const NOTICE_FIRMWARE_ACTIVATION: u32 = 1;
/// Notice: the controller took telemetry.
pub const NOTICE_TELEMETRY: u32 = 2;

/// Command set: a sanitize operation ended.
pub const SANITIZE_COMPLETED: u32 = 1;
/// Command set: a sanitize operation ended and deallocated although it was asked not to.
pub const SANITIZE_UNEXPECTED_DEALLOCATION: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doorbell_error_has_this_dword() {
        let result = AerResult(0)
            .with_event_type(TYPE_ERROR)
            .with_info(ERROR_INVALID_DOORBELL_VALUE)
            .with_log_page(1);
        assert_eq!(result.0, 0x0001_0100);
    }
}
