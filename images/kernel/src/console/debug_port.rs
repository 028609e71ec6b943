//! The debug port: slow, but always there.

use core::fmt;

use machine::ports;

use crate::arch::port;

/// Writes text to the port, byte by byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DebugPort;

impl fmt::Write for DebugPort {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            port::write8(ports::DEBUG_CONSOLE, byte);
        }
        Ok(())
    }
}
