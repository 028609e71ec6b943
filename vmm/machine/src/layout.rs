//! Guest-physical memory map.

/// Where the guest ELF is linked to run (1 MiB).
pub const KERNEL_BASE: u64 = 0x10_0000;

/// The least memory a machine may have (16 MiB).
pub const MEMORY_BYTES_MIN: u64 = 16 << 20;

/// Memory ends here at the latest: the PCI window begins.
pub const MEMORY_BYTES_MAX: u64 = PCI_WINDOW_BASE;

/// Memory BARs are placed from here on (3 GiB).
pub const PCI_WINDOW_BASE: u64 = 0xc000_0000;

/// Bytes of the BAR window (512 MiB).
pub const PCI_WINDOW_BYTES: u64 = 0x2000_0000;

/// PCI Express configuration space (ECAM) of bus 0. The VMM also names it on the command line as
/// `ecam=0x<address>`; a guest that finds no such word uses CF8/CFC.
pub const ECAM_BASE: u64 = 0xe000_0000;

/// A copy of the configuration spaces as the guest finds them at power-on, [`CONFIG_COPY_BYTES`] for each
/// device number in turn. The VMM also names it on the command line as `config=0x<address>`: reading
/// it costs no exits.
pub const CONFIG_COPY: u64 = 0x6000;

/// Bytes of configuration space that are copied for a device.
pub const CONFIG_COPY_BYTES: u64 = 256;

/// Device numbers whose configuration space is copied: all that this machine uses.
pub const CONFIG_COPY_DEVICES: u64 = 6;

/// Memory that is set aside for a call page ([`crate::call_page`]) and, behind it, its output ring. The VMM also names it on
/// the command line as `page=0x<address>`, and clears the page at power-on. A guest may use other memory.
pub const CALL_PAGE: u64 = 0x7000;

/// Bytes of the output ring behind [`CALL_PAGE`]: some 1800 records between two calls.
pub const CALL_RING_BYTES: u64 = 64 << 10;

/// Bytes of ECAM: one bus of 32 devices with 8 functions of 4 KiB.
pub const ECAM_BYTES: u64 = 0x10_0000;

/// The local APIC's page.
pub const LAPIC_BASE: u64 = 0xfee0_0000;
