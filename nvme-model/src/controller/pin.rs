//! The interrupt pin, for an owner without message signalled interrupts.
//!
//! A pin is a level and no event: the owner asks for it after every step and every register write. There is
//! no port that tells of its changes. With MSI-X the pin is not used, and neither are INTMS and INTMC. A
//! rule can make it stick.
// Spec: NVMe-PCIe-1.0c 3.5.1.1 "Differences between Pin Based and MSI Interrupts"

use super::Controller;

/// INTMS and INTMC know so many vectors.
const MASKABLE_VECTORS: u16 = 32;

impl Controller {
    /// Whether a vector is masked by INTMS.
    pub(super) fn is_masked(&self, vector: u16) -> bool {
        let mask = self.registers.interrupt_mask;
        vector < MASKABLE_VECTORS && mask.wrapping_shr(vector.into()) & 1 != 0
    }

    /// Whether the interrupt pin is asserted: a completion queue that may interrupt has entries which the
    /// host has not taken, and its vector is not masked. Taking them or masking it takes the level away.
    #[must_use]
    pub fn is_pin_asserted(&self) -> bool {
        let is_heard = |vector: Option<u16>| vector.is_some_and(|vector| !self.is_masked(vector));
        let mut queues = self.queues.cqs.values();
        let is_asserted =
            self.mishaps.is_pin_stuck || queues.any(|cq| cq.has_entries() && is_heard(cq.vector));
        !self.is_removed && is_asserted
    }
}
