//! A virtio driver in miniature.

use std::sync::{Arc, Mutex};

use nvme_model::GuestMemory;

use crate::devices::virtio::{VirtioDevice, VirtioFunction};
use crate::kvm::Ram;
use crate::pci::config_space::{COMMAND_BUS_MASTER, COMMAND_MEMORY, reg};
use crate::pci::{Function, Line, MsiMessage, MsiSink};

pub(super) const RAM_BYTES: usize = 1 << 20;

// Where the driver keeps its things. Each queue has its own rings.
pub(super) const RINGS: u64 = 0x1_0000;
pub(super) const RING_STRIDE: u64 = 0x3000;
pub(super) const BUFFERS: u64 = 0x4_0000;
pub(super) const QUEUE_SIZE: u16 = 8;

// The bar's structures, as the capabilities name them.
pub(super) const COMMON: u64 = 0;
pub(super) const ISR: u64 = 0x1000;
pub(super) const DEVICE: u64 = 0x2000;
pub(super) const NOTIFY: u64 = 0x3000;

pub(super) const DESC_NEXT: u16 = 1;
pub(super) const DESC_WRITE: u16 = 2;

#[derive(Debug, Default)]
struct Sent(Mutex<Vec<u32>>);

impl MsiSink for Sent {
    fn send(&self, line: Line, _message: MsiMessage) {
        self.0.lock().expect("not poisoned").push(line.0);
    }
}

pub(super) struct Driver<D> {
    pub(super) function: VirtioFunction<D>,
    ram: Ram,
    sent: Arc<Sent>,
    avail: u16,
}

impl<D: VirtioDevice> Driver<D> {
    pub(super) fn new(device: D) -> Self {
        let ram = Ram::new(RAM_BYTES).expect("memory");
        let sent = Arc::new(Sent::default());
        let sink: Arc<dyn MsiSink> = Arc::clone(&sent) as _;
        let mut function = VirtioFunction::new(device, &ram, Line(10), sink);
        let command = COMMAND_MEMORY | COMMAND_BUS_MASTER;
        function.config_write(reg::COMMAND, &command.to_le_bytes());
        Self { function, ram, sent, avail: 0 }
    }

    /// A device whose queues all work and whose vectors are its queues' numbers.
    pub(super) fn running(device: D) -> Self {
        let mut driver = Self::new(device);
        driver.negotiate();
        for queue in 0..D::QUEUE_SIZES.len() as u16 {
            driver.set_up_queue(queue);
            driver.unmask(queue);
        }
        driver.enable_msix();
        driver.write(COMMON + 0x14, &[15]);
        assert_eq!(driver.status(), 15);
        driver
    }

    pub(super) fn negotiate(&mut self) {
        self.write(COMMON + 0x14, &[1]);
        self.write(COMMON + 0x14, &[3]);
        self.write(COMMON + 0x08, &1_u32.to_le_bytes());
        self.write(COMMON + 0x0c, &1_u32.to_le_bytes());
        self.write(COMMON + 0x14, &[11]);
    }

    pub(super) fn set_up_queue(&mut self, queue: u16) {
        let rings = RINGS + u64::from(queue) * RING_STRIDE;
        self.write(COMMON + 0x16, &queue.to_le_bytes());
        self.write(COMMON + 0x18, &QUEUE_SIZE.to_le_bytes());
        self.write(COMMON + 0x1a, &queue.to_le_bytes());
        for (offset, address) in [(0x20, rings), (0x28, rings + 0x1000), (0x30, rings + 0x2000)] {
            self.write(COMMON + offset, &(address as u32).to_le_bytes());
            self.write(COMMON + offset + 4, &[0; 4]);
        }
        self.write(COMMON + 0x1c, &[1, 0]);
    }

    pub(super) fn unmask(&mut self, vector: u16) {
        self.function.bar_write(4, u64::from(vector) * 16 + 12, &[0; 4]);
    }

    pub(super) fn enable_msix(&mut self) {
        let mut at = 0x40;
        let mut header = [0; 2];
        loop {
            self.function.config_read(at, &mut header);
            match header {
                [0x11, _] => break,
                [_, next] => at = usize::from(next),
            }
        }
        self.function.config_write(at + 2, &0x8000_u16.to_le_bytes());
    }

    pub(super) fn write(&mut self, offset: u64, data: &[u8]) {
        self.function.bar_write(0, offset, data);
    }

    pub(super) fn read<const N: usize>(&mut self, offset: u64) -> [u8; N] {
        let mut data = [0; N];
        self.function.bar_read(0, offset, &mut data);
        data
    }

    pub(super) fn status(&mut self) -> u8 {
        self.read::<1>(COMMON + 0x14)[0]
    }

    pub(super) fn store(&self, address: u64, bytes: &[u8]) {
        GuestMemory::write(&self.ram, address, bytes).expect("memory");
    }

    pub(super) fn load<const N: usize>(&self, address: u64) -> [u8; N] {
        let mut bytes = [0; N];
        GuestMemory::read(&self.ram, address, &mut bytes).expect("memory");
        bytes
    }

    /// Makes one chain of buffers available: address, size, whether the device writes.
    pub(super) fn offer(&mut self, queue: u16, buffers: &[(u64, u32, bool)]) {
        let rings = RINGS + u64::from(queue) * RING_STRIDE;
        for (index, (address, size, is_write)) in (0_u16..).zip(buffers) {
            let is_last = usize::from(index) + 1 == buffers.len();
            let flags = (u16::from(!is_last) * DESC_NEXT) | (u16::from(*is_write) * DESC_WRITE);
            let mut descriptor = address.to_le_bytes().to_vec();
            descriptor.extend(size.to_le_bytes());
            descriptor.extend(flags.to_le_bytes());
            descriptor.extend((index + 1).to_le_bytes());
            self.store(rings + u64::from(index) * 16, &descriptor);
        }
        let slot = u64::from(self.avail % QUEUE_SIZE);
        self.store(rings + 0x1004 + slot * 2, &[0, 0]);
        self.avail = self.avail.wrapping_add(1);
        self.store(rings + 0x1002, &self.avail.to_le_bytes());
    }

    pub(super) fn notify(&mut self, queue: u16) {
        self.write(NOTIFY + u64::from(queue) * 4, &queue.to_le_bytes());
    }

    /// How many chains the device has given back, and how much it wrote to the last one.
    pub(super) fn used(&self, queue: u16) -> (u16, u32) {
        let ring = RINGS + u64::from(queue) * RING_STRIDE + 0x2000;
        let count = u16::from_le_bytes(self.load(ring + 2));
        let slot = u64::from(count.wrapping_sub(1) % QUEUE_SIZE);
        (count, u32::from_le_bytes(self.load(ring + 4 + slot * 8 + 4)))
    }

    pub(super) fn sent(&self) -> Vec<u32> {
        std::mem::take(&mut *self.sent.0.lock().expect("not poisoned"))
    }
}
