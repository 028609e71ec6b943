//! How a machine's run ended, as far as the guest is to blame or to praise.

use std::fmt;

use kvm_bindings::{kvm_regs, kvm_sregs};

/// Why [`crate::Machine::run`] returned.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Exit {
    /// The guest wrote this to the exit port (see `machine::ports`), and it was not the panic code.
    Code(u32),
    /// The guest reported its own panic.
    GuestPanic(Report),
    /// The CPU could not even deliver a double fault.
    TripleFault(Report),
    /// The CPU cannot go on for a reason that the kernel names.
    CpuError {
        /// The kernel's reason.
        reason: String,
        /// Where it happened.
        report: Report,
    },
    /// The guest ran out of the time that the watchdog gives it.
    Hang {
        /// Which limit.
        limit: Limit,
        /// Where the guest was.
        report: Report,
    },
    /// The guest wrote more to its console than it may.
    ConsoleFlood {
        /// The most it may write between two power cycles.
        bytes_max: u64,
        /// Where it was.
        report: Report,
    },
    /// The guest waits without a deadline for an interrupt that nothing can raise any more, or has waited longer
    /// or more often than [`crate::Limits::lab`] allows.
    WaitsForever(Report),
    /// A fault rule of the controller has cut the power.
    PowerLost,
    /// The guest switched the machine off by ACPI.
    PowerOff,
    /// The guest reset the machine by ACPI. The machine stays off until it is power-cycled.
    Reset,
    /// Somebody called [`crate::Stopper::stop`].
    Stopped,
}

impl Exit {
    /// The guest, or whoever has the machine's power, wanted it: nothing went wrong in the guest before.
    pub(crate) const fn is_meant(&self) -> bool {
        matches!(
            self,
            Self::Code(_) | Self::WaitsForever(_) | Self::PowerLost | Self::PowerOff | Self::Reset
        )
    }
}

/// The watchdog's limits, in wall-clock time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The guest ran on without ever leaving the CPU.
    NoProgress,
    /// The whole run took too long.
    Total,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "the guest exited with code {code}"),
            Self::GuestPanic(report) => write!(f, "the guest panicked\n{report}"),
            Self::TripleFault(report) => write!(f, "the guest triple-faulted\n{report}"),
            Self::CpuError { reason, report } => write!(f, "the CPU stopped: {reason}\n{report}"),
            Self::Hang { limit: Limit::NoProgress, report } => {
                write!(f, "the guest hangs: it made no progress for too long\n{report}")
            }
            Self::Hang { limit: Limit::Total, report } => {
                write!(f, "the guest ran longer than it may\n{report}")
            }
            Self::ConsoleFlood { bytes_max, report } => {
                write!(f, "the guest wrote more than {bytes_max} bytes to its console\n{report}")
            }
            Self::WaitsForever(report) => {
                write!(f, "the guest waits for what can never come, or without end\n{report}")
            }
            Self::PowerLost => f.write_str("a fault has cut the power"),
            Self::PowerOff => f.write_str("the guest switched the machine off"),
            Self::Reset => f.write_str("the guest reset the machine"),
            Self::Stopped => f.write_str("the machine was stopped from outside"),
        }
    }
}

/// The state of a guest that ended badly.
#[derive(Clone, Debug)]
pub struct Report {
    /// The CPU's registers; on AMD hosts a triple fault has already reset them.
    pub registers: Registers,
    /// The last lines of console and debug port, oldest first.
    pub last_lines: Vec<String>,
    /// Nanoseconds since power-on, in the machine's clock.
    pub now_ns: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "at {} ns since power-on", self.now_ns)?;
        write!(f, "{}", self.registers)?;
        if self.last_lines.is_empty() {
            return f.write_str("\nthe guest printed nothing");
        }
        f.write_str("\nlast lines of the console:")?;
        self.last_lines.iter().try_for_each(|line| write!(f, "\n  | {line}"))
    }
}

/// The CPU's registers.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    /// General registers.
    pub regs: kvm_regs,
    /// Control and segment registers.
    pub sregs: kvm_sregs,
}

impl fmt::Display for Registers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let r = &self.regs;
        let s = &self.sregs;
        writeln!(f, "rip {:016x}  rsp {:016x}  rflags {:08x}", r.rip, r.rsp, r.rflags)?;
        writeln!(
            f,
            "rax {:016x}  rbx {:016x}  rcx {:016x}  rdx {:016x}",
            r.rax, r.rbx, r.rcx, r.rdx
        )?;
        writeln!(
            f,
            "rsi {:016x}  rdi {:016x}  rbp {:016x}  r8  {:016x}",
            r.rsi, r.rdi, r.rbp, r.r8
        )?;
        writeln!(
            f,
            "r9  {:016x}  r10 {:016x}  r11 {:016x}  r12 {:016x}",
            r.r9, r.r10, r.r11, r.r12
        )?;
        writeln!(f, "r13 {:016x}  r14 {:016x}  r15 {:016x}", r.r13, r.r14, r.r15)?;
        writeln!(
            f,
            "cr0 {:08x}  cr2 {:016x}  cr3 {:016x}  cr4 {:08x}",
            s.cr0, s.cr2, s.cr3, s.cr4
        )?;
        write!(
            f,
            "efer {:x}  cs {:04x}  ss {:04x}  cpl {}",
            s.efer, s.cs.selector, s.ss.selector, s.ss.dpl
        )
    }
}
