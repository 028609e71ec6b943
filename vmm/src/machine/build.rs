//! Building a machine and cycling its power.

use std::sync::Arc;

use file_server::FileServer;
use machine::layout;
use nvme_model::Controller;

use super::lent::Lendable;
use super::{Machine, Stopper};
use crate::ConsoleInput;
use crate::VmmError;
use crate::attendant::Attendant;
use crate::boot::{Boot, InMemory};
use crate::clock::MachineClock;
use crate::config::{Clock, MachineConfig, MemoryAfterPowerCycle};
use crate::control::{Answering, Control, ControlServer, Mailbox};
use crate::controller_timer::{Alarm, ControllerTimer};
use crate::devices::nvme::NvmeFunction;
use crate::devices::virtio::block::Block;
use crate::devices::{Devices, Parts};
use crate::event_loop::{EventLoop, Subscriber, WatchdogTimer};
use crate::kvm::{MsiRouter, Ram, Vm};
use crate::output::Output;
use crate::poller::Poller;
use crate::raised::Raised;
use crate::watchdog::{Progress, Watchdog};

impl Machine {
    /// Builds a machine that is ready to run.
    ///
    /// # Errors
    /// The image is not bootable, KVM is missing or lacks something, or the host has no resources.
    pub fn new(config: MachineConfig) -> Result<Self, VmmError> {
        check_memory_size(config.memory_bytes)?;
        let boot = Boot::new(config.kernel, config.initrd, config.memory_bytes)?;
        let size = usize::try_from(config.memory_bytes).unwrap_or(usize::MAX);
        let ram = Ram::new(size)?;
        let (vm, mut vcpu) = Vm::new(&ram)?;
        let raised = Arc::new(Raised::default());
        let progress = Arc::new(Progress::new(Arc::clone(&raised)));
        let watchdog = WatchdogTimer::new(Watchdog::new(config.limits), Arc::clone(&progress))?;
        let alarm = Arc::new(Alarm::new()?);
        let mut subscribers: Vec<Subscriber> = vec![Box::new(watchdog)];
        let is_wall_clock = config.clock == Clock::Wall;
        if is_wall_clock {
            let progress = Arc::clone(&progress);
            let timer = ControllerTimer::new(Arc::clone(&alarm), move || progress.kick())?;
            subscribers.push(Box::new(timer));
        }
        let poller = is_wall_clock.then(|| Poller::start(Arc::clone(&progress))).transpose()?;
        let answering = config
            .control
            .map(|control| listen(control, &raised, &progress, &mut subscribers))
            .transpose()?;
        let event_loop = EventLoop::start(subscribers)?;
        let block = config.control_disk.map(Block::new).transpose().map_err(|source| {
            VmmError::Host { what: "finding out the control disk's size", source }
        })?;
        let router = MsiRouter::new(&vm, Arc::clone(&raised));
        let mut devices = Devices::new(Parts {
            clock: MachineClock::new(config.clock, config.limits.lab),
            output: Output::new(config.limits.console_bytes_max),
            ram: ram.clone(),
            raised: Arc::clone(&raised),
            progress: Arc::clone(&progress),
            sink: Arc::new(router),
            block,
            controller: config.controller,
            answering,
        });
        let attendant = config
            .attendant_looks_max
            .filter(|_| !is_wall_clock)
            .map(|looks_max| Attendant::start(ram.clone(), Arc::clone(&progress), looks_max))
            .transpose()?;
        boot.start(&ram, &mut vcpu, &config.cmdline, InMemory::Nothing, None)?;
        devices.write_config_copy().map_err(no_boot_pages)?;
        Ok(Self {
            _event_loop: event_loop,
            progress,
            raised,
            vcpu,
            devices: Lendable::new(devices),
            alarm,
            poller,
            is_wall_clock,
            attendant,
            _vm: vm,
            ram,
            boot,
            memory_after_power_cycle: config.memory_after_power_cycle,
            is_image_whole: true,
            processor_after_power_cycle: config.processor_after_power_cycle,
            warm: None,
        })
    }

