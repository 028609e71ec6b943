//! The lab device's wait, and everything else that has to do with time passing.

use std::time::Duration;

use machine::lab_device::{WAIT_BLOCK_BYTES, WAKE_DEADLINE, WAKE_INTERRUPT, WaitBlock};
use nvme_model::{GuestMemory, LabWake};

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
            MachineClock::Lab { .. } => self.wait_lab(vector, block.deadline_ns, observer)?,
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
        vector: u8,
        deadline_ns: u64,
        observer: &mut dyn MachineObserver,
    ) -> Result<Woken, Ending> {
        let mut now_ns = self.clock.now_ns();
        let wake = match &mut self.nvme {
            Some(nvme) => nvme.wait(&mut now_ns, deadline_ns, vector),
            None if self.raised.take(vector) => LabWake::Interrupt,
            None if deadline_ns == u64::MAX => LabWake::Forever,
            None => {
                now_ns = now_ns.max(deadline_ns);
                LabWake::Deadline
            }
        };
        self.clock = MachineClock::Lab { now_ns };
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
        if let MachineClock::Lab { .. } = self.clock {
            return;
        }
        let now_ns = self.clock.now_ns();
        if self.next_event().is_some_and(|at| at <= now_ns)
            && let Some(nvme) = &mut self.nvme
        {
            nvme.step(now_ns);
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

    /// When the controller does something next by itself.
    pub(crate) fn next_event(&self) -> Option<u64> {
        self.nvme.as_ref().and_then(|nvme| nvme.next_event())
    }

    /// Hands the observer what happened inside the controller.
    pub(crate) fn forward_events(&mut self, observer: &mut dyn MachineObserver) {
        let Some(nvme) = &mut self.nvme else { return };
        for (now_ns, event) in nvme.take_events() {
            observer.controller_event(now_ns, &event);
        }
    }
}
