//! The CPU's registers at an entry of a PVH image.

use kvm_bindings::{kvm_regs, kvm_segment, kvm_sregs};

/// `CR0.PE | CR0.ET`.
const CR0: u64 = 0x11;
/// The bit of RFLAGS that is always one.
const RFLAGS: u64 = 0x2;

/// 32-bit protected mode without paging, flat segments, `ebx` = address of the start info.
// Spec: PVH "CPU state at entry"
pub(super) fn pvh(entry: u64, start_info: u64, power_on: kvm_sregs) -> (kvm_regs, kvm_sregs) {
    let regs = kvm_regs { rip: entry, rbx: start_info, rflags: RFLAGS, ..Default::default() };
    let flat = |selector, type_| kvm_segment {
        base: 0,
        limit: 0xffff_ffff,
        selector,
        type_,
        present: 1,
        db: 1,
        s: 1,
        g: 1,
        ..Default::default()
    };
    let code = flat(0x08, 0xb);
    let data = flat(0x10, 0x3);
    let task =
        kvm_segment { base: 0, limit: 0x67, type_: 0xb, present: 1, s: 0, ..Default::default() };
    let sregs = kvm_sregs {
        cs: code,
        ds: data,
        es: data,
        fs: data,
        gs: data,
        ss: data,
        tr: task,
        cr0: CR0,
        cr3: 0,
        cr4: 0,
        efer: 0,
        ..power_on
    };
    (regs, sregs)
}

/// Every ring may use ports.
const RFLAGS_IOPL: u64 = 3 << 12;

/// Those that are not special at the entry of `machine::warm_start`.
pub(super) fn warm(entry: u64, start_info: u64) -> kvm_regs {
    let rflags = RFLAGS | RFLAGS_IOPL;
    kvm_regs { rip: entry, rdi: start_info, rflags, ..Default::default() }
}
