//! The host bridge: a function without BARs, and the two ways to configuration space.

use machine::{layout, pci_ids};

use super::Function;
use super::config_space::{ConfigSpace, Identity};

/// Class code: bridge, host.
const CLASS_HOST_BRIDGE: u32 = 0x06_00_00;

/// The function at slot 0.
#[derive(Debug)]
pub(crate) struct HostBridge {
    config: ConfigSpace,
    /// The address register of mechanism 1.
    address: u32,
}

/// A place in the configuration space of bus 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConfigAddress {
    /// Device number, 0 to 31.
    pub(crate) slot: u8,
    /// Function number, 0 to 7.
    pub(crate) function: u8,
    /// Offset, 0 to 4095.
    pub(crate) offset: usize,
}

impl HostBridge {
    pub(crate) fn new() -> Self {
        let config = ConfigSpace::new(Identity {
            vendor: pci_ids::VENDOR_SWAPLAB,
            device: pci_ids::DEVICE_HOST_BRIDGE,
            subsystem: 0,
            class: CLASS_HOST_BRIDGE,
            revision: 0,
        });
        Self { config, address: 0 }
    }

    /// Reads the address register, if the access is to it: 32 bits at 0xcf8.
    pub(crate) fn address_read(&self, data: &mut [u8]) {
        match data {
            [_, _, _, _] => data.copy_from_slice(&self.address.to_le_bytes()),
            _ => data.fill(0xff),
        }
    }

    /// Writes the address register; anything but 32 bits is not for it.
    pub(crate) fn address_write(&mut self, data: &[u8]) {
        if let [b0, b1, b2, b3] = *data {
            self.address = u32::from_le_bytes([b0, b1, b2, b3]);
        }
    }

    /// Where an access to the data register at `port` goes: nowhere if disabled or on another bus.
    // Spec: PCI-3.0 3.2.2.3.2 "CONFIG_ADDRESS"
    pub(crate) fn mechanism1(&self, port: u16) -> Option<ConfigAddress> {
        let [register, device_function, bus, enable] = self.address.to_le_bytes();
        let is_for_bus_0 = enable & 0x80 != 0 && bus == 0;
        let byte = usize::from(port - machine::ports::PCI_DATA);
        is_for_bus_0.then_some(ConfigAddress {
            slot: device_function >> 3,
            function: device_function & 7,
            offset: usize::from(register & !3) + byte,
        })
    }
}

/// Where an access to memory at `address` goes in configuration space, if it is to ECAM.
// Spec: PCIe-4.0 7.2.2 "Enhanced Configuration Access Mechanism"
pub(crate) fn ecam(address: u64) -> Option<ConfigAddress> {
    let offset = address.checked_sub(layout::ECAM_BASE).filter(|o| *o < layout::ECAM_BYTES)?;
    Some(ConfigAddress {
        slot: (offset >> 15) as u8,
        function: (offset >> 12 & 7) as u8,
        offset: (offset & 0xfff) as usize,
    })
}

impl Function for HostBridge {
    fn config(&self) -> &ConfigSpace {
        &self.config
    }

    fn config_mut(&mut self) -> &mut ConfigSpace {
        &mut self.config
    }

    fn bar_read(&mut self, _bar: u8, _offset: u64, data: &mut [u8]) {
        data.fill(0xff);
    }

    fn bar_write(&mut self, _bar: u8, _offset: u64, _data: &[u8]) {}

    fn reset(&mut self) {
        self.config.reset();
        self.address = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanism_1_needs_its_enable_bit_and_bus_0() {
        let mut bridge = HostBridge::new();
        let mut at = |address: u32, port| {
            bridge.address_write(&address.to_le_bytes());
            bridge.mechanism1(port)
        };
        let expected = ConfigAddress { slot: 2, function: 1, offset: 0x12 };
        assert_eq!(at(0x8000_1110, 0xcfe), Some(expected));
        assert_eq!(at(0x0000_1110, 0xcfe), None);
        assert_eq!(at(0x8001_1110, 0xcfe), None);
    }

    #[test]
    fn the_address_register_takes_32_bits_only() {
        let mut bridge = HostBridge::new();
        bridge.address_write(&[0xff]);
        let mut data = [1; 4];
        bridge.address_read(&mut data);
        assert_eq!(data, [0; 4]);
    }

    #[test]
    fn ecam_addresses_split_into_slot_function_and_offset() {
        let base = layout::ECAM_BASE;
        let expected = ConfigAddress { slot: 2, function: 1, offset: 0x123 };
        assert_eq!(ecam(base + (2 << 15) + (1 << 12) + 0x123), Some(expected));
        assert_eq!(ecam(base - 1), None);
        let last = ConfigAddress { slot: 31, function: 7, offset: 0xfff };
        assert_eq!(ecam(base + layout::ECAM_BYTES - 1), Some(last));
        assert_eq!(ecam(base + layout::ECAM_BYTES), None);
    }
}
