//! A device's registers as its driver sees them.

use hal::Mmio;

use super::calls;
use crate::arch::mmio::Registers;
use crate::console;

/// BAR 0 of a function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bar(Registers);

impl Bar {
    /// The driver's view of `registers`.
    pub(crate) fn new(registers: Registers) -> Self {
        Self(registers)
    }
}

// Everything emitted before an access is shown before the access: the machine stamps and merges it with
// the device's own events in that order.
impl Mmio for Bar {
    fn read32(&self, offset: usize) -> u32 {
        console::publish();
        calls::read32(&self.0, offset)
    }

    fn write32(&self, offset: usize, value: u32) {
        console::publish();
        calls::write32(&self.0, offset, value);
    }
}
