//! Text and trace records on their way out.

use core::fmt;

use machine::ports;

use crate::arch::port;

/// Prints a line on the console.
macro_rules! println {
    ($($argument:tt)*) => {
        $crate::console::print(format_args!("{}\n", format_args!($($argument)*)))
    };
}
pub(crate) use println;

/// The debug port: slow, but always there.
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

/// Prints text.
pub(crate) fn print(arguments: fmt::Arguments<'_>) {
    use fmt::Write;
    let _ = DebugPort.write_fmt(arguments);
}

/// Shows everything printed so far to the machine.
pub(crate) fn try_publish() {}

/// Waits until the machine has everything printed so far.
pub(crate) fn drain() {}
