//! BAR 0 of each device, as calls into its model.

use std::rc::Rc;

use hal::Mmio;

use super::machine::HostMachine;

/// The controller's register window.
#[derive(Debug)]
pub struct HostRegisters(Rc<HostMachine>);

impl HostRegisters {
    pub(super) fn new(machine: Rc<HostMachine>) -> Self {
        Self(machine)
    }
}

impl Mmio for HostRegisters {
    fn read32(&self, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        self.0.mmio_read(offset as u64, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn write32(&self, offset: usize, value: u32) {
        self.0.mmio_write(offset as u64, &value.to_le_bytes());
    }
}

/// The registers of the file server's device, as calls into it.
#[derive(Debug)]
pub struct ServerRegisters(Rc<HostMachine>);

impl ServerRegisters {
    pub(super) fn new(machine: Rc<HostMachine>) -> Self {
        Self(machine)
    }
}

impl Mmio for ServerRegisters {
    fn read32(&self, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        self.0.server_read(offset as u64, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn write32(&self, offset: usize, value: u32) {
        self.0.server_write(offset as u64, &value.to_le_bytes());
    }
}
