//! The devices, used by a driver in miniature.

mod driver;
mod hostile;

use super::block::{Block, ControlDisk};
use super::common::STATUS_NEEDS_RESET;
use super::console::{Console, RECEIVE, TRANSMIT};
use crate::pci::Function;
use crate::pci::config_space::{COMMAND_MEMORY, reg};
use driver::{BUFFERS, COMMON, DEVICE, Driver, ISR, RING_STRIDE, RINGS};

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
    driver.offer(TRANSMIT as u16, &[(BUFFERS, 5, false), (BUFFERS + 5, 7, false)]);
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
    assert_eq!(request(&mut driver, 1, 2, (BUFFERS + 0x1000, 1024, false)), (0, 1));
    assert_eq!(request(&mut driver, 0, 1, (BUFFERS + 0x2000, 1024, true)), (0, 1025));
    assert_eq!(driver.load::<512>(BUFFERS + 0x2000), [7; 512]);
    assert_eq!(driver.load::<512>(BUFFERS + 0x2200), [0x5a; 512]);
    assert_eq!(request(&mut driver, 4, 0, (BUFFERS, 0, false)), (0, 1), "flush");
    assert_eq!(request(&mut driver, 8, 0, (BUFFERS + 0x3000, 20, true)), (0, 21));
    assert_eq!(&driver.load::<15>(BUFFERS + 0x3000), b"swaplab-control");
}

#[test]
fn a_request_outside_of_the_disk_fails_and_an_unknown_one_is_unsupported() {
    let mut driver = Driver::running(disk());
    let room = (BUFFERS + 0x1000, 512, true);
    assert_eq!(request(&mut driver, 0, 8, room).0, 1);
    assert_eq!(request(&mut driver, 0, u64::MAX, room).0, 1);
    assert_eq!(request(&mut driver, 0, 0, (BUFFERS + 0x1000, 100, true)).0, 1, "half a sector");
    assert_eq!(request(&mut driver, 0, 0, (u64::MAX - 511, 512, true)).0, 1, "not memory");
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
    assert_eq!(driver.read::<2>(COMMON + 0x1c), [0, 0], "a queue reset disables the queue");
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
    driver.function.config_write(reg::COMMAND, &COMMAND_MEMORY.to_le_bytes());
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
    driver.function.config_write(at + 8, &0x12_u32.to_le_bytes());
    driver.function.config_write(at + 12, &2_u32.to_le_bytes());
    let mut queues = [0; 2];
    driver.function.config_read(at + 16, &mut queues);
    assert_eq!(queues, [2, 0], "num_queues");
    driver.function.config_write(at + 8, &0x14_u32.to_le_bytes());
    driver.function.config_write(at + 12, &1_u32.to_le_bytes());
    driver.function.config_write(at + 16, &[1]);
    assert_eq!(driver.status(), 1);
}