    /// Cuts the power and switches on again, with another command line for the same image.
    ///
    /// The volatile parts are lost: memory (see [`MemoryAfterPowerCycle`]), the CPU, every device's
    /// registers, the controller's cache. It is zero o'clock again. What the controller has to say
    /// about it, the observer of the next run sees first. A controller that was plugged in and has not
    /// run yet has no power to lose.
    ///
    /// # Errors
    /// The command line is too long, or the host refuses.
    pub fn power_cycle(&mut self, cmdline: &str) -> Result<(), VmmError> {
        self.devices.power_cycle();
        if self.memory_after_power_cycle == MemoryAfterPowerCycle::Cleared {
            self.clear_memory()?;
        }
        let in_memory = match self.memory_after_power_cycle {
            MemoryAfterPowerCycle::Kept if self.is_image_whole => InMemory::Image,
            _ => InMemory::Nothing,
        };
        let special = self.warm.filter(|_| in_memory == InMemory::Image);
        if special.is_none() {
            self.vcpu.reset()?;
        }
        self.boot.start(&self.ram, &mut self.vcpu, cmdline, in_memory, special.as_ref())?;
        self.is_image_whole = true;
        self.devices.write_config_copy().map_err(no_boot_pages)
    }

    /// Everything after the image goes back to the host; what shares a huge page with the image is
    /// zeroed by hand, so that the image's own mapping stays warm.
    fn clear_memory(&self) -> Result<(), VmmError> {
        const HUGE_PAGE_BYTES: u64 = 2 << 20;
        let boundary = self.boot.image_end().next_multiple_of(HUGE_PAGE_BYTES);
        let boundary = boundary.min(self.ram.size_bytes());
        self.ram.zero(0, boundary).map_err(|e| VmmError::Host {
            what: "clearing guest memory",
            source: std::io::Error::other(format!("{:#x} is not memory", e.address)),
        })?;
        self.ram.discard_from(boundary)
    }

    /// A handle that stops this machine from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper { progress: Arc::clone(&self.progress) }
    }

    /// A handle that types into this machine's console from another thread, in the wall clock.
    #[must_use]
    pub fn console_input(&self) -> ConsoleInput {
        ConsoleInput {
            buffer: self.devices.input(),
            raised: Arc::clone(&self.raised),
            progress: Arc::clone(&self.progress),
        }
    }

    /// Nanoseconds since power-on: virtual in the lab clock.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.devices.clock.now_ns()
    }

    /// How often the guest has left the CPU so far: what a run costs on a host where exits are dear.
    #[must_use]
    pub fn exits(&self) -> u64 {
        self.progress.exits()
    }

    /// The NVMe controller that is plugged in.
    #[must_use]
    pub fn controller(&self) -> Option<&Controller> {
        self.devices.nvme().map(NvmeFunction::controller)
    }

    /// The NVMe controller, to arm faults or to damage its media.
    pub fn controller_mut(&mut self) -> Option<&mut Controller> {
        self.devices.nvme_mut().map(NvmeFunction::controller_mut)
    }

    /// Plugs another controller in, or none, and returns the former one. To be followed by
    /// [`Machine::power_cycle`]: the slot's registers are not placed yet.
    pub fn replace_controller(&mut self, new: Option<Controller>) -> Option<Controller> {
        self.devices.replace_controller(new)
    }

    /// Connects another file server, or none, and returns the former one. To be followed by
    /// [`Machine::power_cycle`].
    pub fn replace_file_server(&mut self, new: Option<FileServer>) -> Option<FileServer> {
        self.devices.replace_file_server(new)
    }

    /// The file server that is connected.
    #[must_use]
    pub fn file_server(&self) -> Option<&FileServer> {
        self.devices.file_server()
    }

    /// Takes the machine apart and returns its controller.
    #[must_use]
    pub fn into_controller(mut self) -> Option<Controller> {
        self.devices.replace_controller(None)
    }
}

/// Lets somebody outside talk to the machine, by a server that joins the event loop's `subscribers`.
fn listen(
    control: Control,
    raised: &Arc<Raised>,
    progress: &Arc<Progress>,
    subscribers: &mut Vec<Subscriber>,
) -> Result<Answering, VmmError> {
    let mailbox = Arc::new(Mailbox::new()?);
    let (raised, progress) = (Arc::clone(raised), Arc::clone(progress));
    let wake = move || {
        raised.poke();
        progress.look_up();
    };
    let server = ControlServer::new(&control.path, Arc::clone(&mailbox), wake)?;
    subscribers.push(Box::new(server));
    Ok(Answering { mailbox, hook: control.hook })
}

fn no_boot_pages(bad: nvme_model::BadAddress) -> VmmError {
    let source = std::io::Error::other(format!("{:#x} is not memory", bad.address));
    VmmError::Host { what: "writing the boot pages", source }
}

fn check_memory_size(bytes: u64) -> Result<(), VmmError> {
    let (min, max) = (layout::MEMORY_BYTES_MIN, layout::MEMORY_BYTES_MAX);
    if bytes.is_multiple_of(4096) && (min..=max).contains(&bytes) {
        return Ok(());
    }
    Err(VmmError::MemorySize { bytes, min, max })
}
