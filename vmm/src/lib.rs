//! The virtual machine monitor: one KVM virtual machine with one CPU, and the NVMe controller under
//! test on its PCI bus.
//!
//! A [`Machine`] boots a PVH kernel, runs it until it exits, hangs or crashes, and can be power-cycled
//! in place. Whatever the guest does is an [`Exit`]; only the host's failures are [`VmmError`]s.
//! A [`DriveServer`] gives the same controller to somebody else's machine, without KVM.
//!
//! What it does not do: no second CPU, no firmware, no ACPI beyond the tables that a stock Linux looks for its
//! hardware in, no snapshots, no knowledge of NVMe (the controller is `nvme-model`'s) and none of what the
//! guest is there for. No interrupt pins: the interrupt chip is split, the local APIC in the kernel and no I/O APIC at
//! all. INTx would need one here, with routing tables and end-of-interrupt exits, for a level that drivers use
//! only where MSI-X is missing; the controller's pin is tried in process, by an outside driver.
//!
//! Threads: the CPU runs on the thread that calls [`Machine::run`]; one event-loop thread holds the
//! watchdog and, in the wall clock, the timers; there a third one polls shadow doorbells. In the lab clock a third one may answer
//! the guest's bell ([`MachineConfig::attendant_looks_max`]). The guest stands still while anybody steps the controller there, so a run is
//! as repeatable as the guest.

mod acpi;
mod attendant;
mod boot;
mod clock;
mod config;
mod console_input;
mod control;
mod controller_timer;
mod devices;
mod error;
mod event_loop;
mod exit;
mod kvm;
mod machine;
mod observer;
mod output;
mod pci;
mod poller;
mod raised;
mod seen;
mod serve;
mod socket;
mod tail;
mod watchdog;

pub use self::machine::{Machine, Stopper};
pub use attendant::ATTENDANT_LOOKS;
pub use boot::KernelImage;
pub use config::{
    Clock, ControlDisk, Limits, MachineConfig, MemoryAfterPowerCycle, ProcessorAfterPowerCycle,
};
pub use console_input::ConsoleInput;
pub use control::{Control, ControlHook, ControlledDrive};
pub use error::{ImageError, VmmError};
pub use exit::{Exit, Limit, Registers, Report};
pub use kvm::check_host;
pub use observer::{MachineObserver, NoObserver};
pub use serve::{DriveServer, ServeConfig, ServeStopper, SessionEnd};
