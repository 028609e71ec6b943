//! The lab device's wait: where time passes.

use std::time::Duration;

use machine::lab_device::{WAIT_BLOCK_BYTES, WAKE_DEADLINE, WAKE_INTERRUPT, WaitBlock};
use nvme_model::GuestMemory;

use super::{Access, Devices, Ending};
use crate::MachineObserver;
use crate::clock::MachineClock;
use crate::raised::Woken;

impl Devices {
    /// Lets time pass until what the wait block at `address` asks for has happened.
    pub(super) fn wait(&mut self, address: u64, observer: &mut dyn MachineObserver) -> Access {
        let mut bytes = [0; WAIT_BLOCK_BYTES];
        if address % 8 != 0 || self.ram.read(address, &mut bytes).is_err() {
            log::warn!("the guest waits with its wait block at {address:#x}, which cannot be");
            return Ok(());
        }
        let mut block = WaitBlock::from_bytes(&bytes);
        let Ok(vector) = u8::try_from(block.vector) else {
            log::warn!(
                "the guest waits for vector {}, which cannot be",
                block.vector
            );
            return Ok(());
        };
        let woken = match self.clock {
            MachineClock::Lab { .. } => self.wait_lab(vector, block.deadline_ns, observer)?,
            MachineClock::Wall { .. } => self.wait_wall(vector, block.deadline_ns),
        };
        block.wake = match woken {
            Woken::Raised => WAKE_INTERRUPT,
            Woken::TimedOut | Woken::Cancelled => WAKE_DEADLINE,
        };
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
        _observer: &mut dyn MachineObserver,
    ) -> Result<Woken, Ending> {
        if self.raised.take(vector) {
            return Ok(Woken::Raised);
        }
        if deadline_ns == u64::MAX {
            return Err(Ending::WaitsForever);
        }
        if let MachineClock::Lab { now_ns } = &mut self.clock {
            *now_ns = deadline_ns.max(*now_ns);
        }
        Ok(Woken::TimedOut)
    }

    /// The thread sleeps until the event loop's thread raises the vector.
    fn wait_wall(&mut self, vector: u8, deadline_ns: u64) -> Woken {
        let limit = (deadline_ns != u64::MAX)
            .then(|| Duration::from_nanos(deadline_ns.saturating_sub(self.clock.now_ns())));
        self.progress.set_waiting(true);
        let woken = self.raised.wait(vector, limit);
        self.progress.set_waiting(false);
        woken
    }
}
