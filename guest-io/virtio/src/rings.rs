//! The three rings in memory that the device reads and writes.

use hal::{DmaBuf, OutOfMemory, Platform};
use p9_wire::virtio::desc;

use crate::queue::Buffer;

/// Entries of the queue: a descriptor table of one page.
pub(crate) const ENTRIES: u16 = 256;

/// A page each.
#[derive(Debug)]
pub(crate) struct Rings<D> {
    pub(crate) table: D,
    pub(crate) available: D,
    pub(crate) used: D,
}

impl<D: DmaBuf> Rings<D> {
    pub(crate) fn new<P: Platform<Dma = D>>(platform: &P) -> Result<Self, OutOfMemory> {
        let page = || platform.dma_alloc(1);
        Ok(Self { table: page()?, available: page()?, used: page()? })
    }

    /// As a device expects them after a reset.
    pub(crate) fn clear(&self) {
        self.available.write(0, &[0; 4]);
        self.used.write(0, &[0; 4]);
    }

    // Spec: VIRTIO-1.2 2.7.5 "The Virtqueue Descriptor Table"
    pub(crate) fn describe(&self, index: u16, buffer: &Buffer, flags: u16, next: u16) {
        let mut bytes = [0; desc::BYTES];
        bytes[..8].copy_from_slice(&buffer.iova.0.to_le_bytes());
        bytes[8..12].copy_from_slice(&buffer.size_bytes.to_le_bytes());
        bytes[12..14].copy_from_slice(&flags.to_le_bytes());
        bytes[14..].copy_from_slice(&next.to_le_bytes());
        self.table.write(usize::from(index) * desc::BYTES, &bytes);
    }

    /// Puts `head` at place `index` and shows it: the index is written last.
    // Spec: VIRTIO-1.2 2.7.13 "Supplying Buffers to The Device"
    pub(crate) fn publish(&self, index: u16, head: u16) {
        let place = 4 + usize::from(index % ENTRIES) * 2;
        self.available.write(place, &head.to_le_bytes());
        self.available.write(2, &index.wrapping_add(1).to_le_bytes());
    }

    /// How many chains the device says it has used so far; wraps.
    pub(crate) fn used_index(&self) -> u16 {
        (self.used.load_acquire_u32(0) >> 16) as u16
    }

    /// Head and written bytes, as the device says.
    // Spec: VIRTIO-1.2 2.7.8 "The Virtqueue Used Ring"
    pub(crate) fn used_element(&self, index: u16) -> (u32, u32) {
        let mut bytes = [0; 8];
        self.used.read(4 + usize::from(index % ENTRIES) * 8, &mut bytes);
        let [h0, h1, h2, h3, l0, l1, l2, l3] = bytes;
        (u32::from_le_bytes([h0, h1, h2, h3]), u32::from_le_bytes([l0, l1, l2, l3]))
    }
}
