//! Everything the guest reaches through an exit, and how its answer ends a run.

mod bus;
mod calls;
mod course;
mod files;
mod lab;
pub(crate) mod nvme;
mod ports;
mod serial;
pub(crate) mod virtio;
mod wait;

use std::sync::Arc;
use std::time::Instant;

use file_server::FileServer;
use machine::layout;
use nvme_model::{Controller, GuestMemory};

use crate::MachineObserver;
use crate::clock::MachineClock;
use crate::console_input::InputBuffer;
use crate::control::Answering;
use crate::kvm::Ram;
use crate::output::{Flooded, Output};
use crate::pci::{ConfigAddress, HostBridge, Line, MsiSink, Placement};
use crate::raised::Raised;
use crate::watchdog::Progress;
use files::FilesFunction;
use lab::LabFunction;
use nvme::NvmeFunction;
use serial::SerialPort;
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
    /// A fault has cut the power.
    PowerLost,
    /// It switched itself off by ACPI.
    PowerOff,
    /// It reset itself by ACPI.
    Reset,
}

impl From<Flooded> for Ending {
    fn from(_: Flooded) -> Self {
        Self::ConsoleFlood
    }
}

/// The result of an access: the guest goes on, or its run is over.
pub(crate) type Access = Result<(), Ending>;

// Which interrupt lines are whose. The controller comes last: how many it takes is its own business.
const CONSOLE_LINE: Line = Line(0);
const BLOCK_LINE: Line = Line(VirtioFunction::<Console>::LINES as u32);
const FILES_LINE: Line = Line(BLOCK_LINE.0 + VirtioFunction::<Block>::LINES as u32);
const NVME_LINE: Line = Line(FILES_LINE.0 + FilesFunction::LINES as u32);

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
    nvme: Option<Box<NvmeFunction>>,
    files: Option<Box<FilesFunction>>,
    console: VirtioFunction<Console>,
    serial: SerialPort,
    block: Option<VirtioFunction<Block>>,
    answering: Option<Answering>,
    input: Arc<InputBuffer>,
    sink: Arc<dyn MsiSink>,
    /// The page that the guest named, if it did.
    calls: Option<calls::CallPage>,
    /// The copies of registers that it has.
    shown_registers: Option<[u8; calls::COPY_BYTES]>,
    /// What was taken out of its output ring last: kept for its memory.
    taken_output: Vec<u8>,
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
    pub(crate) controller: Option<Controller>,
    pub(crate) answering: Option<Answering>,
}

