//! What a machine is made of.

use std::sync::Arc;
use std::time::Duration;

use nvme_model::{Controller, LabBound};

use crate::boot::KernelImage;
use crate::control::Control;
pub use crate::devices::virtio::block::ControlDisk;

/// How time passes in the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// Virtual nanoseconds that move only while the guest waits at the lab device.
    #[default]
    Lab,
    /// The host's monotonic clock, zero at power-on.
    Wall,
}

/// What a power cycle leaves in memory outside of the guest image and the boot pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryAfterPowerCycle {
    /// Zeroes, as in a new machine.
    #[default]
    Cleared,
    /// Whatever the guest left there, as in a warm reset; the fastest way to boot again. What the image says is not
    /// to be written to is loaded again only after a guest that crashed or hung.
    Kept,
}

/// How the processor begins after a power cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProcessorAfterPowerCycle {
    /// In its power-on state, at the image's entry.
    #[default]
    Reset,
    /// As the earlier life has left it, at the entry that the image names for that (`machine::warm_start`). As
    /// [`ProcessorAfterPowerCycle::Reset`] if it names none, if memory is not kept too, or if the earlier life did not
    /// end as the guest meant.
    Kept,
}

/// The limits of a run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest the guest may run without leaving the CPU, halted or not. `None`: for ever.
    pub no_progress: Option<Duration>,
    /// The longest a run may take. `None`: for ever.
    pub total: Option<Duration>,
    /// In the lab's clock: how long a life may last, in virtual time and in waits.
    pub lab: LabBound,
    /// The most bytes that the guest may write to console and debug port between two power cycles.
    pub console_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            no_progress: Some(Duration::from_secs(5)),
            total: Some(Duration::from_secs(60)),
            lab: LabBound::NONE,
            console_bytes_max: 256 << 20,
        }
    }
}

/// A machine to be built.
#[derive(Debug)]
pub struct MachineConfig {
    /// Bytes of memory, see `machine::layout::MEMORY_BYTES_MIN` and `MEMORY_BYTES_MAX`.
    pub memory_bytes: u64,
    /// What to boot.
    pub kernel: KernelImage,
    /// The initial RAM disk of a Linux kernel.
    pub initrd: Option<Arc<[u8]>>,
    /// The kernel's command line; for a PVH kernel the VMM appends where ECAM is.
    pub cmdline: String,
    /// The NVMe controller under test, if there is one.
    pub controller: Option<Controller>,
    /// The healthy disk, if there is one.
    pub control_disk: Option<ControlDisk>,
    /// How time passes.
    pub clock: Clock,
    /// When to stop waiting for the guest.
    pub limits: Limits,
    /// Where somebody outside may talk to the machine, in the wall clock.
    pub control: Option<Control>,
    /// In the lab clock, a thread of its own that answers a guest that has a call page, so that its calls are no
    /// exits: how often it looks for a call in vain before it sleeps, [`crate::ATTENDANT_LOOKS`] if in doubt,
    /// `u32::MAX` to stay awake. Good with two processors for this machine; with fewer the guest finds nobody and
    /// makes its exits.
    pub attendant_looks_max: Option<u32>,
    /// What a power cycle leaves in memory.
    pub memory_after_power_cycle: MemoryAfterPowerCycle,
    /// What a power cycle leaves of the processor.
    pub processor_after_power_cycle: ProcessorAfterPowerCycle,
}

impl MachineConfig {
    /// 256 MiB, the lab clock, the default limits, no disks, no attendant.
    #[must_use]
    pub fn new(kernel: KernelImage, cmdline: impl Into<String>) -> Self {
        Self {
            memory_bytes: 256 << 20,
            kernel,
            initrd: None,
            cmdline: cmdline.into(),
            controller: None,
            control_disk: None,
            clock: Clock::default(),
            limits: Limits::default(),
            control: None,
            attendant_looks_max: None,
            memory_after_power_cycle: MemoryAfterPowerCycle::default(),
            processor_after_power_cycle: ProcessorAfterPowerCycle::default(),
        }
    }
}
