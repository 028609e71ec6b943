//! virtio 1.x devices over PCI, on virtio-queue.
//!
//! What it does not do: no legacy or transitional interface, no packed rings, no event index.
//!
//! Invariant: whatever a guest puts into its rings, a device only reads and writes guest memory and
//! does a bounded amount of work; a ring that makes no sense sets DEVICE_NEEDS_RESET.

pub(crate) mod block;
mod chain;
mod common;
pub(crate) mod console;
mod function;
#[cfg(test)]
mod tests;

use virtio_queue::Queue;

use crate::kvm::Ram;

pub(crate) use function::VirtioFunction;

/// The guest's rings make no sense: the device stops until it is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BrokenRing;

impl From<virtio_queue::Error> for BrokenRing {
    fn from(error: virtio_queue::Error) -> Self {
        log::warn!("broken virtio ring: {error}");
        Self
    }
}

/// What distinguishes one virtio device from another.
pub(crate) trait VirtioDevice {
    /// PCI device id.
    const PCI_DEVICE: u16;
    /// PCI class code.
    const PCI_CLASS: u32;
    /// The most entries of each queue.
    const QUEUE_SIZES: &'static [u16];

    /// The feature bits it offers, besides those of the transport.
    fn features(&self) -> u64;

    /// Its configuration structure.
    fn config(&self) -> Vec<u8>;

    /// The guest writes to the configuration structure.
    fn write_config(&mut self, offset: usize, data: &[u8]) {
        log::debug!("write of {data:02x?} to read-only virtio configuration at {offset:#x}");
    }

    /// Works through what queue number `index` holds. Returns whether anything was used.
    ///
    /// # Errors
    /// [`BrokenRing`].
    fn process(&mut self, index: usize, queue: &mut Queue, ram: &Ram) -> Result<bool, BrokenRing>;

    /// The guest reset the device, or its power was cut.
    fn reset(&mut self) {}
}