impl Devices {
    /// Puts all functions on the bus.
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { clock, output, ram, raised, progress, sink, .. } = parts;
        let console =
            VirtioFunction::new(Console::default(), &ram, CONSOLE_LINE, Arc::clone(&sink));
        let block = parts
            .block
            .map(|block| VirtioFunction::new(block, &ram, BLOCK_LINE, Arc::clone(&sink)));
        let is_running = matches!(clock, MachineClock::Wall { .. });
        let mut devices = Self {
            clock,
            output,
            ram,
            raised,
            progress,
            host_bridge: HostBridge::new(),
            lab: LabFunction::new(is_running),
            nvme: None,
            files: None,
            console,
            serial: SerialPort::default(),
            block,
            answering: parts.answering,
            input: Arc::default(),
            sink,
            calls: None,
            shown_registers: None,
            taken_output: Vec::new(),
        };
        devices.replace_controller(parts.controller);
        devices.place();
        devices
    }

    /// Plugs another controller in, or none, and returns the former one.
    pub(crate) fn replace_controller(&mut self, new: Option<Controller>) -> Option<Controller> {
        let new = new.map(|controller| {
            let sink = Arc::clone(&self.sink);
            Box::new(NvmeFunction::new(controller, self.ram.clone(), NVME_LINE, sink))
        });
        std::mem::replace(&mut self.nvme, new).map(|nvme| nvme.into_controller())
    }

    /// Connects another file server, or none, and returns the former one.
    pub(crate) fn replace_file_server(&mut self, new: Option<FileServer>) -> Option<FileServer> {
        let new = new.map(|server| {
            let sink = Arc::clone(&self.sink);
            Box::new(FilesFunction::new(server, &self.ram, FILES_LINE, sink))
        });
        std::mem::replace(&mut self.files, new).map(|files| files.into_server())
    }

    /// The file server.
    pub(crate) fn file_server(&self) -> Option<&FileServer> {
        self.files.as_ref().map(|files| files.server())
    }

    /// The guest begins to run, with or without somebody who wants to see what happens in the devices.
    pub(crate) fn begin_run(&mut self, is_watched: bool) {
        if let Some(nvme) = &mut self.nvme {
            nvme.course.begin(is_watched);
        }
        if let Some(files) = &mut self.files {
            files.course.begin(is_watched);
        }
    }

    /// The NVMe function.
    pub(crate) fn nvme(&self) -> Option<&NvmeFunction> {
        self.nvme.as_deref()
    }

    /// The NVMe function.
    pub(crate) fn nvme_mut(&mut self) -> Option<&mut NvmeFunction> {
        self.nvme.as_deref_mut()
    }

    /// Lends the NVMe function out, with the time of its power-on. Only in the wall clock.
    pub(crate) fn lend_nvme(&mut self) -> Option<(Box<NvmeFunction>, Instant)> {
        let power_on = self.clock.power_on()?;
        Some((self.nvme.take()?, power_on))
    }

    /// Has the NVMe function back.
    pub(crate) fn return_nvme(&mut self, nvme: Box<NvmeFunction>) {
        self.nvme = Some(nvme);
    }

    /// Every device is as after power-on, and so is the clock.
    pub(crate) fn power_cycle(&mut self) {
        self.clock.reset();
        self.output.reset();
        self.raised.clear();
        self.calls = None;
        self.serial = SerialPort::default();
        self.for_each_function(|function| function.reset());
        if let Some(nvme) = &mut self.nvme {
            nvme.power_cut(self.clock.now_ns());
        }
        if let Some(files) = &mut self.files {
            files.power_cut(self.clock.now_ns());
        }
        self.place();
    }

    /// Places BARs as firmware would.
    fn place(&mut self) {
        let mut placement = Placement::new();
        self.for_each_function(|function| placement.place(function));
    }

    /// Takes what the guest said and did since its last exit. Called before every exit is handled, so
    /// that it comes before what the exit does.
    pub(crate) fn catch_up(&mut self, observer: &mut dyn MachineObserver) -> Access {
        self.drain_console(observer)?;
        self.take_posted(observer)
    }

    /// Hands the observer what the guest has put into its console's queue.
    pub(crate) fn drain_console(&mut self, observer: &mut dyn MachineObserver) -> Access {
        self.console.device_mut().set_output_room(self.output.bytes_left().saturating_add(1));
        self.console.process(TRANSMIT);
        let bytes = self.console.device_mut().take_output();
        if !bytes.is_empty() {
            self.output.console(self.clock.now_ns(), &bytes, observer)?;
        }
        Ok(())
    }

    /// The buffer that console input comes through.
    pub(crate) fn input(&self) -> Arc<InputBuffer> {
        Arc::clone(&self.input)
    }

    /// Writes the copy of configuration space that the guest finds at power-on.
    ///
    /// # Errors
    /// There is no memory where the copy lies.
    pub(crate) fn write_config_copy(&mut self) -> Result<(), nvme_model::BadAddress> {
        for number in 0..layout::CONFIG_COPY_DEVICES {
            let mut bytes = [0xff; layout::CONFIG_COPY_BYTES as usize];
            let slot = u8::try_from(number).unwrap_or(u8::MAX);
            self.config_read(ConfigAddress { slot, function: 0, offset: 0 }, &mut bytes);
            let at = layout::CONFIG_COPY + number * layout::CONFIG_COPY_BYTES;
            GuestMemory::write(&self.ram, at, &bytes)?;
        }
        Ok(())
    }

    /// Answers what somebody outside has said.
    fn answer(&mut self) {
        if let Some(answering) = &mut self.answering {
            let now_ns = self.clock.now_ns();
            answering.answer_all(self.nvme.as_deref_mut().map(|nvme| nvme.controlled(now_ns)));
        }
    }

    /// Hands the guest the input that has come: through the virtio console if the guest drives it, else
    /// through the serial port.
    fn take_input(&mut self) {
        self.progress.looked_up();
        let bytes = self.input.take();
        if bytes.is_empty() {
            return;
        }
        if self.console.is_running() {
            self.console.device_mut().push_input(&bytes);
            self.console.process(RECEIVE);
        } else {
            self.serial.push_input(&bytes);
        }
    }
}
