//! A driver in miniature against the devices, and hostile drivers.

use std::sync::{Arc, Mutex};

use nvme_model::GuestMemory;
use proptest::prelude::*;

use super::block::{Block, ControlDisk};
use super::common::STATUS_NEEDS_RESET;
use super::console::{Console, RECEIVE, TRANSMIT};
use super::*;
use crate::pci::config_space::{COMMAND_BUS_MASTER, COMMAND_MEMORY, reg};
use crate::pci::{Function, Line, MsiMessage, MsiSink};

const RAM_BYTES: usize = 1 << 20;

// Where the driver keeps its things. Each queue has its own rings.
const RINGS: u64 = 0x1_0000;
const RING_STRIDE: u64 = 0x3000;
const BUFFERS: u64 = 0x4_0000;
const QUEUE_SIZE: u16 = 8;

// The bar's structures, as the capabilities name them.
const COMMON: u64 = 0;
const ISR: u64 = 0x1000;
const DEVICE: u64 = 0x2000;
const NOTIFY: u64 = 0x3000;

const DESC_NEXT: u16 = 1;
const DESC_WRITE: u16 = 2;

#[derive(Debug, Default)]
struct Sent(Mutex<Vec<u32>>);

impl MsiSink for Sent {
    fn send(&self, line: Line, _message: MsiMessage) {
        self.0.lock().expect("not poisoned").push(line.0);
    }
}

struct Driver<D> {
    function: VirtioFunction<D>,
    ram: Ram,
    sent: Arc<Sent>,
    avail: u16,
}

impl<D: VirtioDevice> Driver<D> {
    fn new(device: D) -> Self {
        let ram = Ram::new(RAM_BYTES).expect("memory");
        let sent = Arc::new(Sent::default());
        let sink: Arc<dyn MsiSink> = Arc::clone(&sent) as _;
        let mut function = VirtioFunction::new(device, &ram, Line(10), sink);
        let command = COMMAND_MEMORY | COMMAND_BUS_MASTER;
        function.config_write(reg::COMMAND, &command.to_le_bytes());
        Self {
            function,
            ram,
            sent,
            avail: 0,
        }
    }

