//! Building a machine and cycling its power.

use std::sync::Arc;

use machine::layout;

use super::{Machine, Stopper};
use crate::VmmError;
use crate::boot::Boot;
use crate::clock::MachineClock;
use crate::config::{MachineConfig, MemoryAfterPowerCycle};
use crate::devices::virtio::block::Block;
use crate::devices::{self, Devices, Parts};
use crate::event_loop::{EventLoop, WatchdogTimer};
use crate::kvm::{MsiRouter, Ram, Vm};
use crate::output::Output;
use crate::raised::Raised;
use crate::watchdog::{Progress, Watchdog};

impl Machine {
    /// Builds a machine that is ready to run.
    ///
    /// # Errors
    /// The image is not bootable, KVM is missing or lacks something, or the host has no resources.
    pub fn new(config: MachineConfig) -> Result<Self, VmmError> {
        check_memory_size(config.memory_bytes)?;
        let boot = Boot::new(config.kernel, config.memory_bytes)?;
        let size = usize::try_from(config.memory_bytes).unwrap_or(usize::MAX);
        let ram = Ram::new(size)?;
        let (vm, vcpu) = Vm::new(&ram)?;
        let raised = Arc::new(Raised::default());
        let progress = Arc::new(Progress::new(Arc::clone(&raised)));
        let watchdog = WatchdogTimer::new(Watchdog::new(config.limits), Arc::clone(&progress))?;
        let event_loop = EventLoop::start(vec![Box::new(watchdog)])?;
        let block = config
            .control_disk
            .map(Block::new)
            .transpose()
            .map_err(|source| VmmError::Host {
                what: "finding out the control disk's size",
                source,
            })?;
        let router = MsiRouter::new(&vm, devices::LINES_MAX, Arc::clone(&raised));
        let devices = Devices::new(Parts {
            clock: MachineClock::new(config.clock),
            output: Output::new(config.limits.console_bytes_max),
            ram: ram.clone(),
            raised,
            progress: Arc::clone(&progress),
            sink: Arc::new(router),
            block,
        });
        boot.start(&ram, &vcpu, &config.cmdline)?;
        Ok(Self {
            _event_loop: event_loop,
            progress,
            vcpu,
            devices,
            _vm: vm,
            ram,
            boot,
            memory_after_power_cycle: config.memory_after_power_cycle,
        })
    }

    /// Cuts the power and switches on again, with another command line for the same image.
    ///
    /// The volatile parts are lost: memory (see [`MemoryAfterPowerCycle`]), the CPU, every device's
    /// registers, the controller's cache. The clock goes on.
    ///
    /// # Errors
    /// The command line is too long, or the host refuses.
    pub fn power_cycle(&mut self, cmdline: &str) -> Result<(), VmmError> {
        self.vcpu.reset()?;
        self.devices.power_cycle();
        if self.memory_after_power_cycle == MemoryAfterPowerCycle::Cleared {
            self.clear_memory()?;
        }
        self.boot.start(&self.ram, &self.vcpu, cmdline)
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
        Stopper {
            progress: Arc::clone(&self.progress),
        }
    }

    /// Nanoseconds since the machine was first switched on: virtual in the lab clock.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.devices.clock.now_ns()
    }
}

fn check_memory_size(bytes: u64) -> Result<(), VmmError> {
    let (min, max) = (layout::MEMORY_BYTES_MIN, layout::MEMORY_BYTES_MAX);
    if bytes % 4096 == 0 && (min..=max).contains(&bytes) {
        return Ok(());
    }
    Err(VmmError::MemorySize { bytes, min, max })
}
