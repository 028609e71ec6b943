//! The processor: everything that needs assembly, ports, page tables or exceptions.
//!
//! All Rust runs in ring 3. Ring 0 is the assembly of `boot.s` and `trap.s`: it enters long mode once
//! and answers exceptions, interrupts and the calls of [`call`].
// UNSAFETY: the assembly files are linked in here.
#![expect(unsafe_code, reason = "linking assembly is an unsafe act")]

pub(crate) mod boot;
pub(crate) mod call;
pub(crate) mod clock;
pub(crate) mod fault;
mod idt;
pub(crate) mod interrupt;
pub(crate) mod mmio;
pub(crate) mod port;
pub(crate) mod single;
pub(crate) mod stray;
pub(crate) mod task;
mod walk;
pub(crate) mod window;

core::arch::global_asm!(include_str!("boot.s"), options(att_syntax));
core::arch::global_asm!(include_str!("trap.s"), options(att_syntax));
core::arch::global_asm!(include_str!("probe.s"), options(att_syntax));
core::arch::global_asm!(include_str!("memory.s"), options(att_syntax));

unsafe extern "C" {
    /// The first byte after the kernel image (link.ld).
    static kernel_end: u8;
}

/// The address of the first byte after the kernel image.
pub(crate) fn kernel_end_address() -> u64 {
    (&raw const kernel_end).addr() as u64
}