    /// A device whose queues all work and whose vectors are its queues' numbers.
    fn running(device: D) -> Self {
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

    fn negotiate(&mut self) {
        self.write(COMMON + 0x14, &[1]);
        self.write(COMMON + 0x14, &[3]);
        self.write(COMMON + 0x08, &1_u32.to_le_bytes());
        self.write(COMMON + 0x0c, &1_u32.to_le_bytes());
        self.write(COMMON + 0x14, &[11]);
    }

    fn set_up_queue(&mut self, queue: u16) {
        let rings = RINGS + u64::from(queue) * RING_STRIDE;
        self.write(COMMON + 0x16, &queue.to_le_bytes());
        self.write(COMMON + 0x18, &QUEUE_SIZE.to_le_bytes());
        self.write(COMMON + 0x1a, &queue.to_le_bytes());
        for (offset, address) in [
            (0x20, rings),
            (0x28, rings + 0x1000),
            (0x30, rings + 0x2000),
        ] {
            self.write(COMMON + offset, &(address as u32).to_le_bytes());
            self.write(COMMON + offset + 4, &[0; 4]);
        }
        self.write(COMMON + 0x1c, &[1, 0]);
    }

    fn unmask(&mut self, vector: u16) {
        self.function
            .bar_write(4, u64::from(vector) * 16 + 12, &[0; 4]);
    }

    fn enable_msix(&mut self) {
        let mut at = 0x40;
        let mut header = [0; 2];
        loop {
            self.function.config_read(at, &mut header);
            match header {
                [0x11, _] => break,
                [_, next] => at = usize::from(next),
            }
        }
        self.function
            .config_write(at + 2, &0x8000_u16.to_le_bytes());
    }

    fn write(&mut self, offset: u64, data: &[u8]) {
        self.function.bar_write(0, offset, data);
    }

    fn read<const N: usize>(&mut self, offset: u64) -> [u8; N] {
        let mut data = [0; N];
        self.function.bar_read(0, offset, &mut data);
        data
    }

    fn status(&mut self) -> u8 {
        self.read::<1>(COMMON + 0x14)[0]
    }

    fn store(&self, address: u64, bytes: &[u8]) {
        GuestMemory::write(&self.ram, address, bytes).expect("memory");
    }

    fn load<const N: usize>(&self, address: u64) -> [u8; N] {
        let mut bytes = [0; N];
        GuestMemory::read(&self.ram, address, &mut bytes).expect("memory");
        bytes
    }

    /// Makes one chain of buffers available: address, size, whether the device writes.
    fn offer(&mut self, queue: u16, buffers: &[(u64, u32, bool)]) {
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

    fn notify(&mut self, queue: u16) {
        self.write(NOTIFY + u64::from(queue) * 4, &queue.to_le_bytes());
    }

    /// How many chains the device has given back, and how much it wrote to the last one.
    fn used(&self, queue: u16) -> (u16, u32) {
        let ring = RINGS + u64::from(queue) * RING_STRIDE + 0x2000;
        let count = u16::from_le_bytes(self.load(ring + 2));
        let slot = u64::from(count.wrapping_sub(1) % QUEUE_SIZE);
        (
            count,
            u32::from_le_bytes(self.load(ring + 4 + slot * 8 + 4)),
        )
    }

    fn sent(&self) -> Vec<u32> {
        std::mem::take(&mut *self.sent.0.lock().expect("not poisoned"))
    }
}

fn console() -> Console {
    let mut console = Console::default();
    console.set_output_room(100);
    console
}

fn disk() -> Block {
    Block::new(ControlDisk::Ram(vec![7; 8 * 512])).expect("memory has a length")
}

/// Sends one block request and returns its status and how much the device wrote.
fn request(
    driver: &mut Driver<Block>,
    kind: u32,
    sector: u64,
    data: (u64, u32, bool),
) -> (u8, u32) {
    let mut header = kind.to_le_bytes().to_vec();
    header.extend([0; 4]);
    header.extend(sector.to_le_bytes());
    driver.store(BUFFERS, &header);
    driver.store(BUFFERS + 16, &[0xee]);
    driver.offer(0, &[(BUFFERS, 16, false), data, (BUFFERS + 16, 1, true)]);
    driver.notify(0);
    (driver.load::<1>(BUFFERS + 16)[0], driver.used(0).1)
}

#[test]
fn what_the_guest_transmits_comes_out_once_and_raises_its_vector() {
    let mut driver = Driver::running(console());
    driver.store(BUFFERS, b"hello, world");
    driver.offer(
        TRANSMIT as u16,
        &[(BUFFERS, 5, false), (BUFFERS + 5, 7, false)],
    );
    driver.notify(TRANSMIT as u16);
    assert_eq!(driver.function.device_mut().take_output(), b"hello, world");
    assert_eq!(driver.used(TRANSMIT as u16), (1, 0));
    assert_eq!(driver.sent(), [10 + TRANSMIT as u32]);
    assert_eq!(driver.read::<1>(ISR), [1]);
    assert_eq!(driver.read::<1>(ISR), [0], "reading clears it");
    driver.notify(TRANSMIT as u16);
    assert!(driver.function.device_mut().take_output().is_empty());
}

#[test]
fn a_driver_that_wants_no_interrupts_gets_none() {
    let mut driver = Driver::running(console());
    driver.store(RINGS + RING_STRIDE + 0x1000, &[1, 0]);
    driver.offer(TRANSMIT as u16, &[(BUFFERS, 1, false)]);
    driver.notify(TRANSMIT as u16);
    assert_eq!(driver.used(TRANSMIT as u16).0, 1);
    assert!(driver.sent().is_empty());
}

#[test]
fn input_waits_until_the_guest_makes_room() {
    let mut driver = Driver::running(console());
    driver.function.device_mut().push_input(b"typed");
    driver.function.process(RECEIVE);
    assert_eq!(driver.used(RECEIVE as u16).0, 0);
    driver.offer(RECEIVE as u16, &[(BUFFERS, 3, true)]);
    driver.notify(RECEIVE as u16);
    driver.offer(RECEIVE as u16, &[(BUFFERS + 3, 9, true)]);
    driver.notify(RECEIVE as u16);
    assert_eq!(driver.used(RECEIVE as u16), (2, 2));
    assert_eq!(&driver.load::<5>(BUFFERS), b"typed");
}

#[test]
fn output_stops_at_the_room_that_is_left() {
    let mut driver = Driver::running(console());
    driver.offer(TRANSMIT as u16, &[(BUFFERS, 4096, false)]);
    driver.notify(TRANSMIT as u16);
    assert_eq!(driver.function.device_mut().take_output().len(), 100);
}

#[test]
fn an_emergency_byte_needs_no_queue() {
    let mut driver = Driver::new(console());
    driver.write(DEVICE + 8, &u32::from(b'!').to_le_bytes());
    assert_eq!(driver.function.device_mut().take_output(), b"!");
}

#[test]
fn a_block_that_was_written_is_read_back() {
    let mut driver = Driver::running(disk());
    assert_eq!(driver.read::<8>(DEVICE), 8_u64.to_le_bytes());
    driver.store(BUFFERS + 0x1000, &[0x5a; 1024]);
    assert_eq!(
        request(&mut driver, 1, 2, (BUFFERS + 0x1000, 1024, false)),
        (0, 1)
    );
    assert_eq!(
        request(&mut driver, 0, 1, (BUFFERS + 0x2000, 1024, true)),
        (0, 1025)
    );
    assert_eq!(driver.load::<512>(BUFFERS + 0x2000), [7; 512]);
    assert_eq!(driver.load::<512>(BUFFERS + 0x2200), [0x5a; 512]);
    assert_eq!(
        request(&mut driver, 4, 0, (BUFFERS, 0, false)),
        (0, 1),
        "flush"
    );
    assert_eq!(
        request(&mut driver, 8, 0, (BUFFERS + 0x3000, 20, true)),
        (0, 21)
    );
    assert_eq!(&driver.load::<15>(BUFFERS + 0x3000), b"swaplab-control");
}

#[test]
fn a_request_outside_of_the_disk_fails_and_an_unknown_one_is_unsupported() {
    let mut driver = Driver::running(disk());
    let room = (BUFFERS + 0x1000, 512, true);
    assert_eq!(request(&mut driver, 0, 8, room).0, 1);
    assert_eq!(request(&mut driver, 0, u64::MAX, room).0, 1);
    assert_eq!(
        request(&mut driver, 0, 0, (BUFFERS + 0x1000, 100, true)).0,
        1,
        "half a sector"
    );
    assert_eq!(
        request(&mut driver, 0, 0, (u64::MAX - 511, 512, true)).0,
        1,
        "not memory"
    );
    assert_eq!(request(&mut driver, 99, 0, room).0, 2);
    assert_eq!(driver.status() & STATUS_NEEDS_RESET, 0, "no harm done");
}

#[test]
fn without_version_1_or_with_unknown_features_there_is_no_agreement() {
    for (select, bits) in [(0_u32, 4_u32), (1, 1 << 5 | 1)] {
        let mut driver = Driver::new(console());
        driver.write(COMMON + 0x14, &[3]);
        driver.write(COMMON + 0x08, &select.to_le_bytes());
        driver.write(COMMON + 0x0c, &bits.to_le_bytes());
        driver.write(COMMON + 0x14, &[11]);
        assert_eq!(driver.status(), 3, "features {select}:{bits:#x}");
    }
}

#[test]
fn a_queue_that_is_no_memory_breaks_the_device_until_it_is_reset() {
    let mut driver = Driver::running(console());
    driver.write(COMMON + 0x16, &[0, 0]);
    driver.write(COMMON + 0x3a, &[1, 0]);
    assert_eq!(
        driver.read::<2>(COMMON + 0x1c),
        [0, 0],
        "a queue reset disables the queue"
    );
    driver.write(COMMON + 0x20, &u64::MAX.to_le_bytes().map(|b| b & 0xf0));
    driver.write(COMMON + 0x1c, &[1, 0]);
    assert_ne!(driver.status() & STATUS_NEEDS_RESET, 0);
    assert_eq!(driver.read::<1>(ISR), [2]);
    driver.write(COMMON + 0x14, &[0]);
    assert_eq!(driver.status(), 0);
    driver.negotiate();
    assert_eq!(driver.status(), 11);
}

#[test]
fn a_ring_index_that_jumps_breaks_the_device() {
    let mut driver = Driver::running(disk());
    driver.store(RINGS + 0x1002, &100_u16.to_le_bytes());
    driver.notify(0);
    assert_ne!(driver.status() & STATUS_NEEDS_RESET, 0);
}

#[test]
fn without_bus_mastering_the_device_leaves_memory_alone() {
    let mut driver = Driver::running(console());
    driver
        .function
        .config_write(reg::COMMAND, &COMMAND_MEMORY.to_le_bytes());
    driver.offer(TRANSMIT as u16, &[(BUFFERS, 5, false)]);
    driver.notify(TRANSMIT as u16);
    assert_eq!(driver.used(TRANSMIT as u16).0, 0);
}

#[test]
fn the_window_in_configuration_space_reaches_the_bar() {
    let mut driver = Driver::new(console());
    let mut at = 0x40;
    let mut header = [0; 4];
    loop {
        driver.function.config_read(at, &mut header);
        match header {
            [0x09, _, _, 5] => break,
            [_, next, _, _] => at = usize::from(next),
        }
    }
    driver
        .function
        .config_write(at + 8, &0x12_u32.to_le_bytes());
    driver.function.config_write(at + 12, &2_u32.to_le_bytes());
    let mut queues = [0; 2];
    driver.function.config_read(at + 16, &mut queues);
    assert_eq!(queues, [2, 0], "num_queues");
    driver
        .function
        .config_write(at + 8, &0x14_u32.to_le_bytes());
    driver.function.config_write(at + 12, &1_u32.to_le_bytes());
    driver.function.config_write(at + 16, &[1]);
    assert_eq!(driver.status(), 1);
}

proptest! {
    #[test]
    fn no_sequence_of_register_accesses_panics(
        accesses in prop::collection::vec((0_u64..0x4000, any::<[u8; 8]>(), 0_usize..=8), 0..100),
        common in prop::collection::vec((0_u64..0x40, any::<[u8; 8]>(), 0_usize..=8), 0..100),
    ) {
        let mut driver = Driver::new(disk());
        for (offset, data, size) in common.into_iter().chain(accesses) {
            driver.write(offset, &data[..size]);
            driver.function.bar_read(0, offset, &mut [0; 8][..size]);
        }
    }

    #[test]
    fn no_content_of_the_rings_panics_or_keeps_the_device_busy(
        descriptors in prop::collection::vec(
            (0_u64..0x12_0000, prop_oneof![Just(u32::MAX), 0_u32..0x2000], 0_u16..8, 0_u16..12), 8),
        avail in prop::collection::vec(0_u16..10, 8),
        index: u16,
        rings in prop::array::uniform3(0_u64..0x8_0000),
    ) {
        let mut driver = Driver::new(disk());
        driver.negotiate();
        let addresses = [rings[0] & !15, rings[1] & !1, rings[2] & !3];
        for (offset, address) in [0x20, 0x28, 0x30].into_iter().zip(addresses) {
            driver.write(COMMON + offset, &address.to_le_bytes());
        }
        driver.write(COMMON + 0x18, &QUEUE_SIZE.to_le_bytes());
        driver.write(COMMON + 0x1c, &[1, 0]);
        driver.write(COMMON + 0x14, &[15]);
        for (at, (address, size, flags, next)) in (addresses[0]..).step_by(16).zip(descriptors) {
            let mut bytes = address.to_le_bytes().to_vec();
            bytes.extend(size.to_le_bytes());
            bytes.extend(flags.to_le_bytes());
            bytes.extend(next.to_le_bytes());
            driver.store(at, &bytes);
        }
        for (at, head) in (addresses[1] + 4..).step_by(2).zip(avail) {
            driver.store(at, &head.to_le_bytes());
        }
        driver.store(addresses[1] + 2, &(index % 10).to_le_bytes());
        for _ in 0..4 {
            driver.notify(0);
        }
    }
}
