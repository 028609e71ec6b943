//! A machine: memory, CPU and devices, built once, run and power-cycled as often as wanted.

mod attended;
mod build;
mod lent;
mod run;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::attendant::Attendant;
use crate::boot::Boot;
use crate::config::{MemoryAfterPowerCycle, ProcessorAfterPowerCycle};
use crate::controller_timer::Alarm;
use crate::event_loop::EventLoop;
use crate::kvm::{Ram, SpecialRegisters, Vcpu, Vm};
use crate::poller::Poller;
use crate::raised::Raised;
use crate::watchdog::Progress;
use lent::Lendable;

/// A virtual machine.
#[derive(Debug)]
pub struct Machine {
    // Dropped in this order: the event loop's thread must be gone before what it looks at.
    _event_loop: EventLoop,
    progress: Arc<Progress>,
    raised: Arc<Raised>,
    alarm: Arc<Alarm>,
    /// In the wall clock.
    poller: Option<Poller>,
    is_wall_clock: bool,
    /// In the lab clock, if one is wanted.
    attendant: Option<Attendant>,
    vcpu: Vcpu,
    devices: Lendable,
    _vm: Vm,
    ram: Ram,
    boot: Boot,
    memory_after_power_cycle: MemoryAfterPowerCycle,
    /// The guest has come to an end that it meant; one that crashed may have written anywhere.
    is_image_whole: bool,
    processor_after_power_cycle: ProcessorAfterPowerCycle,
    /// What the processor's special registers are at the end of a life, once that is known.
    warm: Option<SpecialRegisters>,
}

/// Stops a machine from another thread.
#[derive(Clone, Debug)]
pub struct Stopper {
    progress: Arc<Progress>,
}

impl Stopper {
    /// Ends the present run, or the next one, with [`crate::Exit::Stopped`].
    pub fn stop(&self) {
        self.progress.stop_from_outside();
    }
}
