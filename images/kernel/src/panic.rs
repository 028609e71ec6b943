//! The guest's own bugs: a report on the debug port, then the end. Works at every stage of the boot,
//! without heap and without devices.

use core::fmt::Write;
use core::panic::PanicInfo;

use machine::ports;

use crate::arch::{call, port};
use crate::console::{self, DebugPort};

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let mut debug_port = DebugPort;
    // The debug port cannot fail.
    let _ = writeln!(debug_port, "{info}");
    // What was printed before may tell why; a panic while printing leaves it where it is.
    console::try_publish();
    port::write32(ports::EXIT, ports::EXIT_PANIC);
    call::stop()
}
