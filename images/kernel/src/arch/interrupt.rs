//! Device interrupts: counters, and the local APIC.
//!
//! In ring 3 interrupts are always off. They are let in by [`take_pending`] and
//! [`halt_until_changed`] only, so a counter changes nowhere else and no wake-up is lost.
// UNSAFETY: reads the counters that the stubs of trap.s write.
#![expect(unsafe_code, reason = "counters shared with assembly")]

use machine::layout::LAPIC_BASE;

use super::call::{halt_until_changed, take_pending};
use super::mmio::Registers;
use super::port;

/// The first vector with a counter.
pub(crate) const DEVICE_VECTOR_BASE: u8 = 0x30;
/// Vectors with a counter.
pub(crate) const DEVICE_VECTORS: usize = 16;
/// Where the local APIC sends what it cannot deliver.
pub(crate) const SPURIOUS_VECTOR: u8 = 0xff;

const LAPIC_SPURIOUS: usize = 0xf0;
const LAPIC_SOFTWARE_ENABLE: u32 = 0x100;
/// The first of eight registers of 32 vectors each: delivered to the APIC, not yet to the processor.
const LAPIC_REQUEST: u64 = 0x200;
const LAPIC_COMMAND: usize = 0x300;
const COMMAND_TO_SELF: u32 = 1 << 18 | 1 << 14;

unsafe extern "C" {
    static irq_counts: [u64; DEVICE_VECTORS];
}

/// A vector with a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vector(u8);

impl Vector {
    /// The `index`-th device vector.
    ///
    /// # Panics
    /// If there are not so many.
    pub(crate) fn device(index: usize) -> Self {
        assert!(index < DEVICE_VECTORS, "device vector {index} of {DEVICE_VECTORS}");
        Self(DEVICE_VECTOR_BASE + index as u8)
    }

    /// Its number in the interrupt descriptor table and in MSI data.
    pub(crate) fn number(self) -> u8 {
        self.0
    }

    /// Its place among the device vectors.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0 - DEVICE_VECTOR_BASE)
    }

    fn counter(self) -> *const u64 {
        let index = self.index();
        // SAFETY: every vector has a counter.
        unsafe { (&raw const irq_counts).cast::<u64>().add(index) }
    }

    /// Interrupts taken on it since boot.
    pub(crate) fn taken_count(self) -> u64 {
        // SAFETY: an aligned word that assembly writes, on this processor, inside trap calls only.
        unsafe { self.counter().read_volatile() }
    }

    /// Takes what is pending on this vector, until it was taken more often than `seen`. `false` if it
    /// was not after `looks_max` looks.
    pub(crate) fn take_after(self, seen: u64, looks_max: u32) -> bool {
        let register = LAPIC_BASE + LAPIC_REQUEST + u64::from(self.0 / 32) * 16;
        let mask = 1 << (self.0 % 32);
        for _ in 0..looks_max {
            take_pending(register, mask);
            if self.taken_count() != seen {
                return true;
            }
        }
        false
    }

    /// Sleeps until this vector was taken more often than `seen`. For ever, if nobody raises it.
    pub(crate) fn halt_after(self, seen: u64) {
        while self.taken_count() == seen {
            halt_until_changed(self.counter(), seen);
        }
    }

    /// Raises it on this processor.
    pub(crate) fn raise(self) {
        lapic().write32(LAPIC_COMMAND, COMMAND_TO_SELF | u32::from(self.0));
    }
}

/// Switches the local APIC on.
pub(crate) fn enable_lapic() {
    lapic().write32(LAPIC_SPURIOUS, LAPIC_SOFTWARE_ENABLE | u32::from(SPURIOUS_VECTOR));
}

/// Masks the legacy interrupt controllers, which firmware may have left open.
pub(crate) fn mask_legacy() {
    for data_port in [0x21, 0xa1] {
        port::write8(data_port, 0xff);
    }
}

fn lapic() -> Registers {
    Registers::new(LAPIC_BASE, 0x1000)
}
