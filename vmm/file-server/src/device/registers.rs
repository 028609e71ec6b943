//! The register window, as virtio's MMIO transport lays it out.

use p9_wire::virtio::{DEVICE_ID, MAGIC, MOUNT_TAG, QUEUE_ENTRIES_MAX, feature, reg, status};

use super::queue::Queue;

/// What a register write asks of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Nothing,
    /// The driver wrote 0 to the status.
    Reset,
    /// The driver is ready: the device goes to work.
    Start,
    /// The queue is filled up to this index.
    Notify {
        until: u16,
    },
    /// The queue cannot be what the driver says it is.
    Broken,
}

/// The registers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Registers {
    status: u32,
    accepted: u64,
    device_features_sel: u32,
    driver_features_sel: u32,
    queue_sel: u32,
    pub(super) queue: Queue,
}

impl Registers {
    /// Whether the driver may expect answers.
    pub(super) fn is_running(&self) -> bool {
        self.status & status::DRIVER_OK != 0 && self.status & status::NEEDS_RESET == 0
    }

    /// The device cannot go on until it is reset.
    pub(super) fn set_needs_reset(&mut self) {
        self.status |= status::NEEDS_RESET;
    }

    /// Reads whole words; anything else reads as zeros.
    pub(super) fn read(&self, offset: u64, data: &mut [u8]) {
        data.fill(0);
        let Ok(offset) = usize::try_from(offset) else { return };
        if offset >= reg::CONFIG {
            for (at, byte) in (offset - reg::CONFIG..).zip(data) {
                *byte = config_byte(at);
            }
        } else if let (Some(room), true) = (data.first_chunk_mut(), offset.is_multiple_of(4)) {
            *room = self.word(offset).to_le_bytes();
        }
    }

    fn word(&self, offset: usize) -> u32 {
        let half = |features: u64| match self.device_features_sel {
            0 => features as u32,
            1 => (features >> 32) as u32,
            _ => 0,
        };
        match offset {
            reg::MAGIC_VALUE => MAGIC,
            reg::VERSION => 2,
            reg::DEVICE_ID => DEVICE_ID,
            reg::DEVICE_FEATURES => half(feature::ALL),
            reg::QUEUE_NUM_MAX if self.queue_sel == 0 => u32::from(QUEUE_ENTRIES_MAX),
            reg::QUEUE_READY if self.queue_sel == 0 => u32::from(self.queue.is_ready),
            reg::STATUS => self.status,
            _ => 0,
        }
    }

    /// Writes a word; anything else is ignored.
    pub(super) fn write(&mut self, offset: u64, data: &[u8]) -> Asked {
        let (Ok(offset), Ok(word)) = (usize::try_from(offset), data.try_into()) else {
            return Asked::Nothing;
        };
        let value = u32::from_le_bytes(word);
        match offset {
            reg::DEVICE_FEATURES_SEL => self.device_features_sel = value,
            reg::DRIVER_FEATURES_SEL => self.driver_features_sel = value,
            reg::DRIVER_FEATURES => self.accept(value),
            reg::QUEUE_SEL => self.queue_sel = value,
            reg::STATUS => return self.set_status(value),
            // The upper half is the available index: VIRTIO_F_NOTIFICATION_DATA.
            reg::QUEUE_NOTIFY if value & 0xffff == 0 => {
                let [_, _, low, high] = word;
                return Asked::Notify { until: u16::from_le_bytes([low, high]) };
            }
            _ if self.queue_sel == 0 => return self.write_queue(offset, value),
            _ => {}
        }
        Asked::Nothing
    }

    fn write_queue(&mut self, offset: usize, value: u32) -> Asked {
        let rings = [reg::QUEUE_DESC, reg::QUEUE_DRIVER, reg::QUEUE_DEVICE];
        match offset {
            reg::QUEUE_READY if value == 1 => {
                if !self.queue.is_possible() {
                    return Asked::Broken;
                }
                self.queue.is_ready = true;
            }
            reg::QUEUE_READY => self.queue = Queue::default(),
            // While it is in use nothing else of a queue can be changed.
            _ if self.queue.is_ready => {}
            reg::QUEUE_NUM => self.queue.entries = u16::try_from(value).unwrap_or(0),
            _ => {
                for (base, ring) in rings.into_iter().zip(&mut self.queue.rings) {
                    match offset.wrapping_sub(base) {
                        0 => *ring = *ring & !0xffff_ffff | u64::from(value),
                        4 => *ring = *ring & 0xffff_ffff | u64::from(value) << 32,
                        _ => {}
                    }
                }
            }
        }
        Asked::Nothing
    }

    fn accept(&mut self, bits: u32) {
        // Features are fixed once FEATURES_OK is set.
        if self.status & status::FEATURES_OK != 0 {
            return;
        }
        match self.driver_features_sel {
            0 => self.accepted = self.accepted & !0xffff_ffff | u64::from(bits),
            1 => self.accepted = self.accepted & 0xffff_ffff | u64::from(bits) << 32,
            _ => {}
        }
    }

    // Spec: VIRTIO-1.2 3.1.1 "Driver Requirements: Device Initialization"
    fn set_status(&mut self, value: u32) -> Asked {
        if value == 0 {
            return Asked::Reset;
        }
        let must = feature::VERSION_1 | feature::NOTIFICATION_DATA;
        let is_acceptable = self.accepted & !feature::ALL == 0 && self.accepted & must == must;
        let mut added = value & !self.status & !status::NEEDS_RESET;
        if !is_acceptable {
            added &= !(status::FEATURES_OK | status::DRIVER_OK);
        }
        // A driver clears no bit except by a reset.
        self.status |= added;
        if added & status::DRIVER_OK != 0 { Asked::Start } else { Asked::Nothing }
    }
}

/// `tag_len: u16, tag`.
fn config_byte(at: usize) -> u8 {
    let length = (MOUNT_TAG.len() as u16).to_le_bytes();
    length.iter().chain(MOUNT_TAG.as_bytes()).nth(at).copied().unwrap_or(0)
}
