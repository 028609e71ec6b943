//! Everything the guest reaches through an exit, and how its answer ends a run.

mod bus;
mod lab;
mod ports;
pub(crate) mod virtio;
mod wait;

use std::sync::Arc;

use crate::MachineObserver;
use crate::clock::MachineClock;
use crate::kvm::Ram;
use crate::output::{Flooded, Output};
use crate::pci::{HostBridge, Line, MsiSink, Placement};
use crate::raised::Raised;
use crate::watchdog::Progress;
use lab::LabFunction;
use virtio::VirtioFunction;
use virtio::block::Block;
use virtio::console::{Console, RECEIVE, TRANSMIT};

/// How an access of the guest ends its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It wrote to the exit port.
    Code(u32),
    /// It printed too much.
    ConsoleFlood,
    /// It waits for what cannot happen.
    WaitsForever,
}

impl From<Flooded> for Ending {
    fn from(_: Flooded) -> Self {
        Self::ConsoleFlood
    }
}

/// The result of an access: the guest goes on, or its run is over.
pub(crate) type Access = Result<(), Ending>;

/// Lines that the devices of a machine take.
pub(crate) const LINES_MAX: u32 =
    (VirtioFunction::<Console>::LINES + VirtioFunction::<Block>::LINES) as u32;

/// All devices of a machine.
#[derive(Debug)]
pub(crate) struct Devices {
    pub(crate) clock: MachineClock,
    pub(crate) output: Output,
    ram: Ram,
    raised: Arc<Raised>,
    progress: Arc<Progress>,
    host_bridge: HostBridge,
    lab: LabFunction,
    console: VirtioFunction<Console>,
    block: Option<VirtioFunction<Block>>,
}

/// What devices are built from.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) clock: MachineClock,
    pub(crate) output: Output,
    pub(crate) ram: Ram,
    pub(crate) raised: Arc<Raised>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) sink: Arc<dyn MsiSink>,
    pub(crate) block: Option<Block>,
}

impl Devices {
    /// Puts all functions on the bus.
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            clock,
            output,
            ram,
            raised,
            progress,
            sink,
            block,
        } = parts;
        let mut next_line = 0;
        let mut lines = |count: u16| {
            let first = Line(next_line);
            next_line += u32::from(count);
            first
        };
        let console = VirtioFunction::new(
            Console::default(),
            &ram,
            lines(VirtioFunction::<Console>::LINES),
            Arc::clone(&sink),
        );
        let block = block.map(|block| {
            VirtioFunction::new(block, &ram, lines(VirtioFunction::<Block>::LINES), sink)
        });
        let host_bridge = HostBridge::new();
        let lab = LabFunction::new();
        let mut devices = Self {
            clock,
            output,
            ram,
            raised,
            progress,
            host_bridge,
            lab,
            console,
            block,
        };
        devices.place();
        devices
    }

    /// Every device is as after power-on; the clock goes on.
    pub(crate) fn power_cycle(&mut self) {
        self.output.reset();
        self.raised.clear();
        self.for_each_function(|function| function.reset());
        self.place();
    }

    /// Places BARs as firmware would.
    fn place(&mut self) {
        let mut placement = Placement::new();
        self.for_each_function(|function| placement.place(function));
    }

    /// Hands the observer what the guest has put into its console's queue.
    ///
    /// In the lab clock this is called before every exit is handled, so that what the guest said
    /// before an access comes before what the access does.
    pub(crate) fn drain_console(&mut self, observer: &mut dyn MachineObserver) -> Access {
        self.console
            .device_mut()
            .set_output_room(self.output.bytes_left().saturating_add(1));
        self.console.process(TRANSMIT);
        let bytes = self.console.device_mut().take_output();
        if !bytes.is_empty() {
            self.output.console(self.clock.now_ns(), &bytes, observer)?;
        }
        Ok(())
    }

    /// Input for the guest's console.
    pub(crate) fn console_input(&mut self, bytes: &[u8]) {
        self.console.device_mut().push_input(bytes);
        self.console.process(RECEIVE);
    }
}
