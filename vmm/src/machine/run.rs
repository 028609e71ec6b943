//! The run loop: enter the guest, handle its exit, until something ends it.

use kvm_ioctls::VcpuExit;
use machine::ports;

use super::{Machine, attended};
use crate::devices::{Devices, Ending};
use crate::poller::Poller;
use crate::watchdog::StopReason;
use crate::{Exit, Limit, MachineObserver, ProcessorAfterPowerCycle, Report, VmmError};

/// Why the loop ended.
pub(super) enum End {
    Access(Ending),
    Stop(StopReason),
    TripleFault,
    CpuError(String),
    InternalError,
}

impl From<Ending> for End {
    fn from(ending: Ending) -> Self {
        Self::Access(ending)
    }
}

impl Machine {
    /// Runs the guest until it exits, crashes, hangs or is stopped.
    ///
    /// After any exit the machine can be power-cycled and run again.
    ///
    /// # Errors
    /// The host's kernel refuses to go on; the guest is not to blame.
    pub fn run(&mut self, observer: &mut dyn MachineObserver) -> Result<Exit, VmmError> {
        // What the power cut before this run did.
        self.devices.forward_events(observer);
        self.devices.begin_run(observer.watches_devices());
        self.progress.enter()?;
        let end = match &mut self.attendant {
            Some(attendant) => {
                attendant.open(self.devices.lend());
                let end = attended::run_loop(&mut self.vcpu, &self.progress, attendant, observer);
                self.devices.take_back(attendant.close(observer));
                end
            }
            None => self.run_loop(observer),
        };
        self.progress.leave();
        // A guest that hung or crashed may have said something that it never announced.
        let _ = self.devices.catch_up(observer);
        let exit = self.exit(end?)?;
        self.is_image_whole &= exit.is_meant();
        self.learn_warm_start()?;
        log::debug!("the run ended: {exit}");
        Ok(exit)
    }

    /// Once the guest has come to an end that it meant, the next one can begin where this one had set up the processor.
    fn learn_warm_start(&mut self) -> Result<(), VmmError> {
        let is_wanted = self.processor_after_power_cycle == ProcessorAfterPowerCycle::Kept;
        if is_wanted && self.warm.is_none() && self.is_image_whole && self.boot.can_start_again() {
            self.warm = Some(self.vcpu.special_registers()?);
        }
        Ok(())
    }

    fn run_loop(&mut self, observer: &mut dyn MachineObserver) -> Result<End, VmmError> {
        loop {
            if let Some(reason) = self.progress.stop_reason() {
                return Ok(End::Stop(reason));
            }
            if self.is_wall_clock {
                self.devices.step_if_due(observer);
                let due = self.devices.next_event();
                self.alarm.set(due.and_then(|at| self.devices.clock.host_time(at)));
            }
            if let Some(poller) = &mut self.poller
                && let Some((nvme, power_on)) = self.devices.lend_nvme()
            {
                poller.lend(nvme, power_on);
            }
            let exit = self.vcpu.run();
            if let Some(nvme) = self.poller.as_ref().and_then(Poller::take_back) {
                self.devices.return_nvme(nvme);
            }
            let Some(exit) = exit? else {
                continue;
            };
            self.progress.count_exit();
            if let Err(end) = handle(&mut self.devices, exit, observer) {
                return Ok(end);
            }
            self.devices.publish_calls();
        }
    }

    /// `KVM_EXIT_INTERNAL_ERROR`, in words.
    fn internal_error(&mut self) -> String {
        let (suberror, data) = self.vcpu.internal_error();
        let meaning = match suberror {
            1 => "the kernel cannot emulate the instruction",
            2 => "an exception came while another was delivered",
            3 => "an unexpected exit came while an event was delivered",
            _ => "the kernel gives no reason",
        };
        format!("KVM internal error {suberror}: {meaning}; data {data:x?}")
    }

    fn exit(&mut self, end: End) -> Result<Exit, VmmError> {
        Ok(match end {
            End::Access(Ending::Code(ports::EXIT_PANIC)) => Exit::GuestPanic(self.report()?),
            End::Access(Ending::Code(code)) => Exit::Code(code),
            End::Access(Ending::ConsoleFlood) => Exit::ConsoleFlood {
                bytes_max: self.devices.output.bytes_max(),
                report: self.report()?,
            },
            End::Access(Ending::PowerLost) => Exit::PowerLost,
            End::Access(Ending::WaitsForever) => Exit::WaitsForever(self.report()?),
            End::Access(Ending::PowerOff) => Exit::PowerOff,
            End::Access(Ending::Reset) => Exit::Reset,
            End::Stop(StopReason::NoProgress) => {
                Exit::Hang { limit: Limit::NoProgress, report: self.report()? }
            }
            End::Stop(StopReason::Total) => {
                Exit::Hang { limit: Limit::Total, report: self.report()? }
            }
            End::Stop(StopReason::Outside) => Exit::Stopped,
            End::TripleFault => Exit::TripleFault(self.report()?),
            End::CpuError(reason) => Exit::CpuError { reason, report: self.report()? },
            End::InternalError => {
                let reason = self.internal_error();
                Exit::CpuError { reason, report: self.report()? }
            }
        })
    }

    fn report(&self) -> Result<Report, VmmError> {
        Ok(Report {
            registers: self.vcpu.registers()?,
            last_lines: self.devices.output.lines(),
            now_ns: self.devices.clock.now_ns(),
        })
    }
}

/// Carries out what the guest left the CPU for.
pub(super) fn handle(
    devices: &mut Devices,
    exit: VcpuExit<'_>,
    observer: &mut dyn MachineObserver,
) -> Result<(), End> {
    // What the guest said before this exit comes before what the exit does.
    devices.catch_up(observer)?;
    match exit {
        VcpuExit::IoOut(port, data) => devices.port_write(port, data, observer)?,
        VcpuExit::IoIn(port, data) => devices.port_read(port, data),
        VcpuExit::MmioWrite(address, data) => devices.mmio_write(address, data, observer)?,
        VcpuExit::MmioRead(address, data) => devices.mmio_read(address, data, observer),
        VcpuExit::Intr | VcpuExit::IrqWindowOpen => {}
        VcpuExit::Shutdown => return Err(End::TripleFault),
        VcpuExit::InternalError => return Err(End::InternalError),
        VcpuExit::FailEntry(reason, _) => {
            return Err(End::CpuError(format!("the host CPU refused entry ({reason:#x})")));
        }
        other => return Err(End::CpuError(format!("unexpected exit {other:?}"))),
    }
    devices.power()?;
    Ok(())
}
