//! Drivers that write anything anywhere.

use proptest::prelude::*;

use super::disk;
use super::driver::{COMMON, Driver, QUEUE_SIZE};
use crate::pci::Function;

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
