//! The CPU in 64-bit mode with an identity map, as the kernel's 64-bit entry wants it.

use kvm_bindings::{kvm_dtable, kvm_regs, kvm_segment, kvm_sregs};
use nvme_model::{BadAddress, GuestMemory};

use crate::kvm::Ram;

const GDT: u64 = 0x500;
const PML4: u64 = 0x9000;
const PDPT: u64 = 0xa000;
/// 512 pages of 2 MiB: the first gigabyte, in which kernel, zero page and command line lie.
const PD: u64 = 0xb000;

const PRESENT_WRITABLE: u64 = 0b11;
const HUGE: u64 = 1 << 7;

/// Selectors that the protocol fixes.
// Spec: Linux-boot "64-bit Boot Protocol"
const BOOT_CS: u16 = 0x10;
const BOOT_DS: u16 = 0x18;
/// Flat 64-bit code, flat data.
const DESCRIPTORS: [u64; 4] = [0, 0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff];

/// `PG | ET | PE`, `PAE`, `LMA | LME`.
const CR0: u64 = 0x8000_0011;
const CR4: u64 = 0x20;
const EFER: u64 = 0x500;
/// The bit of RFLAGS that is always one.
const RFLAGS: u64 = 0x2;

/// Writes the descriptor table and the page tables.
pub(super) fn write_tables(ram: &Ram) -> Result<(), BadAddress> {
    let words = |address: u64, words: &[u64]| {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        GuestMemory::write(ram, address, &bytes)
    };
    words(GDT, &DESCRIPTORS)?;
    words(PML4, &[PDPT | PRESENT_WRITABLE])?;
    words(PDPT, &[PD | PRESENT_WRITABLE])?;
    let pages: Vec<u64> = (0..512).map(|page| page << 21 | PRESENT_WRITABLE | HUGE).collect();
    words(PD, &pages)
}

/// The registers at the entry; `rsi` has the zero page.
pub(super) fn registers(entry: u64, zero_page: u64, power_on: kvm_sregs) -> (kvm_regs, kvm_sregs) {
    let regs = kvm_regs { rip: entry, rsi: zero_page, rflags: RFLAGS, ..Default::default() };
    let flat = |selector, type_, is_code: bool| kvm_segment {
        limit: 0xffff_ffff,
        selector,
        type_,
        present: 1,
        db: u8::from(!is_code),
        l: u8::from(is_code),
        s: 1,
        g: 1,
        ..Default::default()
    };
    let data = flat(BOOT_DS, 0x3, false);
    let task = kvm_segment { limit: 0x67, type_: 0xb, present: 1, ..Default::default() };
    let limit = (DESCRIPTORS.len() * 8 - 1) as u16;
    let sregs = kvm_sregs {
        cs: flat(BOOT_CS, 0xb, true),
        ds: data,
        es: data,
        fs: data,
        gs: data,
        ss: data,
        tr: task,
        gdt: kvm_dtable { base: GDT, limit, ..Default::default() },
        cr0: CR0,
        cr3: PML4,
        cr4: CR4,
        efer: EFER,
        ..power_on
    };
    (regs, sregs)
}
