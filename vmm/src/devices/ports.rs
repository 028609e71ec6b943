//! The I/O ports: debug console, exit, boot stages, PCI configuration mechanism 1.
//!
//! A port that nothing answers reads all ones and swallows writes, as on real hardware.

use machine::ports;

use super::{Access, Devices, Ending};
use crate::MachineObserver;

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
            _ => log::debug!("write of {data:02x?} to port {port:#x}, where nothing is"),
        }
        Ok(())
    }

    /// `in`.
    pub(crate) fn port_read(&mut self, port: u16, data: &mut [u8]) {
        data.fill(0xff);
        log::debug!("read of port {port:#x}, where nothing is");
    }
}

/// The number in the first four bytes.
fn value(data: &[u8]) -> u32 {
    data.iter()
        .take(4)
        .rev()
        .fold(0, |value, byte| value << 8 | u32::from(*byte))
}
