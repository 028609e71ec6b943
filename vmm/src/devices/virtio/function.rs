//! A virtio device as a PCI function: where its structures lie, notifications, interrupts.

use std::sync::Arc;

use machine::pci_ids;
use virtio_queue::QueueT;

use super::common::{self, Asked, CommonConfig};
use super::{BrokenRing, VirtioDevice};
use crate::kvm::Ram;
use crate::pci::{Bar, ConfigSpace, Function, Identity, Line, MsiSink, Msix};

const BAR: u8 = 0;
const BAR_BYTES: u64 = 0x4000;
const MSIX_BAR: u8 = 4;

// Where the structures lie in the BAR.
const COMMON: u64 = 0x0000;
const ISR: u64 = 0x1000;
const DEVICE: u64 = 0x2000;
const NOTIFY: u64 = 0x3000;
const STRUCTURE_BYTES: u64 = 0x1000;

/// Bytes between the notification addresses of two queues.
const NOTIFY_MULTIPLIER: u32 = 4;

// Spec: VIRTIO-1.2 4.1.4 "Virtio Structure PCI Capabilities"
const CAPABILITY_VENDOR: u8 = 0x09;
const TYPE_COMMON: u8 = 1;
const TYPE_NOTIFY: u8 = 2;
const TYPE_ISR: u8 = 3;
const TYPE_DEVICE: u8 = 4;
const TYPE_PCI_CFG: u8 = 5;

// Spec: VIRTIO-1.2 4.1.4.5 "ISR status capability"
const ISR_QUEUE: u8 = 1;
const ISR_CONFIG: u8 = 2;

/// A virtio device on the bus.
#[derive(Debug)]
pub(crate) struct VirtioFunction<D> {
    config: ConfigSpace,
    msix: Msix,
    common: CommonConfig,
    isr: u8,
    /// Offset of the window into the BAR that configuration space has.
    window: usize,
    device: D,
    ram: Ram,
}

impl<D: VirtioDevice> VirtioFunction<D> {
    /// Interrupt lines that it takes: one a queue, one for configuration changes.
    pub(crate) const LINES: u16 = D::QUEUE_SIZES.len() as u16 + 1;

    pub(crate) fn new(device: D, ram: &Ram, first_line: Line, sink: Arc<dyn MsiSink>) -> Self {
        let mut config = ConfigSpace::new(Identity {
            vendor: pci_ids::VENDOR_VIRTIO,
            device: D::PCI_DEVICE,
            subsystem: 0x40,
            class: D::PCI_CLASS,
            revision: 1,
        });
        config.add_bar(Bar { index: BAR, size_bytes: BAR_BYTES, is_64_bit: false });
        add_structure(&mut config, TYPE_COMMON, COMMON, common::BYTES as u32, &[]);
        let multiplier = NOTIFY_MULTIPLIER.to_le_bytes();
        add_structure(&mut config, TYPE_NOTIFY, NOTIFY, STRUCTURE_BYTES as u32, &multiplier);
        add_structure(&mut config, TYPE_ISR, ISR, 1, &[]);
        let device_bytes = device.config().len() as u32;
        add_structure(&mut config, TYPE_DEVICE, DEVICE, device_bytes, &[]);
        let window = add_structure(&mut config, TYPE_PCI_CFG, 0, 0, &[0; 4]);
        let msix = Msix::new(&mut config, MSIX_BAR, Self::LINES, first_line, sink);
        let common = CommonConfig::new(device.features(), D::QUEUE_SIZES, Self::LINES);
        Self { config, msix, common, isr: 0, window, device, ram: ram.clone() }
    }

    /// The device behind the transport.
    pub(crate) fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// Whether the guest has a driver for it that is at work.
    pub(crate) fn is_running(&self) -> bool {
        self.common.is_running()
    }

    /// Works through queue `index` as far as the guest has filled it.
    pub(crate) fn process(&mut self, index: usize) {
        let Some(queue) = self.common.queues.get(index) else {
            return;
        };
        if !self.common.is_running() || !queue.ready() || !self.config.is_bus_master() {
            return;
        }
        match self.process_queue(index) {
            Ok(()) => {}
            Err(BrokenRing) => self.stop(),
        }
    }

    fn process_queue(&mut self, index: usize) -> Result<(), BrokenRing> {
        let queue = &mut self.common.queues[index];
        if self.device.process(index, queue, &self.ram)? && wants_interrupt(queue, &self.ram) {
            self.isr |= ISR_QUEUE;
            if let Some(vector) = self.common.queue_vector(index) {
                self.msix.signal(vector);
            }
        }
        Ok(())
    }

    /// The guest's rings make no sense: stop until it resets the device.
    fn stop(&mut self) {
        if self.common.set_needs_reset() {
            self.isr |= ISR_CONFIG;
            if let Some(vector) = self.common.config_vector() {
                self.msix.signal(vector);
            }
        }
    }

