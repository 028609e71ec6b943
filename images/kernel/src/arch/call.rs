//! Calls into ring 0 (`int3`; the functions are in `trap.s`).
// UNSAFETY: `int3` runs privileged instructions.
#![expect(unsafe_code, reason = "privileged instructions by trap")]

use core::arch::asm;

use super::mmio::is_device_memory;

const INVLPG: u64 = 0;
const TAKE_PENDING: u64 = 1;
const HALT_UNTIL: u64 = 2;
const STOP: u64 = 3;
const LOAD_EMPTY_IDT: u64 = 4;

/// # Safety
/// `function` is one of the constants above and the arguments are what it needs.
unsafe fn call(function: u64, arg0: u64, arg1: u64, arg2: u64) {
    // SAFETY: the stub uses no stack of ours and clobbers what is named; memory may change.
    unsafe {
        asm!(
            "int3",
            inout("rax") function => _,
            inout("rdi") arg0 => _,
            inout("rsi") arg1 => _,
            inout("rdx") arg2 => _,
            out("rcx") _,
        );
    }
}

/// Forgets the translation of the page at `address`.
pub(crate) fn invlpg(address: u64) {
    // SAFETY: dropping a translation is always allowed.
    unsafe { call(INVLPG, address, 0, 0) }
}

/// Takes an interrupt if the local APIC's request register at `register` has one of the bits `mask`.
///
/// # Panics
/// If `register` is no register.
pub(crate) fn take_pending(register: u64, mask: u32) {
    assert!(is_device_memory(register, 4), "{register:#x} is no register");
    // SAFETY: the stub reads device memory; the interrupt stubs change their counters only, and those
    // are read volatile.
    unsafe { call(TAKE_PENDING, 0, register, u64::from(mask)) }
}

/// Sleeps until an interrupt came, unless `counter` differs from `seen` already.
pub(crate) fn halt_until_changed(counter: *const u64, seen: u64) {
    // SAFETY: the stub reads the counter, which is one of the interrupt stubs' own.
    unsafe { call(HALT_UNTIL, counter.addr() as u64, seen, 0) }
}

/// Stops the processor.
pub(crate) fn stop() -> ! {
    // SAFETY: the stub never returns.
    unsafe { call(STOP, 0, 0, 0) }
    unreachable!("the stopped processor ran on")
}

/// Resets the machine by a fault that nothing can handle.
pub(crate) fn triple_fault() -> ! {
    // SAFETY: from here on every exception resets the machine, which is what the caller wants.
    unsafe { call(LOAD_EMPTY_IDT, 0, 0, 0) }
    // SAFETY: an undefined opcode raises an exception.
    unsafe { asm!("ud2", options(noreturn)) }
}
