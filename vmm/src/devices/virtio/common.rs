//! The common configuration structure: feature negotiation, device status, queue set-up.
//!
//! A guest that breaks the rules of negotiation is answered as the specification says and can always
//! get out by a reset.

use std::ops::Range;

use virtio_bindings::virtio_config::{VIRTIO_F_RING_RESET, VIRTIO_F_VERSION_1};
use virtio_queue::{Queue, QueueT};

use crate::kvm::Ram;

/// Bytes of the structure.
pub(super) const BYTES: u64 = 0x40;

/// A vector register that names no vector.
const NO_VECTOR: u16 = 0xffff;

// Spec: VIRTIO-1.2 2.1 "Device Status Field"
const STATUS_FEATURES_OK: u8 = 8;
pub(super) const STATUS_DRIVER_OK: u8 = 4;
pub(super) const STATUS_NEEDS_RESET: u8 = 64;

/// What the transport itself offers.
const TRANSPORT_FEATURES: u64 = 1 << VIRTIO_F_VERSION_1 | 1 << VIRTIO_F_RING_RESET;

/// Register offsets.
// Spec: VIRTIO-1.2 4.1.4.3 "Common configuration structure layout"
mod reg {
    pub(super) const DEVICE_FEATURE_SELECT: u64 = 0x00;
    pub(super) const DEVICE_FEATURE: usize = 0x04;
    pub(super) const DRIVER_FEATURE_SELECT: u64 = 0x08;
    pub(super) const DRIVER_FEATURE: u64 = 0x0c;
    pub(super) const CONFIG_VECTOR: u64 = 0x10;
    pub(super) const NUM_QUEUES: usize = 0x12;
    pub(super) const DEVICE_STATUS: u64 = 0x14;
    pub(super) const QUEUE_SELECT: u64 = 0x16;
    pub(super) const QUEUE_SIZE: u64 = 0x18;
    pub(super) const QUEUE_VECTOR: u64 = 0x1a;
    pub(super) const QUEUE_ENABLE: u64 = 0x1c;
    pub(super) const QUEUE_NOTIFY_OFF: usize = 0x1e;
    pub(super) const QUEUE_DESC: u64 = 0x20;
    pub(super) const QUEUE_DRIVER: u64 = 0x28;
    pub(super) const QUEUE_DEVICE: u64 = 0x30;
    pub(super) const QUEUE_RESET: u64 = 0x3a;
}

/// What a write to the structure asks of the device beyond its registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Nothing,
    /// The driver wrote 0 to the device status.
    Reset,
    /// A ring cannot be what the driver says it is.
    Broken,
}

/// The structure and what is behind it.
#[derive(Debug)]
pub(super) struct CommonConfig {
    offered: u64,
    accepted: u64,
    device_feature_select: u32,
    driver_feature_select: u32,
    status: u8,
    generation: u8,
    vectors: u16,
    config_vector: u16,
    queue_select: u16,
    pub(super) queues: Vec<Queue>,
    queue_vectors: Vec<u16>,
}

impl CommonConfig {
    /// For a device with `features` and queues of at most these sizes.
    pub(super) fn new(features: u64, queue_sizes: &[u16], vectors: u16) -> Self {
        let new_queue = |size: &u16| Queue::new(*size).expect("a power of two");
        Self {
            offered: features | TRANSPORT_FEATURES,
            accepted: 0,
            device_feature_select: 0,
            driver_feature_select: 0,
            status: 0,
            generation: 0,
            vectors,
            config_vector: NO_VECTOR,
            queue_select: 0,
            queues: queue_sizes.iter().map(new_queue).collect(),
            queue_vectors: vec![NO_VECTOR; queue_sizes.len()],
        }
    }

    /// Whether the driver may expect the device to work.
    pub(super) fn is_running(&self) -> bool {
        self.status & STATUS_DRIVER_OK != 0 && self.status & STATUS_NEEDS_RESET == 0
    }

    /// The device cannot go on; false if it said so before.
    pub(super) fn set_needs_reset(&mut self) -> bool {
        let is_new = self.status & STATUS_NEEDS_RESET == 0;
        self.status |= STATUS_NEEDS_RESET;
        is_new
    }

    /// The MSI-X vector of configuration changes.
    pub(super) fn config_vector(&self) -> Option<u16> {
        Some(self.config_vector).filter(|vector| *vector != NO_VECTOR)
    }

    /// The MSI-X vector of a queue.
    pub(super) fn queue_vector(&self, index: usize) -> Option<u16> {
        self.queue_vectors.get(index).copied().filter(|vector| *vector != NO_VECTOR)
    }

    /// Back to power-on.
    pub(super) fn reset(&mut self) {
        self.accepted = 0;
        self.device_feature_select = 0;
        self.driver_feature_select = 0;
        self.status = 0;
        self.config_vector = NO_VECTOR;
        self.queue_select = 0;
        self.queues.iter_mut().for_each(QueueT::reset);
        self.queue_vectors.fill(NO_VECTOR);
    }

    /// Reads; any width and alignment.
    pub(super) fn read(&self, offset: u64, data: &mut [u8]) {
        let image = self.image();
        for (at, byte) in (offset..).zip(data) {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            *byte = image.get(at).copied().unwrap_or(0);
        }
    }

