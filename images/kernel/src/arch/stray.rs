//! Accesses that must fail, for the tests of the fault reports.
// UNSAFETY: the access is wrong on purpose.
#![expect(unsafe_code, reason = "a load from an unmapped address")]

use core::arch::asm;

/// Loads a word from an address outside of all memory, which ends the guest with a report.
///
/// # Panics
/// If the address is not outside of all memory.
pub(crate) fn load(address: u64) -> u64 {
    assert!(address > 2 << 40, "{address:#x} may be mapped");
    let value;
    // SAFETY: nothing is mapped above the workload's window, so the load faults and never completes.
    unsafe {
        asm!("mov {}, [{}]", out(reg) value, in(reg) address, options(nostack, readonly));
    }
    value
}
