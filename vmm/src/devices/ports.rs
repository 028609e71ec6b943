//! The I/O ports: debug console, exit, boot stages, PCI configuration mechanism 1, serial port, power.
//!
//! A port that nothing answers reads all ones and swallows writes, as on real hardware.

use machine::ports;

use super::serial::SerialPort;
use super::{Access, Devices, Ending};
use crate::MachineObserver;

/// The last byte of the data register.
const PCI_DATA_LAST: u16 = ports::PCI_DATA + 3;

impl Devices {
    /// `out`.
    pub(crate) fn port_write(
        &mut self,
        port: u16,
        data: &[u8],
        observer: &mut dyn MachineObserver,
    ) -> Access {
        let now_ns = self.clock.now_ns();
        match port {
            ports::DEBUG_CONSOLE => self.output.debug(now_ns, data, observer)?,
            ports::EXIT => return Err(Ending::Code(value(data))),
            ports::BOOT_STAGE => observer.boot_stage(now_ns, value(data)),
            ports::PCI_ADDRESS => self.host_bridge.address_write(data),
            ports::PCI_DATA..=PCI_DATA_LAST => {
                if let Some(at) = self.host_bridge.mechanism1(port) {
                    self.config_write(at, data);
                }
            }
            ports::ACPI_SLEEP_CONTROL => return sleep(value(data)),
            ports::ACPI_RESET if value(data) == u32::from(ports::ACPI_RESET_VALUE) => {
                return Err(Ending::Reset);
            }
            _ => match SerialPort::register(port) {
                Some(register) => self.serial_write(register, data, observer)?,
                None => log::debug!("write of {data:02x?} to port {port:#x}, where nothing is"),
            },
        }
        Ok(())
    }

    /// `in`.
    pub(crate) fn port_read(&mut self, port: u16, data: &mut [u8]) {
        data.fill(0xff);
        match port {
            ports::PCI_ADDRESS => self.host_bridge.address_read(data),
            ports::PCI_DATA..=PCI_DATA_LAST => {
                if let Some(at) = self.host_bridge.mechanism1(port) {
                    self.config_read(at, data);
                }
            }
            // What QEMU's debug console answers: a guest can tell by it that somebody listens.
            ports::DEBUG_CONSOLE => data.fill(0xe9),
            ports::ACPI_SLEEP_STATUS => data.fill(0),
            _ => match SerialPort::register(port) {
                Some(register) => data.fill_with(|| self.serial.read(register)),
                None => log::debug!("read of port {port:#x}, where nothing is"),
            },
        }
    }

    fn serial_write(
        &mut self,
        register: u8,
        data: &[u8],
        observer: &mut dyn MachineObserver,
    ) -> Access {
        for byte in data {
            let sent = self.serial.write(register, *byte);
            self.output.console(self.clock.now_ns(), &sent, observer)?;
        }
        Ok(())
    }
}

/// A write to the sleep control register. No sleep but the last one does anything.
// Spec: ACPI-6.4 4.8.3.7 "Sleep Control and Status Registers"
fn sleep(control: u32) -> Access {
    let off = ports::ACPI_SLEEP_TYPE_OFF << ports::ACPI_SLEEP_TYPE_SHIFT;
    if control == u32::from(off | ports::ACPI_SLEEP_ENABLE) {
        return Err(Ending::PowerOff);
    }
    Ok(())
}

/// The number in the first four bytes.
fn value(data: &[u8]) -> u32 {
    data.iter().take(4).rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
}
