//! Time on this machine: the lab device's, or the processor's own where there is none (QEMU).

use core::cell::Cell;

use hal::{Instant, Wake};
use kernel_core::clock::TickRate;

use super::lab_device::LabDevice;
use crate::arch::clock;
use crate::arch::interrupt::{DEVICE_VECTORS, Vector};
use crate::console;

/// Where time comes from.
#[derive(Debug)]
pub(crate) enum Clock {
    /// The lab device.
    Lab(LabDevice),
    /// The time-stamp counter, waiting by polling.
    Processor(ProcessorClock),
}

impl Clock {
    /// The time now.
    pub(crate) fn now(&self) -> Instant {
        match self {
            Self::Lab(device) => device.now(),
            Self::Processor(clock) => clock.now(),
        }
    }

    /// Waits for an interrupt or until the deadline.
    pub(crate) fn wait(&self, vector: Vector, deadline: Instant) -> Wake {
        match self {
            Self::Lab(device) => device.wait(vector, deadline),
            Self::Processor(clock) => clock.wait(vector, deadline),
        }
    }

    /// Interrupts that were announced and never arrived.
    pub(crate) fn missing_interrupts(&self) -> u64 {
        match self {
            Self::Lab(device) => device.missing_count(),
            Self::Processor(_) => 0,
        }
    }
}

/// The time-stamp counter.
#[derive(Debug)]
pub(crate) struct ProcessorClock {
    rate: TickRate,
    start: u64,
    consumed: [Cell<u64>; DEVICE_VECTORS],
}

impl ProcessorClock {
    /// Measures the counter; its time begins now.
    pub(crate) fn new() -> Self {
        let consumed = [const { Cell::new(0) }; DEVICE_VECTORS];
        Self { rate: clock::measure_rate(), start: clock::ticks(), consumed }
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.rate.nanos(clock::ticks().wrapping_sub(self.start)))
    }

    fn wait(&self, vector: Vector, deadline: Instant) -> Wake {
        console::publish();
        let consumed = &self.consumed[vector.index()];
        loop {
            if deadline == Instant::NEVER {
                vector.halt_after(consumed.get());
            }
            if vector.take_after(consumed.get(), 1) {
                consumed.set(vector.taken_count());
                return Wake::Interrupt;
            }
            if self.now() >= deadline {
                return Wake::Deadline;
            }
            core::hint::spin_loop();
        }
    }
}