    /// The structure as bytes.
    fn image(&self) -> [u8; BYTES as usize] {
        let mut image = [0; BYTES as usize];
        let mut put = |offset: usize, bytes: &[u8]| {
            image[offset..offset + bytes.len()].copy_from_slice(bytes);
        };
        put(0x00, &self.device_feature_select.to_le_bytes());
        let offered = window(self.offered, self.device_feature_select);
        put(reg::DEVICE_FEATURE, &offered.to_le_bytes());
        put(0x08, &self.driver_feature_select.to_le_bytes());
        let accepted = window(self.accepted, self.driver_feature_select);
        put(0x0c, &accepted.to_le_bytes());
        put(0x10, &self.config_vector.to_le_bytes());
        put(reg::NUM_QUEUES, &(self.queues.len() as u16).to_le_bytes());
        put(0x14, &[self.status, self.generation]);
        put(0x16, &self.queue_select.to_le_bytes());
        let index = usize::from(self.queue_select);
        // A queue that does not exist has size 0; so has everything else of it.
        if let (Some(queue), Some(vector)) = (self.queues.get(index), self.queue_vectors.get(index))
        {
            put(0x18, &queue.size().to_le_bytes());
            put(0x1a, &vector.to_le_bytes());
            put(0x1c, &u16::from(queue.ready()).to_le_bytes());
            put(reg::QUEUE_NOTIFY_OFF, &self.queue_select.to_le_bytes());
            put(0x20, &queue.desc_table().to_le_bytes());
            put(0x28, &queue.avail_ring().to_le_bytes());
            put(0x30, &queue.used_ring().to_le_bytes());
        }
        image
    }

    /// Writes a register in its own width (64-bit registers also by halves); anything else is ignored.
    pub(super) fn write(&mut self, offset: u64, data: &[u8], ram: &Ram) -> Asked {
        let value = data.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        let (word, half) = (value as u32, value as u16);
        match (offset, data.len()) {
            (reg::DEVICE_FEATURE_SELECT, 4) => self.device_feature_select = word,
            (reg::DRIVER_FEATURE_SELECT, 4) => self.driver_feature_select = word,
            (reg::DRIVER_FEATURE, 4) => self.accept(word),
            (reg::CONFIG_VECTOR, 2) => self.config_vector = self.checked_vector(half),
            (reg::DEVICE_STATUS, 1) => return self.set_status(half.to_le_bytes()[0]),
            (reg::QUEUE_SELECT, 2) => self.queue_select = half,
            (reg::QUEUE_VECTOR, 2) => {
                let vector = self.checked_vector(half);
                if let Some(register) = self.queue_vectors.get_mut(usize::from(self.queue_select)) {
                    *register = vector;
                }
            }
            (reg::QUEUE_SIZE..BYTES, _) => return self.write_queue(offset, data.len(), value, ram),
            _ => log::debug!("write of {data:02x?} to virtio common configuration {offset:#x}"),
        }
        Asked::Nothing
    }

    fn write_queue(&mut self, offset: u64, size: usize, value: u64, ram: &Ram) -> Asked {
        let Some(queue) = self.queues.get_mut(usize::from(self.queue_select)) else {
            return Asked::Nothing;
        };
        let half = value as u16;
        match (offset, size) {
            (reg::QUEUE_RESET, 2) if half == 1 => queue.reset(),
            // While it is enabled nothing else of a queue can be changed.
            _ if queue.ready() => {}
            // A size that is no power of two or too large is kept out by the setter.
            (reg::QUEUE_SIZE, 2) => queue.set_size(half),
            (reg::QUEUE_ENABLE, 2) if half == 1 => {
                queue.set_ready(true);
                if !queue.is_valid(ram.memory()) {
                    queue.set_ready(false);
                    return Asked::Broken;
                }
            }
            (reg::QUEUE_DESC..reg::QUEUE_RESET, 4 | 8) => set_address(queue, offset, size, value),
            _ => {}
        }
        Asked::Nothing
    }

    fn accept(&mut self, bits: u32) {
        // Features are fixed once FEATURES_OK is set.
        if self.status & STATUS_FEATURES_OK != 0 {
            return;
        }
        match self.driver_feature_select {
            0 => self.accepted = self.accepted & !0xffff_ffff | u64::from(bits),
            1 => self.accepted = self.accepted & 0xffff_ffff | u64::from(bits) << 32,
            _ => {}
        }
    }

    fn checked_vector(&self, vector: u16) -> u16 {
        if vector < self.vectors { vector } else { NO_VECTOR }
    }

    // Spec: VIRTIO-1.2 3.1.1 "Driver Requirements: Device Initialization"
    fn set_status(&mut self, status: u8) -> Asked {
        if status == 0 {
            return Asked::Reset;
        }
        let is_acceptable =
            self.accepted & !self.offered == 0 && self.accepted & 1 << VIRTIO_F_VERSION_1 != 0;
        let mut added = status & !self.status & !STATUS_NEEDS_RESET;
        if added & STATUS_FEATURES_OK != 0 && !is_acceptable {
            added &= !STATUS_FEATURES_OK;
        }
        // A driver clears no bit except by a reset.
        self.status |= added;
        Asked::Nothing
    }
}

/// The 32 bits number `select` of a feature word.
fn window(features: u64, select: u32) -> u32 {
    match select {
        0 => features as u32,
        1 => (features >> 32) as u32,
        _ => 0,
    }
}

/// Writes one of the three ring addresses, whole or by halves.
fn set_address(queue: &mut Queue, offset: u64, size: usize, value: u64) {
    let is_high = offset % 8 == 4;
    let (low, high) = match (size, is_high) {
        (8, false) => (Some(value as u32), Some((value >> 32) as u32)),
        (4, false) => (Some(value as u32), None),
        (4, true) => (None, Some(value as u32)),
        _ => return,
    };
    let register = |base: u64| -> Range<u64> { base..base + 8 };
    if register(reg::QUEUE_DESC).contains(&offset) {
        queue.set_desc_table_address(low, high);
    } else if register(reg::QUEUE_DRIVER).contains(&offset) {
        queue.set_avail_ring_address(low, high);
    } else if register(reg::QUEUE_DEVICE).contains(&offset) {
        queue.set_used_ring_address(low, high);
    }
}
