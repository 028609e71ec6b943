//! The lab device's wait, and everything else that has to do with time passing.

use std::time::Duration;

use machine::lab_device::{WAIT_BLOCK_BYTES, WAKE_DEADLINE, WAKE_INTERRUPT, WaitBlock};
use nvme_model::{GuestMemory, LabClock, LabWake, LabWorld, lab_wait_in};

use super::{Access, Devices, Ending};
use crate::MachineObserver;
use crate::clock::MachineClock;
use crate::raised::Woken;

impl Devices {
    /// Lets time pass until what the wait block at `address` asks for has happened.
    pub(super) fn wait(&mut self, address: u64, observer: &mut dyn MachineObserver) -> Access {
        let mut bytes = [0; WAIT_BLOCK_BYTES];
        if !address.is_multiple_of(8) || self.ram.read(address, &mut bytes).is_err() {
            log::warn!("the guest waits with its wait block at {address:#x}, which cannot be");
            return Ok(());
        }
        let mut block = WaitBlock::from_bytes(&bytes);
        let Ok(vector) = u8::try_from(block.vector) else {
            log::warn!("the guest waits for vector {}, which cannot be", block.vector);
            return Ok(());
        };
        let woken = match self.clock {
            MachineClock::Lab(clock) => {
                self.wait_lab(clock, vector, block.deadline_ns, observer)?
            }
            MachineClock::Wall { .. } => self.wait_wall(vector, block.deadline_ns, observer),
        };
        block.wake = if woken == Woken::Raised { WAKE_INTERRUPT } else { WAKE_DEADLINE };
        block.now_ns = self.clock.now_ns();
        if self.ram.write(address, &block.to_bytes()).is_err() {
            log::warn!("the wait block at {address:#x} is no longer memory");
        }
        Ok(())
    }

    /// Virtual time goes from event to event until the vector is raised or the deadline is reached.
    fn wait_lab(
        &mut self,
        mut clock: LabClock,
        vector: u8,
        deadline_ns: u64,
        observer: &mut dyn MachineObserver,
    ) -> Result<Woken, Ending> {
        let wake = lab_wait_in(&mut World(self), &mut clock, deadline_ns, u32::from(vector));
        self.clock = MachineClock::Lab(clock);
        self.forward_events(observer);
        self.power()?;
        match wake {
            LabWake::Interrupt => Ok(Woken::Raised),
            LabWake::Deadline => Ok(Woken::TimedOut),
            LabWake::Forever => Err(Ending::WaitsForever),
        }
    }

    /// The thread sleeps until the vector is raised, stepping the controller whenever it is due.
    fn wait_wall(
        &mut self,
        vector: u8,
        deadline_ns: u64,
        observer: &mut dyn MachineObserver,
    ) -> Woken {
        self.progress.set_waiting(true);
        // The poll thread does not have the controller now, and the guest that waits rings nothing: what it wrote to
        // the shadow doorbells last is looked at once, here.
        let now_ns = self.clock.now_ns();
        if let Some(nvme) = &mut self.nvme {
            nvme.look_once(now_ns);
            self.forward_events(observer);
        }
        let woken = loop {
            self.step_if_due(observer);
            if self.power().is_err() {
                break Woken::Cancelled;
            }
            let now_ns = self.clock.now_ns();
            let due_ns = self.next_event().unwrap_or(u64::MAX).min(deadline_ns);
            let limit =
                (due_ns != u64::MAX).then(|| Duration::from_nanos(due_ns.saturating_sub(now_ns)));
            match self.raised.wait(vector, limit) {
                Woken::TimedOut if self.clock.now_ns() < deadline_ns => {}
                woken => break woken,
            }
        };
        self.progress.set_waiting(false);
        woken
    }

    /// In the wall clock: steps the controller if it has something to do.
    pub(crate) fn step_if_due(&mut self, observer: &mut dyn MachineObserver) {
        if let MachineClock::Lab(_) = self.clock {
            return;
        }
        let now_ns = self.clock.now_ns();
        if self.next_event().is_some_and(|at| at <= now_ns) {
            World(self).step(now_ns);
            self.forward_events(observer);
        }
        self.take_input();
        self.answer();
    }

    /// Whether there still is power: a fault can cut it.
    pub(crate) fn power(&self) -> Access {
        match &self.nvme {
            Some(nvme) if nvme.controller().is_power_lost() => Err(Ending::PowerLost),
            _ => Ok(()),
        }
    }

    /// When a device does something next by itself.
    pub(crate) fn next_event(&self) -> Option<u64> {
        let nvme = self.nvme.as_ref().and_then(|nvme| nvme.next_event());
        let files = self.files.as_ref().and_then(|files| files.next_event());
        nvme.into_iter().chain(files).min()
    }

    /// Hands the observer what happened inside the devices: by time, and the controller first at equal times.
    pub(crate) fn forward_events(&mut self, observer: &mut dyn MachineObserver) {
        let controller = self.nvme.iter_mut().flat_map(|nvme| nvme.course.take_events());
        let server = self.files.iter_mut().flat_map(|files| files.course.take_events());
        let mut server = server.peekable();
        for (now_ns, event) in controller {
            while let Some((at, earlier)) = server.next_if(|(at, _)| *at < now_ns) {
                observer.server_event(at, &earlier);
            }
            observer.controller_event(now_ns, &event);
        }
        for (at, event) in server {
            observer.server_event(at, &event);
        }
    }
}

/// The machine as time passes in it: the controller first, then the file server.
struct World<'a>(&'a mut Devices);

impl LabWorld for World<'_> {
    fn take_raised(&mut self, line: u32) -> bool {
        u8::try_from(line).is_ok_and(|vector| self.0.raised.take(vector))
    }

    fn next_event(&self) -> Option<u64> {
        self.0.next_event()
    }

    fn step(&mut self, now_ns: u64) {
        if let Some(nvme) = &mut self.0.nvme {
            nvme.step(now_ns);
        }
        if let Some(files) = &mut self.0.files {
            files.step(now_ns);
        }
    }
}
