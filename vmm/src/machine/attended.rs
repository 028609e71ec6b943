//! The run loop with an attendant (`crate::attendant`): in the lab clock, on two processors.

use std::panic::resume_unwind;
use std::thread::{self, Thread};

use super::Machine;
use super::run::{End, handle};
use crate::attendant::Desk;
use crate::kvm::Vcpu;
use crate::watchdog::{Progress, StopReason};
use crate::{MachineObserver, VmmError};

impl Machine {
    /// As [`Machine::run_loop`], but a guest that rings is answered by another thread.
    pub(super) fn run_attended(
        &mut self,
        observer: &mut dyn MachineObserver,
    ) -> Result<End, VmmError> {
        let Self { devices, vcpu, ram, progress, .. } = self;
        let desk = &Desk::new(devices, observer, ram.clone(), progress);
        thread::scope(|scope| {
            let attendant = thread::Builder::new()
                .name("attendant".into())
                .spawn_scoped(scope, || desk.attend())
                .map_err(|source| VmmError::Host { what: "starting the attendant", source })?;
            let closing = Closing { desk, attendant: attendant.thread().clone() };
            let end = run_loop(vcpu, progress, &closing);
            drop(closing);
            // A bug of ours that ended the attendant is to be seen where it would be without one.
            attendant.join().unwrap_or_else(|panic| resume_unwind(panic));
            end
        })
    }
}

/// Sends the attendant home, however the run ends: it would be waited for.
struct Closing<'a, 'b> {
    desk: &'a Desk<'b>,
    attendant: Thread,
}

impl Drop for Closing<'_, '_> {
    fn drop(&mut self) {
        self.desk.close(&self.attendant);
    }
}

fn run_loop(vcpu: &mut Vcpu, progress: &Progress, at: &Closing<'_, '_>) -> Result<End, VmmError> {
    loop {
        if let Some(reason) = progress.stop_reason() {
            return Ok(End::Stop(reason));
        }
        if at.desk.is_broken() {
            // Whoever joins the thread goes on with its panic.
            return Ok(End::Stop(StopReason::Outside));
        }
        if let Some(ending) = at.desk.end() {
            return Ok(ending.into());
        }
        let Some(exit) = vcpu.run()? else {
            continue;
        };
        progress.count_exit();
        let handled =
            at.desk.at_exit(&at.attendant, |devices, observer| handle(devices, exit, observer));
        if let Err(end) = handled {
            return Ok(end);
        }
    }
}
