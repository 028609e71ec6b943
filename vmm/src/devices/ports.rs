//! The I/O ports: debug console, exit, boot stages, PCI configuration mechanism 1.
//!
//! A port that nothing answers reads all ones and swallows writes, as on real hardware.

use machine::ports;

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
            _ => log::debug!("write of {data:02x?} to port {port:#x}, where nothing is"),
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
            _ => log::debug!("read of port {port:#x}, where nothing is"),
        }
    }
}

/// The number in the first four bytes.
fn value(data: &[u8]) -> u32 {
    data.iter().take(4).rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
}
