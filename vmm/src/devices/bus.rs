//! The bus: which device answers an address.
//!
//! An address that nothing answers reads all ones and swallows writes, as on real hardware.

use machine::pci_ids::slot;

use super::{Access, Devices};
use crate::MachineObserver;
use crate::pci::host_bridge::ecam;
use crate::pci::{ConfigAddress, Function};

impl Devices {
    /// The function at `slot`.
    fn function(&mut self, number: u8) -> Option<&mut dyn Function> {
        Some(match number {
            slot::HOST_BRIDGE => &mut self.host_bridge,
            slot::LAB => &mut self.lab,
            slot::NVME => self.nvme.as_deref_mut()?,
            slot::CONSOLE => &mut self.console,
            slot::BLOCK => self.block.as_mut()?,
            slot::FILES => self.files.as_deref_mut()?,
            _ => return None,
        })
    }

    pub(super) fn for_each_function(&mut self, mut each: impl FnMut(&mut dyn Function)) {
        for number in slot::HOST_BRIDGE..=slot::FILES {
            if let Some(function) = self.function(number) {
                each(function);
            }
        }
    }

    /// A read from an address that is not memory.
    pub(crate) fn mmio_read(
        &mut self,
        address: u64,
        data: &mut [u8],
        observer: &mut dyn MachineObserver,
    ) {
        data.fill(0xff);
        if let Some(at) = ecam(address) {
            return self.config_read(at, data);
        }
        self.set_now();
        let size = data.len();
        for number in slot::LAB..=slot::FILES {
            let Some(function) = self.function(number) else {
                continue;
            };
            if let Some((bar, offset)) = function.config().decode(address, size) {
                function.bar_read(bar.index, offset, data);
                return self.forward_events(observer);
            }
        }
        log::debug!("read of {size} bytes at {address:#x}, where nothing is");
    }

    /// A write to an address that is not memory.
    pub(crate) fn mmio_write(
        &mut self,
        address: u64,
        data: &[u8],
        observer: &mut dyn MachineObserver,
    ) -> Access {
        if let Some(at) = ecam(address) {
            self.set_now();
            self.config_write(at, data);
            self.forward_events(observer);
            return Ok(());
        }
        self.set_now();
        for number in slot::LAB..=slot::FILES {
            let Some(function) = self.function(number) else {
                continue;
            };
            if let Some((bar, offset)) = function.config().decode(address, data.len()) {
                function.bar_write(bar.index, offset, data);
                return self.after_write(number, observer);
            }
        }
        log::debug!("write of {data:02x?} at {address:#x}, where nothing is");
        Ok(())
    }

    /// Tells the functions that know time what time it is.
    fn set_now(&mut self) {
        let now_ns = self.clock.now_ns();
        self.lab.set_now(now_ns);
        if let Some(nvme) = &mut self.nvme {
            nvme.course.set_now(now_ns);
        }
        if let Some(files) = &mut self.files {
            files.course.set_now(now_ns);
        }
    }

    /// What a write to a function sets in motion.
    fn after_write(&mut self, number: u8, observer: &mut dyn MachineObserver) -> Access {
        match number {
            slot::LAB => {
                self.take_named_page();
                match self.lab.take_wait() {
                    Some(block) => self.wait(block, observer),
                    None => Ok(()),
                }
            }
            slot::NVME | slot::FILES => {
                self.forward_events(observer);
                Ok(())
            }
            slot::CONSOLE => self.drain_console(observer),
            _ => Ok(()),
        }
    }

    /// A read from configuration space.
    pub(super) fn config_read(&mut self, at: ConfigAddress, data: &mut [u8]) {
        data.fill(0xff);
        self.set_now();
        if at.function == 0
            && let Some(function) = self.function(at.slot)
        {
            function.config_read(at.offset, data);
        }
    }

    /// A write to configuration space.
    pub(super) fn config_write(&mut self, at: ConfigAddress, data: &[u8]) {
        if at.function == 0
            && let Some(function) = self.function(at.slot)
        {
            function.config_write(at.offset, data);
        }
    }
}
