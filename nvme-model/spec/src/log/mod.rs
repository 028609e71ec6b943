//! Log pages: identifiers and layouts.
// Spec: NVMe-Base-2.0c 5.16.1 "Log Specific Information"

mod effects;
mod error;
mod firmware;
mod lba_status;
mod ocp;
mod persistent;
mod sanitize;
mod self_test;
mod smart;
mod telemetry;

pub use effects::{
    CommandEffects, EFFECTS_LOG_BYTES, FeatureEffects, SUPPORTED_PAGES_BYTES, SupportedPage,
};
pub use error::{ERROR_ENTRY_BYTES, ErrorEntry, NO_LOCATION};
pub use firmware::{FIRMWARE_LOG_BYTES, FirmwareSlots};
pub use lba_status::{
    ACTION_SCAN, ACTION_TRACKED, LbaRange, LbaStatus, LbaStatusHeader, NamespaceElement,
    StatusLogHeader,
};
pub use ocp::{OCP_SMART_GUID, OcpSmartLog};
pub use persistent::{CONTEXT_EXISTED, CONTEXT_OFFSET, EventHeader, PersistentHeader, event_type};
pub use sanitize::{SanitizeLog, sstat};
pub use self_test::{
    SELF_TEST_ABORT, SELF_TEST_EXTENDED, SELF_TEST_RESULTS, SELF_TEST_SHORT, SelfTestLog,
    SelfTestResult, result_code,
};
pub use smart::{SMART_LOG_BYTES, SmartLog, critical_warning};
pub use telemetry::{TELEMETRY_BLOCK_BYTES, TelemetryHeader};

/// Supported log pages.
pub const LID_SUPPORTED_PAGES: u8 = 0x00;
/// Error information.
pub const LID_ERROR: u8 = 0x01;
/// SMART / health information.
pub const LID_SMART: u8 = 0x02;
/// Firmware slot information.
pub const LID_FIRMWARE_SLOT: u8 = 0x03;
/// Changed namespace list.
pub const LID_CHANGED_NAMESPACES: u8 = 0x04;
/// Commands supported and effects.
pub const LID_COMMAND_EFFECTS: u8 = 0x05;
/// Device self-test.
pub const LID_SELF_TEST: u8 = 0x06;
/// Telemetry that the host asked for.
pub const LID_TELEMETRY_HOST: u8 = 0x07;
/// Telemetry that the controller took by itself.
pub const LID_TELEMETRY_CONTROLLER: u8 = 0x08;
/// The persistent event log.
pub const LID_PERSISTENT_EVENT: u8 = 0x0d;
/// LBA status information.
pub const LID_LBA_STATUS: u8 = 0x0e;
/// Feature identifiers supported and effects.
pub const LID_FEATURE_EFFECTS: u8 = 0x12;
/// Sanitize status.
pub const LID_SANITIZE: u8 = 0x81;
/// SMART / health information extended, of the Open Compute Project.
pub const LID_OCP_SMART: u8 = 0xc0;

/// What the changed namespace list begins with if more than 1024 namespaces changed.
pub const CHANGED_NAMESPACES_TOO_MANY: u32 = 0xffff_ffff;

/// Bytes of the changed namespace list: 1024 `u32`.
pub const CHANGED_NAMESPACES_BYTES: usize = 4096;
