//! The end of the machine.

use machine::ports;

use crate::arch::{call, port};
use crate::console;

/// Ends the machine with `code`, after everything printed has left.
pub(crate) fn exit(code: u32) -> ! {
    console::drain();
    port::write32(ports::EXIT, code);
    // Nobody listens at the port: there is nothing left to do.
    call::stop()
}
