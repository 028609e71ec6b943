//! PCI configuration space, by memory (ECAM) or by ports.
// UNSAFETY: the library's trait has an unsafe method; nothing here is.
#![expect(unsafe_code, reason = "implements virtio_drivers' ConfigurationAccess")]

use machine::layout::{CONFIG_COPY_BYTES, CONFIG_COPY_DEVICES, ECAM_BYTES};
use machine::ports;
use virtio_drivers::transport::pci::bus::{ConfigurationAccess, DeviceFunction};

use super::calls;
use crate::arch::mmio::Registers;
use crate::arch::single::Single;
use crate::arch::{boot, port};

/// How configuration space is reached. Copies reach the same space.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ConfigSpace {
    /// One bus of memory-mapped configuration space, and a copy in memory of what it held at power-on.
    Ecam(Registers, Option<u64>),
    /// Address and data port.
    Ports,
}

impl ConfigSpace {
    /// Configuration space, and the copy of it, as the command line names them.
    ///
    /// # Panics
    /// If the address is no device memory.
    pub(crate) fn new(ecam: Option<u64>, copy: Option<u64>) -> Self {
        match ecam {
            Some(base) => Self::Ecam(Registers::new(base, ECAM_BYTES as usize), copy),
            None => Self::Ports,
        }
    }

    /// Reads the dword at `offset`.
    pub(crate) fn read(self, function: DeviceFunction, offset: u8) -> u32 {
        match self {
            Self::Ecam(registers, copy) => copy
                .and_then(|copy| copied(copy, function, offset))
                .unwrap_or_else(|| registers.read32(ecam_offset(function, offset))),
            Self::Ports => {
                port::write32(ports::PCI_ADDRESS, port_address(function, offset));
                port::read32(ports::PCI_DATA)
            }
        }
    }

    /// Writes the dword at `offset`.
    pub(crate) fn write(self, function: DeviceFunction, offset: u8, value: u32) {
        match self {
            Self::Ecam(registers, _) => {
                WRITTEN.with(|written| {
                    if let Some(dwords) = written.get_mut(usize::from(function.device)) {
                        *dwords |= 1 << (offset / 4);
                    }
                });
                calls::write32(&registers, ecam_offset(function, offset), value);
            }
            Self::Ports => {
                port::write32(ports::PCI_ADDRESS, port_address(function, offset));
                port::write32(ports::PCI_DATA, value);
            }
        }
    }
}

/// The dwords that were written since power-on, a bit each: the copy does not know what they hold now.
static WRITTEN: Single<[u64; CONFIG_COPY_DEVICES as usize]> =
    Single::new([0; CONFIG_COPY_DEVICES as usize]);

/// What the copy says about a dword that was not written; no device number above the copied ones exists.
fn copied(copy: u64, function: DeviceFunction, offset: u8) -> Option<u32> {
    let device = usize::from(function.device);
    let written = WRITTEN.with(|written| written.get(device).copied())?;
    if written >> (offset / 4) & 1 != 0 || function.bus != 0 || function.function != 0 {
        return None;
    }
    let at = copy + device as u64 * CONFIG_COPY_BYTES + u64::from(offset & !3);
    Some(u32::from_le_bytes(boot::read_ram(at)))
}

// Spec: PCIe-4.0 7.2.2 "PCI Express Enhanced Configuration Access Mechanism (ECAM)"
fn ecam_offset(function: DeviceFunction, offset: u8) -> usize {
    usize::from(function.bus) << 20
        | usize::from(function.device) << 15
        | usize::from(function.function) << 12
        | usize::from(offset)
}

// Spec: PCI-3.0 3.2.2.3.2 "Software Generation of Configuration Transactions"
fn port_address(function: DeviceFunction, offset: u8) -> u32 {
    1 << 31
        | u32::from(function.bus) << 16
        | u32::from(function.device) << 11
        | u32::from(function.function) << 8
        | u32::from(offset)
}

impl ConfigurationAccess for ConfigSpace {
    fn read_word(&self, function: DeviceFunction, offset: u8) -> u32 {
        self.read(function, offset)
    }

    fn write_word(&mut self, function: DeviceFunction, offset: u8, value: u32) {
        self.write(function, offset, value);
    }

    unsafe fn unsafe_clone(&self) -> Self {
        *self
    }
}
