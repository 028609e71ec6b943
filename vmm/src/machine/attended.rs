//! The run loop with an attendant (`crate::attendant`): in the lab clock, on two processors.

use super::run::{End, handle};
use crate::attendant::Attendant;
use crate::kvm::Vcpu;
use crate::watchdog::{Progress, StopReason};
use crate::{MachineObserver, VmmError};

/// Runs the guest whose devices the attendant has until the run is over.
pub(super) fn run_loop(
    vcpu: &mut Vcpu,
    progress: &Progress,
    attendant: &Attendant,
    observer: &mut dyn MachineObserver,
) -> Result<End, VmmError> {
    loop {
        if let Some(reason) = progress.stop_reason() {
            return Ok(End::Stop(reason));
        }
        if attendant.is_broken() {
            // Whoever joins the thread goes on with its panic.
            return Ok(End::Stop(StopReason::Outside));
        }
        if let Some(ending) = attendant.end() {
            return Ok(ending.into());
        }
        let Some(exit) = vcpu.run()? else {
            continue;
        };
        progress.count_exit();
        let handled =
            attendant.at_exit(observer, |devices, observer| handle(devices, exit, observer));
        if let Err(end) = handled {
            return Ok(end);
        }
    }
}
