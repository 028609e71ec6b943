//! The NVMe controller as a PCI function: register window, MSI-X, DMA.
//!
//! The controller itself is `nvme-model`'s; here is only what a PCI function adds: BARs, interrupt
//! masks and pending bits, and bus mastering, without which no DMA and no interrupt gets through.
//!
//! The memory is that of this crate's machine, or of somebody else's that the function is served to.
//!
//! What it does not do: no power states, no INTx: every guest of this machine has MSI-X.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use machine::pci_ids;
use nvme_model::{BadAddress, Controller, Event, GuestMemory, IrqSink, Ports};

use super::course::Course;
use crate::control::ControlledDrive;
use crate::kvm::Ram;
use crate::pci::{Bar, ConfigSpace, Express, Function, Identity, Line, MsiSink, Msix};

const REGISTERS_BAR: u8 = 0;
const MSIX_BAR: u8 = 4;

/// Where doorbells begin.
// Spec: NVMe-PCIe-1.0c 3.1.2 "Submission Queue y Tail Doorbell"
const DOORBELLS: u64 = 0x1000;

/// The least size of the register window: what real controllers have.
const REGISTERS_BYTES_MIN: u64 = 0x4000;

/// The NVMe function.
#[derive(Debug)]
pub(crate) struct NvmeFunction<M = Ram> {
    config: ConfigSpace,
    msix: Msix,
    express: Express,
    controller: Controller,
    memory: M,
    pub(crate) course: Course<Event>,
    /// A thread calls [`NvmeFunction::poll`] all the time, and the guest knows.
    is_polled: bool,
}

impl<M: GuestMemory> NvmeFunction<M> {
    /// Plugs `controller` in.
    pub(crate) fn new(
        controller: Controller,
        memory: M,
        first_line: Line,
        sink: Arc<dyn MsiSink>,
    ) -> Self {
        let model = controller.config();
        let mut config = ConfigSpace::new(Identity {
            vendor: pci_ids::VENDOR_SWAPLAB,
            device: pci_ids::DEVICE_NVME,
            subsystem: pci_ids::DEVICE_NVME,
            class: pci_ids::CLASS_NVME,
            revision: 1,
        });
        let doorbells = 2 * (u64::from(model.io_queues_max) + 1) * (4 << model.dstrd);
        let size_bytes = (DOORBELLS + doorbells).next_power_of_two().max(REGISTERS_BYTES_MIN);
        config.add_bar(Bar { index: REGISTERS_BAR, size_bytes, is_64_bit: true });
        let msix = Msix::new(&mut config, MSIX_BAR, model.vectors, first_line, sink);
        let express = Express::new(&mut config);
        Self { config, msix, express, controller, memory, course: Course::new(), is_polled: false }
    }

    /// The controller.
    pub(crate) fn controller(&self) -> &Controller {
        &self.controller
    }

    /// The controller, to arm faults or to look at its media.
    pub(crate) fn controller_mut(&mut self) -> &mut Controller {
        &mut self.controller
    }

    /// The controller, for somebody who talks to the machine from outside.
    pub(crate) fn controlled(&mut self, now_ns: u64) -> ControlledDrive<'_> {
        let Self { controller, course, .. } = self;
        ControlledDrive { controller, now_ns, observer: course }
    }

    /// Unplugs the controller.
    pub(crate) fn into_controller(self) -> Controller {
        self.controller
    }

    /// When something happens next by itself.
    pub(crate) fn next_event(&self) -> Option<u64> {
        self.controller.next_event()
    }

    /// Lets the controller do what is due at `now_ns`.
    pub(crate) fn step(&mut self, now_ns: u64) {
        let memory = Dma { memory: &self.memory, is_enabled: self.config.is_bus_master() };
        let mut irq = Irq(&mut self.msix);
        let observer = &mut self.course;
        self.controller.step(now_ns, &mut Ports { memory: &memory, irq: &mut irq, observer });
    }

    /// Looks at the shadow doorbells, and does what is due, for a thread that calls this all the time.
    pub(crate) fn poll(&mut self, now_ns: u64) {
        if !self.controller.has_shadow_doorbells() {
            return;
        }
        self.set_polled(true);
        self.step(now_ns);
        self.course.limit_events();
    }

    /// Looks at the shadow doorbells of a guest that relies on it, when the thread that polls cannot: that one does
    /// not have the function, or has not been woken yet.
    pub(crate) fn look_once(&mut self, now_ns: u64) {
        if self.is_polled {
            self.step(now_ns);
        }
    }

    /// Nobody polls any more: the guest has to ring. What it wrote just before is still seen.
    pub(crate) fn stop_polling(&mut self, now_ns: u64) {
        if self.is_polled {
            self.set_polled(false);
            // The guest writes its doorbell and then looks whether to ring; this is the other half.
            fence(Ordering::SeqCst);
            self.step(now_ns);
        }
    }

    fn set_polled(&mut self, is_polled: bool) {
        if std::mem::replace(&mut self.is_polled, is_polled) != is_polled {
            let memory = Dma { memory: &self.memory, is_enabled: self.config.is_bus_master() };
            self.controller.set_polled(is_polled, &memory);
        }
    }

    /// Reads the first registers, as the guest would now; returns where they are. `None` if the function
    /// answers no memory accesses.
    pub(crate) fn read_registers(&mut self, data: &mut [u8]) -> Option<u64> {
        let bar = *self.config.bars().first()?;
        let base = self.config.range(bar).start;
        self.config.decode(base, data.len())?;
        if self.controller.has_register_faults() {
            return None;
        }
        for (offset, word) in (0..).step_by(8).zip(data.chunks_mut(8)) {
            self.controller.mmio_read(self.course.now_ns(), offset, word, &mut self.course);
        }
        Some(base)
    }

    /// A function level reset, asked for in configuration space or otherwise.
    pub(crate) fn function_level_reset(&mut self) {
        self.controller.function_level_reset(self.course.now_ns(), &mut self.course);
        self.reset();
    }

    /// The memory that it reaches.
    pub(crate) fn memory_mut(&mut self) -> &mut M {
        &mut self.memory
    }

    /// Where its interrupts go.
    pub(crate) fn msix_mut(&mut self) -> &mut Msix {
        &mut self.msix
    }

    /// Cuts the controller's power, if it had any. What is left of its cache is the drive's own business.
    pub(crate) fn power_cut(&mut self, now_ns: u64) {
        if self.course.end() {
            // The function's own registers are reset by now; what is in flight was fetched before.
            let memory = Dma { memory: &self.memory, is_enabled: true };
            let mut irq = Irq(&mut self.msix);
            let observer = &mut self.course;
            let mut ports = Ports { memory: &memory, irq: &mut irq, observer };
            let policy = self.controller.config().cache_policy;
            self.controller.power_cut_in_flight(now_ns, policy, &mut ports);
        }
    }
}

