//! Device registers.

/// A window of device registers (one BAR).
///
/// Offsets are bytes, aligned to the access. A device that is gone reads all ones; a write to it is
/// lost. Neither is an error here: the driver must notice.
pub trait Mmio {
    /// Reads a 32-bit register.
    fn read32(&self, offset: usize) -> u32;

    /// Writes a 32-bit register.
    fn write32(&self, offset: usize, value: u32);

    /// Reads a 64-bit register as two 32-bit accesses, low half first.
    fn read64(&self, offset: usize) -> u64 {
        let low = u64::from(self.read32(offset));
        let high = u64::from(self.read32(offset + 4));
        high << 32 | low
    }

    /// Writes a 64-bit register as two 32-bit accesses, low half first.
    fn write64(&self, offset: usize, value: u64) {
        let [b0, b1, b2, b3, b4, b5, b6, b7] = value.to_le_bytes();
        self.write32(offset, u32::from_le_bytes([b0, b1, b2, b3]));
        self.write32(offset + 4, u32::from_le_bytes([b4, b5, b6, b7]));
    }
}
