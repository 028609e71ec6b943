//! One function's configuration header.

use alloc::vec::Vec;
use core::ops::Range;

use kernel_core::bars::BarWindow;
use virtio_drivers::transport::pci::bus::{
    BarInfo, Command, DeviceFunction, MemoryBarType, PciRoot,
};

use crate::arch::mmio::{Registers, is_device_memory};
use crate::hal::config_space::ConfigSpace;

const COMMAND: u8 = 0x04;
const CLASS: u8 = 0x08;
const BAR0: u8 = 0x10;
const BARS: u8 = 6;
const BAR_IO: u32 = 1;
const BAR_64_BITS: u32 = 0b100;
const BAR_TYPE: u32 = 0b111;

/// A function on bus 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Function {
    pub(super) config: ConfigSpace,
    pub(super) address: DeviceFunction,
    ids: u32,
}

impl Function {
    /// The function at `address`, whose first dword is `ids`.
    pub(super) fn new(config: ConfigSpace, address: DeviceFunction, ids: u32) -> Self {
        Self { config, address, ids }
    }

    /// Vendor ID.
    pub(crate) fn vendor_id(&self) -> u16 {
        (self.ids & 0xffff) as u16
    }

    /// Device ID.
    pub(crate) fn device_id(&self) -> u16 {
        (self.ids >> 16) as u16
    }

    /// Class code.
    pub(crate) fn class(&self) -> u32 {
        self.config.read(self.address, CLASS) >> 8
    }

    /// Where it is, for libraries.
    pub(crate) fn address(&self) -> DeviceFunction {
        self.address
    }

    /// Configuration space with the library's methods.
    pub(crate) fn root(&self) -> PciRoot<ConfigSpace> {
        PciRoot::new(self.config)
    }

    /// Memory BARs that firmware placed.
    pub(super) fn placed_bars(&self) -> Vec<Range<u64>> {
        if !self.is_decoding() {
            return Vec::new();
        }
        let bars = self.root().bars(self.address).unwrap_or_default();
        bars.iter()
            .flatten()
            .filter_map(BarInfo::memory_address_size)
            .map(|(start, size)| start..start.saturating_add(size))
            .collect()
    }

    /// Switches memory decoding on and lets the function reach memory.
    pub(super) fn enable(&self) {
        self.set_command(|command| command | Command::MEMORY_SPACE | Command::BUS_MASTER);
    }

    /// Cuts the function off from memory.
    pub(crate) fn disable_bus_master(&self) {
        self.set_command(|command| command - Command::BUS_MASTER);
    }

    /// The registers of memory BAR `index`, from there to the end of device memory or of the size
    /// given.
    ///
    /// # Panics
    /// If it is no memory BAR, or not placed in device memory.
    pub(crate) fn registers(&self, index: u8, size_bytes: usize) -> Registers {
        let base = self.bar_address(index);
        assert!(is_device_memory(base, size_bytes), "BAR {index} is at {base:#x}");
        Registers::new(base, size_bytes)
    }

    /// Where memory BAR `index` is.
    pub(crate) fn bar_address(&self, index: u8) -> u64 {
        let low = self.config.read(self.address, BAR0 + 4 * index);
        assert_eq!(low & BAR_IO, 0, "BAR {index} is an I/O BAR");
        let high = if low & BAR_TYPE == BAR_64_BITS {
            self.config.read(self.address, BAR0 + 4 * index + 4)
        } else {
            0
        };
        u64::from(high) << 32 | u64::from(low & !0xf)
    }

    /// Whether its memory BARs are in use.
    pub(super) fn is_decoding(&self) -> bool {
        self.root().get_status_command(self.address).1.contains(Command::MEMORY_SPACE)
    }

    /// Sizes and places the memory BARs.
    pub(super) fn place_bars(&self, window: &mut BarWindow) {
        let mut root = self.root();
        let bars = root.bars(self.address).expect("BARs of known types");
        for (index, bar) in (0..BARS).zip(bars) {
            let Some(BarInfo::Memory { address_type, size, .. }) = bar else {
                continue;
            };
            let base = window.place(size);
            let base = base.unwrap_or_else(|| panic!("no room for a BAR of {size:#x} bytes"));
            match address_type {
                MemoryBarType::Width64 => root.set_bar_64(self.address, index, base),
                MemoryBarType::Width32 | MemoryBarType::Below1MiB => {
                    root.set_bar_32(self.address, index, base as u32);
                }
            }
        }
    }

    fn set_command(&self, change: impl FnOnce(Command) -> Command) {
        let command = self.root().get_status_command(self.address).1;
        let changed = change(command);
        if changed != command {
            // The upper half is the status register, whose bits are cleared by writing ones: none.
            self.config.write(self.address, COMMAND, u32::from(changed.bits()));
        }
    }
}
