//! Log pages: identifiers and layouts.
// Spec: NVMe-Base-2.0c 5.16.1 "Log Specific Information"

mod effects;
mod error;
mod firmware;
mod smart;

pub use effects::{CommandEffects, EFFECTS_LOG_BYTES, SUPPORTED_PAGES_BYTES, SupportedPage};
pub use error::{ERROR_ENTRY_BYTES, ErrorEntry, NO_LOCATION};
pub use firmware::{FIRMWARE_LOG_BYTES, FirmwareSlots};
pub use smart::{SMART_LOG_BYTES, SmartLog, critical_warning};

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

/// Bytes of the changed namespace list: 1024 `u32`.
pub const CHANGED_NAMESPACES_BYTES: usize = 4096;