    fn reset_device(&mut self) {
        self.common.reset();
        self.isr = 0;
        self.device.reset();
    }

    /// The access that configuration space's window stands for at the moment: offset and size.
    // Spec: VIRTIO-1.2 4.1.4.9 "PCI configuration access capability"
    fn window_access(&self, offset: usize, size: usize) -> Option<(u64, usize)> {
        if offset != self.window + 16 {
            return None;
        }
        let mut fields = [0; 16];
        self.config.read(self.window, &mut fields);
        let word = |at: usize| {
            u32::from_le_bytes([fields[at], fields[at + 1], fields[at + 2], fields[at + 3]])
        };
        let (at, length) = (u64::from(word(8)), word(12));
        let is_possible = matches!(length, 1 | 2 | 4)
            && size >= length as usize
            && at % u64::from(length) == 0
            && at + u64::from(length) <= BAR_BYTES;
        (fields[4] == BAR && is_possible).then_some((at, length as usize))
    }
}

/// Adds a vendor capability that names a structure; returns its offset.
fn add_structure(
    config: &mut ConfigSpace,
    kind: u8,
    offset: u64,
    size_bytes: u32,
    extra: &[u8],
) -> usize {
    let mut body = vec![16 + extra.len() as u8, kind, BAR, 0, 0, 0];
    body.extend((offset as u32).to_le_bytes());
    body.extend(size_bytes.to_le_bytes());
    body.extend(extra);
    let mut writable = vec![0; body.len()];
    if kind == TYPE_PCI_CFG {
        // BAR number, then offset, length and data.
        writable[2] = 0xff;
        writable[6..].fill(0xff);
    }
    config.add_capability(CAPABILITY_VENDOR, &body, &writable)
}

/// Whether the driver asked not to be interrupted (VIRTQ_AVAIL_F_NO_INTERRUPT).
fn wants_interrupt(queue: &virtio_queue::Queue, ram: &Ram) -> bool {
    let mut flags = [0; 2];
    let read = nvme_model::GuestMemory::read(ram, queue.avail_ring(), &mut flags);
    read.is_ok() && flags[0] & 1 == 0
}

impl<D: VirtioDevice> Function for VirtioFunction<D> {
    fn config(&self) -> &ConfigSpace {
        &self.config
    }

    fn config_mut(&mut self) -> &mut ConfigSpace {
        &mut self.config
    }

    fn config_changed(&mut self) {
        self.msix.config_changed(&self.config);
    }

    fn config_read(&mut self, offset: usize, data: &mut [u8]) {
        if let Some((at, size)) = self.window_access(offset, data.len()) {
            let mut bytes = [0; 4];
            self.bar_read(BAR, at, &mut bytes[..size]);
            self.config.write(offset, &bytes[..size]);
        }
        self.config.read(offset, data);
    }

    fn config_write(&mut self, offset: usize, data: &[u8]) {
        self.config.write(offset, data);
        self.config_changed();
        if let Some((at, size)) = self.window_access(offset, data.len()) {
            self.bar_write(BAR, at, &data[..size]);
        }
    }

    fn bar_read(&mut self, bar: u8, offset: u64, data: &mut [u8]) {
        if bar == MSIX_BAR {
            return self.msix.bar_read(offset, data);
        }
        data.fill(0);
        match offset {
            ISR => {
                if let Some(first) = data.first_mut() {
                    *first = std::mem::take(&mut self.isr);
                }
            }
            DEVICE..NOTIFY => {
                let config = self.device.config();
                for (at, byte) in (offset - DEVICE..).zip(data) {
                    let at = usize::try_from(at).unwrap_or(usize::MAX);
                    *byte = config.get(at).copied().unwrap_or(0);
                }
            }
            COMMON..ISR => self.common.read(offset, data),
            _ => {}
        }
    }

    fn bar_write(&mut self, bar: u8, offset: u64, data: &[u8]) {
        if bar == MSIX_BAR {
            return self.msix.bar_write(offset, data);
        }
        match offset {
            COMMON..ISR => match self.common.write(offset, data, &self.ram) {
                Asked::Nothing => {}
                Asked::Reset => self.reset_device(),
                Asked::Broken => self.stop(),
            },
            DEVICE..NOTIFY => self.device.write_config((offset - DEVICE) as usize, data),
            NOTIFY..BAR_BYTES => {
                let index = (offset - NOTIFY) / u64::from(NOTIFY_MULTIPLIER);
                self.process(usize::try_from(index).unwrap_or(usize::MAX));
            }
            _ => {}
        }
    }

    fn reset(&mut self) {
        self.config.reset();
        self.msix.reset();
        self.reset_device();
    }
}
