//! The devices of this machine, brought up.

use alloc::boxed::Box;
use alloc::rc::Rc;

use hal::Tracer;
use machine::lab_device;
use machine::pci_ids::{
    CLASS_NVME, DEVICE_FILES, DEVICE_LAB, DEVICE_VIRTIO_BLOCK, DEVICE_VIRTIO_CONSOLE,
    VENDOR_SWAPLAB, VENDOR_VIRTIO,
};
use virtio_drivers::transport::pci::PciTransport;

use crate::arch::interrupt::{self, Vector};
use crate::console::{self, Output, println};
use crate::control_disk::ControlDisk;
use crate::hal::bar::Bar;
use crate::hal::calls::{self, CallOutput};
use crate::hal::clock::{Clock, ProcessorClock};
use crate::hal::config_space::ConfigSpace;
use crate::hal::lab_device::LabDevice;
use crate::hal::platform::FunctionPlatform;
use crate::hal::trace::console_tracer;
use crate::hal::transmit::Transmit;
use crate::hal::virtio::VirtioHal;
use crate::options::Options;
use crate::pci::Bus;

/// Bytes of an NVMe controller's register window: registers, and the doorbells of 512 queues.
const NVME_BAR_BYTES: usize = 0x4000;

/// Bytes of the file server's register window.
const FILES_BAR_BYTES: usize = 0x1000;

/// The machine, ready for a program.
#[derive(Debug)]
pub(crate) struct System {
    bus: Bus,
    /// The machine's clock.
    pub(crate) clock: Rc<Clock>,
    /// Where events go.
    pub(crate) tracer: Tracer,
}

impl System {
    /// Finds the devices and starts those that every program needs.
    pub(crate) fn start(options: &Options<'_>) -> Self {
        let mut bus = Bus::scan(ConfigSpace::new(options.ecam, options.config));
        let lab = lab_device(&mut bus, options);
        let has_lab = lab.is_some();
        if calls::is_attached() {
            console::attach(Output::Calls(CallOutput));
        } else {
            start_console(&mut bus, has_lab);
            interrupt::enable_lapic();
        }
        let clock = match lab {
            Some(device) => Clock::Lab(device),
            None => {
                interrupt::mask_legacy();
                Clock::Processor(ProcessorClock::new())
            }
        };
        let has_trace = options.trace.unwrap_or(has_lab);
        let tracer = if has_trace { console_tracer() } else { Tracer::none() };
        Self { bus, clock: Rc::new(clock), tracer }
    }

    /// The NVMe controller's machine; `None` without a controller that has memory BARs and MSI-X.
    pub(crate) fn nvme(&mut self) -> Option<FunctionPlatform> {
        let function = self.bus.find_class(CLASS_NVME)?;
        self.bus.enable(function);
        let vectors = [Vector::device(0), Vector::device(1)];
        if !function.enable_msix(&vectors) {
            println!("the NVMe controller offers no {} MSI-X vectors", vectors.len());
            return None;
        }
        let bar = Bar::new(function.registers(0, NVME_BAR_BYTES));
        Some(FunctionPlatform::new(function, bar, self.clock.clone(), vectors, self.tracer.clone()))
    }

    /// The file server's machine; `None` if there is none.
    pub(crate) fn file_server(&mut self) -> Option<FunctionPlatform> {
        let function = self.bus.find(VENDOR_SWAPLAB, DEVICE_FILES)?;
        self.bus.enable(function);
        // Behind the controller's.
        let vectors = [2, 3].map(Vector::device);
        if !function.enable_msix(&vectors[..1]) {
            println!("the file server offers no MSI-X vector");
            return None;
        }
        let bar = Bar::new(function.registers(0, FILES_BAR_BYTES));
        Some(FunctionPlatform::new(function, bar, self.clock.clone(), vectors, self.tracer.clone()))
    }

    /// The control disk, started; `None` if there is none that works.
    pub(crate) fn control_disk(&mut self) -> Option<ControlDisk> {
        let transport = virtio(&mut self.bus, DEVICE_VIRTIO_BLOCK)?;
        ControlDisk::new(transport, self.tracer.clone())
            .inspect_err(|error| println!("virtio block: {error}"))
            .ok()
    }
}

fn lab_device(bus: &mut Bus, options: &Options<'_>) -> Option<LabDevice> {
    let function = bus.find(VENDOR_SWAPLAB, DEVICE_LAB)?;
    bus.enable(function);
    let registers = function.registers(0, lab_device::BAR_BYTES as usize);
    let is_attached = options.calls
        && calls::attach(registers, options.call_memory).expect("memory for the call page");
    let device = LabDevice::new(registers, is_attached).expect("memory for the wait block");
    if device.is_none() {
        println!("the lab device is of another version: ignored");
    }
    device
}

fn start_console(bus: &mut Bus, is_watched: bool) {
    let Some(transport) = virtio(bus, DEVICE_VIRTIO_CONSOLE) else {
        return;
    };
    match Transmit::new(transport, is_watched) {
        Ok(transmit) => console::attach(Output::Virtio(Box::new(transmit))),
        Err(error) => println!("virtio console: {error}"),
    }
}

/// The transport of a virtio function.
fn virtio(bus: &mut Bus, device_id: u16) -> Option<PciTransport> {
    let function = bus.find(VENDOR_VIRTIO, device_id)?;
    bus.enable(function);
    PciTransport::new::<VirtioHal, _>(&mut function.root(), function.address())
        .inspect_err(|error| println!("virtio function {device_id:#06x}: {error}"))
        .ok()
}
