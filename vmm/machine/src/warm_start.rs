//! Where a guest image begins again on a processor that it has set up already.
//!
//! A PVH entry is 32-bit ring 0 code, which some hosts interpret, and a processor in its power-on state takes a dozen calls of
//! the host's kernel to make. An image may name a second entry in an ELF note. A machine that has kept the image, memory and
//! processor of an earlier life may enter there instead, with
//!
//! - the special registers (control, segment and descriptor table registers) of the end of that life;
//! - no translation of an address remembered;
//! - `rdi` the address of the start info, as `ebx` is at the PVH entry; `rsp` holds nothing;
//! - `rflags` with an I/O privilege level of 3: emulators of processors take no I/O bitmap from a task register that is said to be
//!   busy, as each is said to be that was loaded;
//! - all that the image may write to as it was at its first entry.
//!
//! An image that names it promises that its special registers are the same at the end of every life that it means to end,
//! and that it leaves alone what is not put back: model-specific registers, the local APIC while interrupts are only announced,
//! debug registers, the control words of the floating-point units.

/// The name of the ELF note, with its zero byte.
pub const NOTE_NAME: [u8; 8] = *b"swaplab\0";

/// The type of the note. Its value is the address of the entry, `u64`.
pub const NOTE_TYPE: u32 = 1;