/// Guest memory as a function reaches it, for as long as a device works.
pub(super) struct Dma<'a, M: GuestMemory> {
    pub(super) memory: &'a M,
    pub(super) is_enabled: bool,
}

impl<'a, M: GuestMemory> Dma<'a, M> {
    /// The memory, if the function may reach it.
    fn granted(&self, address: u64) -> Result<&'a M, BadAddress> {
        if self.is_enabled { Ok(self.memory) } else { Err(BadAddress { address }) }
    }
}

/// Another thread may have the device next.
impl<M: GuestMemory> Drop for Dma<'_, M> {
    fn drop(&mut self) {
        self.memory.settle();
    }
}

impl<M: GuestMemory> GuestMemory for Dma<'_, M> {
    fn passes_caches(&self) -> bool {
        self.memory.passes_caches()
    }

    fn read_past_caches(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        self.granted(address)?.read_past_caches(address, dst)
    }

    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        self.granted(address)?.read(address, dst)
    }

    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress> {
        self.granted(address)?.write(address, src)
    }
}

/// A function's vectors.
pub(super) struct Irq<'a>(pub(super) &'a mut Msix);

impl IrqSink for Irq<'_> {
    fn signal(&mut self, vector: u16) {
        self.0.signal(vector);
    }
}

impl<M: GuestMemory> Function for NvmeFunction<M> {
    fn config(&self) -> &ConfigSpace {
        &self.config
    }

    fn config_mut(&mut self) -> &mut ConfigSpace {
        &mut self.config
    }

    fn config_read(&mut self, offset: usize, data: &mut [u8]) {
        self.config.read(offset, data);
        let now_ns = self.course.now_ns();
        self.controller.config_read(now_ns, offset as u64, data, &mut self.course);
    }

    fn config_changed(&mut self) {
        if self.express.take_reset(&mut self.config) {
            self.function_level_reset();
        }
        self.msix.config_changed(&self.config);
    }

    fn bar_read(&mut self, bar: u8, offset: u64, data: &mut [u8]) {
        if bar == REGISTERS_BAR {
            self.controller.mmio_read(self.course.now_ns(), offset, data, &mut self.course);
        } else {
            self.msix.bar_read(offset, data);
        }
    }

    fn bar_write(&mut self, bar: u8, offset: u64, data: &[u8]) {
        if bar == REGISTERS_BAR {
            let now_ns = self.course.now_ns();
            self.controller.mmio_write(now_ns, offset, data, &mut self.course);
            self.step(now_ns);
        } else {
            self.msix.bar_write(offset, data);
        }
    }

    fn reset(&mut self) {
        self.config.reset();
        self.msix.reset();
    }
}

#[cfg(test)]
mod tests {
    use nvme_model::{Config, FaultPlan, RamMedia};

    use super::*;
    use crate::pci::MsiMessage;

    /// Neither memory nor anybody who hears interrupts.
    #[derive(Debug)]
    struct Nothing;

    impl GuestMemory for Nothing {
        fn read(&self, address: u64, _: &mut [u8]) -> Result<(), BadAddress> {
            Err(BadAddress { address })
        }

        fn write(&self, address: u64, _: &[u8]) -> Result<(), BadAddress> {
            Err(BadAddress { address })
        }
    }

    impl MsiSink for Nothing {
        fn send(&self, _: Line, _: MsiMessage) {}
    }

    fn word(function: &mut NvmeFunction<Nothing>, offset: usize) -> u32 {
        let mut bytes = [0; 4];
        function.config_read(offset, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    #[test]
    fn the_controller_is_this_projects_own_and_none_that_drivers_have_quirks_for() {
        let media = Box::new(RamMedia::new(64, 4096));
        let controller = Controller::new(Config::default(), media, FaultPlan::none());
        let vendor_in_identify = controller.as_ref().expect("valid").config().vendor;
        let mut function =
            NvmeFunction::new(controller.expect("valid"), Nothing, Line(0), Arc::new(Nothing));
        // Device and vendor. QEMU's is 1b36:0010, and Linux has quirks for that one.
        assert_eq!(word(&mut function, 0), 0x4c02_5357);
        assert_eq!(word(&mut function, 0x2c), 0x4c02_5357, "the subsystem's");
        assert_eq!(vendor_in_identify, 0x5357, "PCI vendor in Identify Controller");
        // Mass storage, NVM, NVMe I/O controller.
        assert_eq!(word(&mut function, 8) >> 8, 0x01_08_02);
    }
}
