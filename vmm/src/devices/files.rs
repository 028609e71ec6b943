//! The file server's device as a PCI function: register window, MSI-X, DMA.
//!
//! The device itself is `file-server`'s; here is only what a PCI function adds, as for the NVMe controller. Its
//! registers are those of virtio's MMIO transport, so a stock guest does not know it.
//!
//! What it does not do: nothing in the wall clock but to be stepped when it is due.

use std::sync::Arc;

use file_server::{Event, FileServer, Ports};
use machine::pci_ids;
use p9_wire::virtio::BAR_BYTES;

use super::course::Course;
use super::nvme::{Dma, Irq};
use crate::kvm::Ram;
use crate::pci::{Bar, ConfigSpace, Function, Identity, Line, MsiSink, Msix};

const REGISTERS_BAR: u8 = 0;
const MSIX_BAR: u8 = 4;

/// Class code: simple communication controller, other.
const CLASS_COMMUNICATION: u32 = 0x07_80_00;

/// The file server's function.
#[derive(Debug)]
pub(crate) struct FilesFunction {
    config: ConfigSpace,
    msix: Msix,
    server: FileServer,
    ram: Ram,
    pub(crate) course: Course<Event>,
}

impl FilesFunction {
    /// Interrupt lines that it takes.
    pub(crate) const LINES: u16 = 1;

    pub(crate) fn new(
        server: FileServer,
        ram: &Ram,
        first_line: Line,
        sink: Arc<dyn MsiSink>,
    ) -> Self {
        let mut config = ConfigSpace::new(Identity {
            vendor: pci_ids::VENDOR_SWAPLAB,
            device: pci_ids::DEVICE_FILES,
            subsystem: 0,
            class: CLASS_COMMUNICATION,
            revision: 1,
        });
        config.add_bar(Bar { index: REGISTERS_BAR, size_bytes: BAR_BYTES, is_64_bit: false });
        let msix = Msix::new(&mut config, MSIX_BAR, Self::LINES, first_line, sink);
        let ram = ram.clone();
        Self { config, msix, server, ram, course: Course::new() }
    }

    /// The server behind it.
    pub(crate) fn server(&self) -> &FileServer {
        &self.server
    }

    /// Disconnects the server.
    pub(crate) fn into_server(self) -> FileServer {
        self.server
    }

    /// When something happens next by itself.
    pub(crate) fn next_event(&self) -> Option<u64> {
        self.server.next_event()
    }

    /// Lets the server do what is due at `now_ns`.
    pub(crate) fn step(&mut self, now_ns: u64) {
        self.course.set_now(now_ns);
        self.with_ports(FileServer::step);
    }

    fn with_ports(&mut self, f: impl FnOnce(&mut FileServer, u64, &mut Ports<'_>)) {
        let memory = Dma { memory: &self.ram, is_enabled: self.config.is_bus_master() };
        let mut irq = Irq(&mut self.msix);
        let (now_ns, observer) = (self.course.now_ns(), &mut self.course);
        let mut ports = Ports { memory: &memory, irq: &mut irq, observer };
        f(&mut self.server, now_ns, &mut ports);
    }

    /// Ends the guest's session, if it had any.
    pub(crate) fn power_cut(&mut self, now_ns: u64) {
        if self.course.end() {
            self.server.power_cut(now_ns, &mut self.course);
        }
    }
}

impl Function for FilesFunction {
    fn config(&self) -> &ConfigSpace {
        &self.config
    }

    fn config_mut(&mut self) -> &mut ConfigSpace {
        &mut self.config
    }

    fn config_changed(&mut self) {
        self.msix.config_changed(&self.config);
    }

    fn bar_read(&mut self, bar: u8, offset: u64, data: &mut [u8]) {
        if bar == REGISTERS_BAR {
            self.server.mmio_read(offset, data);
        } else {
            self.msix.bar_read(offset, data);
        }
    }

    fn bar_write(&mut self, bar: u8, offset: u64, data: &[u8]) {
        if bar == REGISTERS_BAR {
            self.with_ports(|server, now_ns, ports| server.mmio_write(now_ns, offset, data, ports));
        } else {
            self.msix.bar_write(offset, data);
        }
    }

    fn reset(&mut self) {
        self.config.reset();
        self.msix.reset();
    }
}
