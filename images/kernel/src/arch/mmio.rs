//! Device registers in the uncached part of the identity map.
// UNSAFETY: a register access is a volatile access to an address that Rust knows nothing of.
#![expect(unsafe_code, reason = "device registers")]

use core::arch::asm;

use machine::layout::PCI_WINDOW_BASE;

/// Devices end here: the identity map covers 4 GiB.
pub(crate) const DEVICE_MEMORY_END: u64 = 1 << 32;

/// Whether the range lies in the uncached part of the identity map, where no RAM is.
pub(crate) fn is_device_memory(address: u64, size_bytes: usize) -> bool {
    address >= PCI_WINDOW_BASE
        && address.checked_add(size_bytes as u64).is_some_and(|end| end <= DEVICE_MEMORY_END)
}

/// A range of registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registers {
    base: u64,
    size_bytes: usize,
}

impl Registers {
    /// The registers at a physical address.
    ///
    /// # Panics
    /// If the range is not device memory.
    pub(crate) fn new(base: u64, size_bytes: usize) -> Self {
        assert!(is_device_memory(base, size_bytes), "registers at {base:#x}+{size_bytes:#x}");
        Self { base, size_bytes }
    }

    /// Where they begin.
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// Reads 32 bits.
    pub(crate) fn read32(&self, offset: usize) -> u32 {
        let address = self.address(offset, 4);
        let value: u32;
        // SAFETY: the address lies in device memory, which holds no Rust object. The plain `mov` is
        // what a host that decodes the instruction surely knows; not `nomem`, so that no access to
        // memory shared with the device moves across.
        unsafe {
            asm!("mov {:e}, [{}]", out(reg) value, in(reg) address, options(nostack, preserves_flags));
        }
        value
    }

    /// Writes 32 bits.
    pub(crate) fn write32(&self, offset: usize, value: u32) {
        let address = self.address(offset, 4);
        // SAFETY: as in `read32`.
        unsafe {
            asm!("mov [{}], {:e}", in(reg) address, in(reg) value, options(nostack, preserves_flags));
        }
    }

    /// Reads 64 bits in one access.
    pub(crate) fn read64_at_once(&self, offset: usize) -> u64 {
        let address = self.address(offset, 8);
        let value: u64;
        // SAFETY: as in `read32`.
        unsafe {
            asm!("mov {}, [{}]", out(reg) value, in(reg) address, options(nostack, preserves_flags));
        }
        value
    }

    /// Writes 64 bits in one access.
    pub(crate) fn write64_at_once(&self, offset: usize, value: u64) {
        let address = self.address(offset, 8);
        // SAFETY: as in `read32`.
        unsafe {
            asm!("mov [{}], {}", in(reg) address, in(reg) value, options(nostack, preserves_flags));
        }
    }

    fn address(&self, offset: usize, width_bytes: usize) -> u64 {
        let fits = offset.checked_add(width_bytes).is_some_and(|end| end <= self.size_bytes);
        assert!(fits, "register {offset:#x} of {:#x} bytes", self.size_bytes);
        self.base + offset as u64
    }
}
