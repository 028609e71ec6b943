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
//! - Who goes on and on gets nowhere either: a clock has a [`LabBound`], in virtual time and in waits, and a
//!   wait beyond it is one for ever. Both are counts of the lab, so it ends at the same event everywhere.

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
    /// Nothing is due and there is no deadline: nothing will ever happen. Or the clock's bound is reached: the
    /// guest runs in circles. Time did not move.
    Forever,
}

/// How long a life may last. What lasts longer is taken for endless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabBound {
    /// No wait begins at this time or later, in nanoseconds since power-on.
    pub end_ns: u64,
    /// The most waits.
    pub waits_max: u64,
}

impl LabBound {
    /// A life may last for ever.
    pub const NONE: Self = Self { end_ns: u64::MAX, waits_max: u64::MAX };
}

/// The lab's clock in one life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabClock {
    /// Nanoseconds since power-on. Moves forward only.
    pub now_ns: u64,
    waits: u64,
    bound: LabBound,
}

impl LabClock {
    /// A clock at zero.
    #[must_use]
    pub const fn new(bound: LabBound) -> Self {
        Self { now_ns: 0, waits: 0, bound }
    }

    /// The machine is switched on again: zero o'clock, and a whole life ahead.
    pub const fn reset(&mut self) {
        *self = Self::new(self.bound);
    }

    /// Counts a wait; whether it may still begin.
    const fn begin_wait(&mut self) -> bool {
        self.waits = self.waits.saturating_add(1);
        self.now_ns < self.bound.end_ns && self.waits <= self.bound.waits_max
    }
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
/// Ends after finitely many events: devices without new commands run out of them.
pub fn lab_wait_in(
    world: &mut dyn LabWorld,
    clock: &mut LabClock,
    deadline_ns: u64,
    line: u32,
) -> LabWake {
    if !clock.begin_wait() {
        return LabWake::Forever;
    }
    let now_ns = &mut clock.now_ns;
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

/// [`lab_wait_in`] for a machine whose only device is a controller, without a bound.
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
    let mut clock = LabClock { now_ns: *now_ns, ..LabClock::new(LabBound::NONE) };
    let wake = lab_wait_in(&mut world, &mut clock, deadline_ns, line);
    *now_ns = clock.now_ns;
    wake
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A world in which nothing happens.
    struct Still;

    impl LabWorld for Still {
        fn take_raised(&mut self, _line: u32) -> bool {
            false
        }

        fn next_event(&self) -> Option<u64> {
            None
        }

        fn step(&mut self, _now_ns: u64) {}
    }

    fn waits_until_forever(bound: LabBound, step_ns: u64) -> (u64, LabClock) {
        let mut clock = LabClock::new(bound);
        let mut count = 0;
        loop {
            let deadline_ns = clock.now_ns + step_ns;
            if lab_wait_in(&mut Still, &mut clock, deadline_ns, 0) == LabWake::Forever {
                return (count, clock);
            }
            count += 1;
        }
    }

    #[test]
    fn a_guest_that_waits_again_and_again_is_stopped_by_time_or_by_count() {
        let bound = LabBound { end_ns: 1000, waits_max: 50 };
        let (waits, clock) = waits_until_forever(bound, 100);
        assert_eq!((waits, clock.now_ns), (10, 1000), "time is up at its end");
        let (waits, mut clock) = waits_until_forever(bound, 1);
        assert_eq!((waits, clock.now_ns), (50, 50), "and before, after too many waits");
        clock.reset();
        assert_eq!(lab_wait_in(&mut Still, &mut clock, 7, 0), LabWake::Deadline);
    }
}
