//! The PCI Express capability, as far as a function reset needs it.
//!
//! What it does not do: no link (the function is integrated into the root complex), no error reporting.
// Spec: PCIe-4.0 7.5.3 "PCI Express Capability Structure"

use super::ConfigSpace;

const CAPABILITY_ID: u8 = 0x10;
/// Version 2, a root complex integrated endpoint.
const CAPABILITIES: u16 = 9 << 4 | 2;
/// Device Capabilities: role-based error reporting, function level reset.
const DEVICE_CAPABILITIES: u32 = 1 << 28 | 1 << 15;
/// Device Control, from the beginning of the capability on.
const DEVICE_CONTROL: usize = 8;
/// Device Control: Initiate Function Level Reset. Reads as zero.
const INITIATE_RESET: u16 = 1 << 15;
/// Bytes of a capability of version 2, without its first two.
const BODY_BYTES: usize = 0x3a;

/// Where a function has its capability.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Express {
    capability: usize,
}

impl Express {
    /// Adds the capability.
    pub(crate) fn new(config: &mut ConfigSpace) -> Self {
        let mut body = [0; BODY_BYTES];
        body[0..2].copy_from_slice(&CAPABILITIES.to_le_bytes());
        body[2..6].copy_from_slice(&DEVICE_CAPABILITIES.to_le_bytes());
        let mut writable = [0; DEVICE_CONTROL];
        writable[DEVICE_CONTROL - 2..].copy_from_slice(&[0xff, 0xff]);
        Self { capability: config.add_capability(CAPABILITY_ID, &body, &writable) }
    }

    /// Whether the host has just asked for a function level reset.
    pub(crate) fn take_reset(&self, config: &mut ConfigSpace) -> bool {
        let at = self.capability + DEVICE_CONTROL;
        let control = config.half(at);
        if control & INITIATE_RESET == 0 {
            return false;
        }
        config.write(at, &(control & !INITIATE_RESET).to_le_bytes());
        true
    }
}
