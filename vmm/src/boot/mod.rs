//! Starting a guest: a PVH kernel in ELF form, or a stock Linux as a bzImage.
//!
//! Which one it is, the file says. What it does not do: no firmware, no 16-bit entry, no other protocol.

mod command_line;
mod elf;
mod fields;
mod linux;
mod memory_map;
mod registers;
mod start_info;

#[cfg(test)]
pub(crate) mod tiny;

use std::borrow::Cow;
use std::sync::Arc;

use crate::kvm::{Ram, SpecialRegisters, Vcpu};
use crate::{ImageError, VmmError};
use elf::LoadPlan;
use linux::LinuxPlan;

/// A guest image, as bytes and under the name by which its user knows it.
#[derive(Clone, Debug)]
pub struct KernelImage {
    /// For messages: usually the file name.
    pub name: String,
    /// The file: a PVH ELF or a bzImage. One that is a part of the program is not copied: some megabytes
    /// of debug information would be paid for at each start.
    pub bytes: Arc<Cow<'static, [u8]>>,
}

impl KernelImage {
    /// An image called `name`.
    pub fn new(name: impl Into<String>, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { name: name.into(), bytes: Arc::new(bytes.into()) }
    }

    fn wrong(&self, source: ImageError) -> VmmError {
        VmmError::Image { name: self.name.clone(), source }
    }
}

/// What is in memory when a guest is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InMemory {
    /// Nothing that can be relied on.
    Nothing,
    /// The image, whole where it says that nobody writes to it.
    Image,
}

/// An image that was checked against the machine it is to boot in.
#[derive(Debug)]
pub(crate) struct Boot {
    image: KernelImage,
    plan: Plan,
}

#[derive(Debug)]
enum Plan {
    Pvh(LoadPlan),
    Linux(LinuxPlan),
}

impl Boot {
    /// Checks `image`.
    ///
    /// # Errors
    /// [`VmmError::Image`] with the offset and what was expected there.
    pub(crate) fn new(
        image: KernelImage,
        initrd: Option<Arc<[u8]>>,
        memory_bytes: u64,
    ) -> Result<Self, VmmError> {
        let plan = if linux::is_linux(&image.bytes) {
            LinuxPlan::new(&image.bytes, initrd, memory_bytes).map(Plan::Linux)
        } else if initrd.is_some() {
            Err(ImageError::NotLinux)
        } else {
            LoadPlan::new(&image.bytes, start_info::END, memory_bytes).map(Plan::Pvh)
        };
        match plan {
            Ok(plan) => Ok(Self { image, plan }),
            Err(source) => Err(image.wrong(source)),
        }
    }

    /// One past the last byte that the image occupies.
    pub(crate) fn image_end(&self) -> u64 {
        match &self.plan {
            Plan::Pvh(plan) => plan.end(),
            Plan::Linux(plan) => plan.end(),
        }
    }

    /// Loads the image and the boot pages, and points `vcpu` at the entry.
    ///
    /// It is in its power-on state. Or the image has set it up in an earlier life, after which these were its `special`
    /// registers; that has to be an image of which [`Boot::can_start_again`] is true, and to be in memory.
    ///
    /// # Errors
    /// The command line is too long, or the kernel refuses the registers.
    pub(crate) fn start(
        &self,
        ram: &Ram,
        vcpu: &mut Vcpu,
        cmdline: &str,
        in_memory: InMemory,
        special: Option<&SpecialRegisters>,
    ) -> Result<(), VmmError> {
        let plan = match &self.plan {
            Plan::Pvh(plan) => plan,
            Plan::Linux(plan) => return plan.start(&self.image.bytes, ram, vcpu, cmdline),
        };
        self.load(plan, ram, in_memory)?;
        start_info::write(ram, cmdline)?;
        let start_info = start_info::START_INFO;
        if let (Some(special), Some(entry)) = (special, plan.warm_entry()) {
            return vcpu.enter_again(&registers::warm(entry, start_info), special);
        }
        let (regs, sregs) = registers::pvh(plan.entry(), start_info, vcpu.power_on_sregs());
        vcpu.set_boot_registers(&regs, &sregs)
    }

    /// Whether the image names an entry for a processor that it has set up (`machine::warm_start`).
    pub(crate) fn can_start_again(&self) -> bool {
        matches!(&self.plan, Plan::Pvh(plan) if plan.warm_entry().is_some())
    }

    fn load(&self, plan: &LoadPlan, ram: &Ram, in_memory: InMemory) -> Result<(), VmmError> {
        let loaded = match in_memory {
            InMemory::Nothing => plan.load(&self.image.bytes, ram),
            InMemory::Image => plan.refresh(&self.image.bytes, ram),
        };
        loaded.map_err(|source| self.image.wrong(source))
    }
}
