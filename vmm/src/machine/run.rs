//! The run loop: enter the guest, handle its exit, until something ends it.

use kvm_ioctls::VcpuExit;
use machine::ports;

use super::Machine;
use crate::devices::Ending;
use crate::watchdog::StopReason;
use crate::{Exit, Limit, MachineObserver, Report, VmmError};

/// Why the loop ended.
enum End {
    Access(Ending),
    Stop(StopReason),
    TripleFault,
    CpuError(String),
}

impl Machine {
    /// Runs the guest until it exits, crashes, hangs or is stopped.
    ///
    /// After any exit the machine can be power-cycled and run again.
    ///
    /// # Errors
    /// The host's kernel refuses to go on; the guest is not to blame.
    pub fn run(&mut self, observer: &mut dyn MachineObserver) -> Result<Exit, VmmError> {
        self.progress.enter()?;
        let end = self.run_loop(observer);
        self.progress.leave();
        let exit = self.exit(end?)?;
        log::debug!("the run ended: {exit}");
        Ok(exit)
    }

    fn run_loop(&mut self, observer: &mut dyn MachineObserver) -> Result<End, VmmError> {
        loop {
            if let Some(reason) = self.progress.stop_reason() {
                return Ok(End::Stop(reason));
            }
            let Some(exit) = self.vcpu.run()? else {
                continue;
            };
            self.progress.count_exit();
            // What the guest said before this exit comes before what the exit does.
            let said = self.devices.drain_console(observer);
            if let Err(ending) = said {
                return Ok(End::Access(ending));
            }
            let access = match exit {
                VcpuExit::IoOut(port, data) => self.devices.port_write(port, data, observer),
                VcpuExit::IoIn(port, data) => {
                    self.devices.port_read(port, data);
                    Ok(())
                }
                VcpuExit::MmioWrite(address, data) => {
                    self.devices.mmio_write(address, data, observer)
                }
                VcpuExit::MmioRead(address, data) => {
                    self.devices.mmio_read(address, data);
                    Ok(())
                }
                VcpuExit::Shutdown => return Ok(End::TripleFault),
                VcpuExit::InternalError => return Ok(self.internal_error()),
                VcpuExit::FailEntry(reason, _) => {
                    return Ok(End::CpuError(format!(
                        "the host CPU refused entry ({reason:#x})"
                    )));
                }
                VcpuExit::Intr | VcpuExit::IrqWindowOpen => Ok(()),
                other => return Ok(End::CpuError(format!("unexpected exit {other:?}"))),
            };
            if let Err(ending) = access {
                return Ok(End::Access(ending));
            }
        }
    }

    /// `KVM_EXIT_INTERNAL_ERROR`, in words.
    fn internal_error(&mut self) -> End {
        let (suberror, data) = self.vcpu.internal_error();
        let meaning = match suberror {
            1 => "the kernel cannot emulate the instruction",
            2 => "an exception came while another was delivered",
            3 => "an unexpected exit came while an event was delivered",
            _ => "the kernel gives no reason",
        };
        End::CpuError(format!(
            "KVM internal error {suberror}: {meaning}; data {data:x?}"
        ))
    }

    fn exit(&self, end: End) -> Result<Exit, VmmError> {
        Ok(match end {
            End::Access(Ending::Code(ports::EXIT_PANIC)) => Exit::GuestPanic(self.report()?),
            End::Access(Ending::Code(code)) => Exit::Code(code),
            End::Access(Ending::ConsoleFlood) => Exit::ConsoleFlood {
                bytes_max: self.devices.output.bytes_max(),
                report: self.report()?,
            },
            End::Access(Ending::WaitsForever) => Exit::WaitsForever(self.report()?),
            End::Stop(StopReason::NoProgress) => Exit::Hang {
                limit: Limit::NoProgress,
                report: self.report()?,
            },
            End::Stop(StopReason::Total) => Exit::Hang {
                limit: Limit::Total,
                report: self.report()?,
            },
            End::Stop(StopReason::Outside) => Exit::Stopped,
            End::TripleFault => Exit::TripleFault(self.report()?),
            End::CpuError(reason) => Exit::CpuError {
                reason,
                report: self.report()?,
            },
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
