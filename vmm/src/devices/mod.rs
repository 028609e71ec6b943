//! Everything the guest reaches through an exit, and how its answer ends a run.

mod ports;

use crate::clock::MachineClock;
use crate::output::{Flooded, Output};

/// How an access of the guest ends its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It wrote to the exit port.
    Code(u32),
    /// It printed too much.
    ConsoleFlood,
}

impl From<Flooded> for Ending {
    fn from(_: Flooded) -> Self {
        Self::ConsoleFlood
    }
}

/// The result of an access: the guest goes on, or its run is over.
pub(crate) type Access = Result<(), Ending>;

/// All devices of a machine.
#[derive(Debug)]
pub(crate) struct Devices {
    pub(crate) clock: MachineClock,
    pub(crate) output: Output,
}

impl Devices {
    /// Every device is as after power-on; the clock goes on.
    pub(crate) fn power_cycle(&mut self) {
        self.output.reset();
    }
}
