//! The lab clock: one time for both engines.
//!
//! In the lab, time is a number that moves here and nowhere else. A guest that waits says until when
//! and for which interrupt line; [`lab_wait_in`] then lets the devices have their events one after the
//! other, each at its own time, until one of them raises the line or the deadline comes first. The KVM
//! engine calls it from the lab device's WAIT register, the host engine from `hal::Platform::wait`.
//! Because it is the same code over the same devices, the same unit sees the same times and the
//! same order on both; nothing of the host (its clock, its scheduler, its speed) takes part.
//!
//! Rules that make it exact:
//! - A line that was raised before the call is consumed at once, and time does not move.
//! - An event at exactly the deadline happens before the deadline does.
//! - When nothing is due before the deadline, time jumps there.
//! - Without a deadline and without an event nothing will ever happen: the caller learns that instead
//!   of waiting ([`LabWake::Forever`]).

use crate::{Controller, GuestMemory, IrqSink, Observer, Ports};

/// Interrupts that can be asked for: vectors as the function signals them, lines as the guest waits for
/// them. Which vector raises which line, and whether it is masked, is the implementor's business.
pub trait LabIrq: IrqSink {
    /// Whether `line` was raised since this was last asked; asking consumes it.
    fn take_raised(&mut self, line: u32) -> bool;
}

/// Why [`lab_wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabWake {
    /// The line was raised.
    Interrupt,
    /// The deadline came first.
    Deadline,
    /// Nothing is due and there is no deadline: nothing will ever happen. Time did not move.
    Forever,
}

/// Everything in a machine that does something by itself, and its interrupt lines.
pub trait LabWorld {
    /// Whether `line` was raised since this was last asked; asking consumes it.
    fn take_raised(&mut self, line: u32) -> bool;

    /// When something happens next by itself.
    fn next_event(&self) -> Option<u64>;

    /// Lets everybody do what is due at `now_ns`, always in the same order.
    fn step(&mut self, now_ns: u64);
}

/// Waits for interrupt `line` or until `deadline_ns` (`u64::MAX`: no deadline), in a machine with any number of
/// devices.
///
/// `now_ns` is the lab's clock; it moves forward only. Ends after finitely many events: devices without new
/// commands run out of them.
pub fn lab_wait_in(
    world: &mut dyn LabWorld,
    now_ns: &mut u64,
    deadline_ns: u64,
    line: u32,
) -> LabWake {
    loop {
        if world.take_raised(line) {
            return LabWake::Interrupt;
        }
        match world.next_event() {
            Some(at) if at <= deadline_ns => {
                *now_ns = at.max(*now_ns);
                world.step(*now_ns);
            }
            _ if deadline_ns == u64::MAX => return LabWake::Forever,
            _ => {
                *now_ns = deadline_ns.max(*now_ns);
                return LabWake::Deadline;
            }
        }
    }
}

/// A controller and nothing else.
struct Alone<'a> {
    controller: &'a mut Controller,
    memory: &'a dyn GuestMemory,
    irq: &'a mut dyn LabIrq,
    observer: &'a mut dyn Observer,
}

impl LabWorld for Alone<'_> {
    fn take_raised(&mut self, line: u32) -> bool {
        self.irq.take_raised(line)
    }

    fn next_event(&self) -> Option<u64> {
        self.controller.next_event()
    }

    fn step(&mut self, now_ns: u64) {
        let Self { controller, memory, irq, observer } = self;
        let mut ports = Ports { memory: *memory, irq: &mut **irq, observer: &mut **observer };
        controller.step(now_ns, &mut ports);
    }
}

/// [`lab_wait_in`] for a machine whose only device is a controller.
pub fn lab_wait(
    controller: &mut Controller,
    now_ns: &mut u64,
    deadline_ns: u64,
    line: u32,
    memory: &dyn GuestMemory,
    irq: &mut dyn LabIrq,
    observer: &mut dyn Observer,
) -> LabWake {
    let mut world = Alone { controller, memory, irq, observer };
    lab_wait_in(&mut world, now_ns, deadline_ns, line)
}
