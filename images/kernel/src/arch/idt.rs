//! The interrupt descriptor table and the task state, filled natively: `lidt` only needs their address.
// UNSAFETY: writes tables that the processor reads.
#![expect(unsafe_code, reason = "processor tables")]

use super::interrupt::{DEVICE_VECTOR_BASE, DEVICE_VECTORS, SPURIOUS_VECTOR};

const GATE_WORDS: usize = 2;
const IDT_WORDS: usize = 256 * GATE_WORDS;
const KERNEL_CODE: u64 = 0x08;
/// Interrupt stack table slots.
const IST_NONE: u64 = 0;
const IST_PAGE_FAULT: u64 = 1;
const IST_EXCEPTION: u64 = 2;

const VECTOR_CALL: u64 = 3;
const VECTOR_PAGE_FAULT: u64 = 14;
const EXCEPTIONS: usize = 16;

#[repr(C)]
struct Exception {
    vector: u64,
    entry: u64,
}

unsafe extern "C" {
    static mut idt: [u64; IDT_WORDS];
    static mut tss: [u32; 26];
    static exception_entries: [Exception; EXCEPTIONS];
    static irq_entries: [u64; DEVICE_VECTORS];
    static call_stack_top: u8;
    static page_fault_stack_top: u8;
    static exception_stack_top: u8;
    fn entry_call();
    fn entry_page_fault();
    fn entry_spurious();
}

/// Fills both tables.
pub(super) fn init() {
    // Offsets in dwords: rsp0 at byte 4, ist1 at byte 36, ist2 at byte 44, I/O map base at byte 102.
    set_tss(1, (&raw const call_stack_top).addr() as u32);
    set_tss(9, (&raw const page_fault_stack_top).addr() as u32);
    set_tss(11, (&raw const exception_stack_top).addr() as u32);
    set_tss(25, 104 << 16);

    // SAFETY: a constant table of trap.s of that length.
    let exceptions = unsafe { &exception_entries };
    for exception in exceptions {
        set_gate(exception.vector, exception.entry, IST_EXCEPTION, 0);
    }
    set_gate(VECTOR_PAGE_FAULT, entry_page_fault as *const () as u64, IST_PAGE_FAULT, 0);
    set_gate(VECTOR_CALL, entry_call as *const () as u64, IST_NONE, 3);
    // SAFETY: a constant table of trap.s of that length.
    let interrupts = unsafe { &irq_entries };
    for (vector, entry) in (u64::from(DEVICE_VECTOR_BASE)..).zip(interrupts) {
        set_gate(vector, *entry, IST_NONE, 0);
    }
    set_gate(u64::from(SPURIOUS_VECTOR), entry_spurious as *const () as u64, IST_NONE, 0);
}

fn set_tss(dword: usize, value: u32) {
    let start = (&raw mut tss).cast::<u32>();
    // SAFETY: the task state has 26 dwords, and the constants above are below that.
    let place = unsafe { start.add(dword) };
    // SAFETY: the processor reads the task state at the next exception only.
    unsafe { place.write_volatile(value) };
}

/// An interrupt gate: interrupts stay off in ring 0.
fn set_gate(vector: u64, entry: u64, ist: u64, privilege: u64) {
    let low = entry & 0xffff
        | KERNEL_CODE << 16
        | ist << 32
        | (0x8e | privilege << 5) << 40
        | (entry >> 16 & 0xffff) << 48;
    let index = vector as usize * GATE_WORDS;
    assert!(index < IDT_WORDS, "vector {vector}");
    write_idt(index, low);
    write_idt(index + 1, entry >> 32);
}

fn write_idt(index: usize, word: u64) {
    let start = (&raw mut idt).cast::<u64>();
    // SAFETY: the caller checked the index.
    let place = unsafe { start.add(index) };
    // SAFETY: the processor reads a gate at an exception only, and no exception happens between the
    // two halves.
    unsafe { place.write_volatile(word) };
}
