//! Starting a guest: a PVH kernel in ELF form and nothing else.
//!
//! What it does not do: no bzImage, no 16-bit or 64-bit entry, no firmware. The PVH note is the whole
//! boot protocol, and the same image boots in any VMM that knows it.

mod elf;
mod registers;
mod start_info;

#[cfg(test)]
pub(crate) mod tiny;

use std::sync::Arc;

use crate::kvm::{Ram, Vcpu};
use crate::{ImageError, VmmError};
use elf::LoadPlan;

/// A guest image, as bytes and under the name by which its user knows it.
#[derive(Clone, Debug)]
pub struct KernelImage {
    /// For messages: usually the file name.
    pub name: String,
    /// The ELF file.
    pub bytes: Arc<[u8]>,
}

impl KernelImage {
    /// An image called `name`.
    pub fn new(name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }

    fn wrong(&self, source: ImageError) -> VmmError {
        VmmError::Image { name: self.name.clone(), source }
    }
}

/// An image that was checked against the machine it is to boot in.
#[derive(Debug)]
pub(crate) struct Boot {
    image: KernelImage,
    plan: LoadPlan,
}

impl Boot {
    /// Checks `image`.
    ///
    /// # Errors
    /// [`VmmError::Image`] with the offset and what was expected there.
    pub(crate) fn new(image: KernelImage, memory_bytes: u64) -> Result<Self, VmmError> {
        let lowest = start_info::END;
        let plan = LoadPlan::new(&image.bytes, lowest, memory_bytes)
            .map_err(|source| image.wrong(source))?;
        Ok(Self { image, plan })
    }

    /// One past the last byte that the image occupies.
    pub(crate) fn image_end(&self) -> u64 {
        self.plan.end()
    }

    /// Loads the image and the boot pages, and points `vcpu`, which is in its power-on state, at the
    /// entry.
    ///
    /// # Errors
    /// The command line is too long, or the kernel refuses the registers.
    pub(crate) fn start(&self, ram: &Ram, vcpu: &Vcpu, cmdline: &str) -> Result<(), VmmError> {
        self.plan.load(&self.image.bytes, ram).map_err(|source| self.image.wrong(source))?;
        start_info::write(ram, cmdline)?;
        let (regs, sregs) =
            registers::pvh(self.plan.entry(), start_info::START_INFO, vcpu.power_on_sregs());
        vcpu.set_boot_registers(&regs, &sregs)
    }
}
