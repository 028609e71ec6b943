//! I/O ports, from ring 3 through the task's I/O bitmap.
// UNSAFETY: `in` and `out` have no safe form. The functions are safe to call all the same: no port of
// this machine reads or writes memory of ours.
#![expect(unsafe_code, reason = "port instructions")]

use core::arch::asm;

/// Writes a byte.
pub(crate) fn write8(port: u16, value: u8) {
    // SAFETY: a port access touches no memory, no stack and no flags.
    unsafe {
        asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags));
    }
}

/// Reads a byte.
pub(crate) fn read8(port: u16) -> u8 {
    let value;
    // SAFETY: a port access touches no memory, no stack and no flags.
    unsafe {
        asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags));
    }
    value
}

/// Writes 32 bits.
pub(crate) fn write32(port: u16, value: u32) {
    // SAFETY: a port access touches no memory of ours that the compiler knows of; not `nomem`, so that
    // what was stored before an exit is in memory when the machine looks at it.
    unsafe {
        asm!("out dx, eax", in("dx") port, in("eax") value, options(nostack, preserves_flags));
    }
}

/// Reads 32 bits.
pub(crate) fn read32(port: u16) -> u32 {
    let value;
    // SAFETY: a port access touches no memory, no stack and no flags.
    unsafe {
        asm!("in eax, dx", in("dx") port, out("eax") value, options(nostack, preserves_flags));
    }
    value
}
