//! I/O ports.

/// One byte of early or panic output (QEMU's `-device isa-debugcon`, `-debugcon`).
pub const DEBUG_CONSOLE: u16 = 0xe9;

/// A 32-bit write ends the machine with that code (QEMU's `isa-debug-exit,iobase=0xf4`, which exits
/// with `code << 1 | 1`).
pub const EXIT: u16 = 0xf4;

/// A 32-bit write announces a boot stage; the first one is the guest's first output.
pub const BOOT_STAGE: u16 = 0xf8;

/// The guest runs Rust and knows what it was told. Neither this nor the next is announced by one that wants a call
/// page, to which exits are dear.
pub const STAGE_ENTERED: u32 = 1;
/// The guest is about to start its program.
pub const STAGE_PROGRAM: u32 = 2;

/// A round of a benchmark begins.
pub const STAGE_ROUND_BEGINS: u32 = 3;
/// A round of a benchmark has ended.
pub const STAGE_ROUND_ENDS: u32 = 4;

/// The guest did what it was told and reported the rest through the console.
pub const EXIT_OK: u32 = 0;
/// The guest panicked; the message is on the console or the debug port.
pub const EXIT_PANIC: u32 = 1;
/// The command line asks for something that this guest does not know.
pub const EXIT_BAD_COMMAND_LINE: u32 = 2;
/// A device that the program needs was not found.
pub const EXIT_NO_DEVICE: u32 = 3;

/// The first port of the serial port, a 16550.
pub const SERIAL: u16 = 0x3f8;
/// Ports of the serial port.
pub const SERIAL_PORTS: u16 = 8;

/// ACPI's sleep control register: a byte with [`ACPI_SLEEP_ENABLE`] and a sleep type.
pub const ACPI_SLEEP_CONTROL: u16 = 0x600;
/// ACPI's sleep status register: reads zero.
pub const ACPI_SLEEP_STATUS: u16 = 0x601;
/// ACPI's reset register.
pub const ACPI_RESET: u16 = 0x602;
/// What resets the machine when written to [`ACPI_RESET`].
pub const ACPI_RESET_VALUE: u8 = 1;
/// The bit of [`ACPI_SLEEP_CONTROL`] that makes it so.
pub const ACPI_SLEEP_ENABLE: u8 = 1 << 5;
/// Where the sleep type stands in [`ACPI_SLEEP_CONTROL`]: three bits.
pub const ACPI_SLEEP_TYPE_SHIFT: u8 = 2;
/// The sleep type that switches the machine off.
pub const ACPI_SLEEP_TYPE_OFF: u8 = 5;

/// PCI configuration mechanism 1: address.
pub const PCI_ADDRESS: u16 = 0xcf8;
/// PCI configuration mechanism 1: data.
pub const PCI_DATA: u16 = 0xcfc;
