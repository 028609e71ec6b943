//! Starting a stock Linux: a bzImage, entered in 64-bit mode, with an initial RAM disk.
//!
//! The kernel learns of the machine from the zero page (memory, command line, RAM disk) and from ACPI
//! tables (processor, PCI, serial port, power).
//!
//! What it does not do: no kernel before 2.12 of the protocol, none without a 64-bit entry, no EFI stub.
//!
//! Invariant: kernel, the memory it needs to unpack itself, and RAM disk lie in memory and apart.

mod header;
mod long_mode;
mod zero_page;

use std::io::Cursor;
use std::sync::Arc;

use linux_loader::loader::bootparam::setup_header;
use linux_loader::loader::{BzImage, KernelLoader};
use nvme_model::GuestMemory;
use vm_memory::GuestAddress;

use super::command_line;
use crate::acpi;
use crate::kvm::{Ram, Vcpu};
use crate::{ImageError, VmmError};
use header::Header;

pub(super) use header::is_linux;

/// A kernel that was checked, and where everything goes.
#[derive(Debug)]
pub(super) struct LinuxPlan {
    header: Header,
    initrd: Option<Arc<[u8]>>,
    initrd_at: u64,
}

impl LinuxPlan {
    /// Checks the kernel `bytes` and finds a place for `initrd`.
    pub(super) fn new(
        bytes: &[u8],
        initrd: Option<Arc<[u8]>>,
        memory_bytes: u64,
    ) -> Result<Self, ImageError> {
        let header = Header::read(bytes)?;
        let initrd_bytes = initrd.as_ref().map_or(0, |initrd| initrd.len() as u64);
        let top = memory_bytes.min(header.initrd_end_max());
        let initrd_at = top.saturating_sub(initrd_bytes) & !0xfff;
        let needed = header.memory();
        if needed.end > initrd_at {
            return Err(ImageError::LinuxTooLarge {
                kernel_end: needed.end,
                initrd_bytes,
                memory: memory_bytes,
            });
        }
        Ok(Self { header, initrd, initrd_at })
    }

    /// One past the last byte that the kernel's file occupies.
    pub(super) fn end(&self) -> u64 {
        self.header.file_end()
    }

    /// Loads the kernel and everything that tells it about the machine, and points `vcpu` at its
    /// 64-bit entry.
    pub(super) fn start(
        &self,
        bytes: &[u8],
        ram: &Ram,
        vcpu: &Vcpu,
        cmdline: &str,
    ) -> Result<(), VmmError> {
        let setup = self.load(bytes, ram)?;
        command_line::write(ram, cmdline)?;
        acpi::write(ram).map_err(no_memory)?;
        if let Some(initrd) = &self.initrd {
            GuestMemory::write(ram, self.initrd_at, initrd).map_err(no_memory)?;
        }
        let initrd_bytes = self.initrd.as_ref().map_or(0, |initrd| initrd.len());
        zero_page::write(ram, setup, self.initrd_at, initrd_bytes as u64)?;
        long_mode::write_tables(ram).map_err(no_memory)?;
        let entry = self.header.entry();
        let (regs, sregs) = long_mode::registers(entry, zero_page::ADDRESS, vcpu.power_on_sregs());
        vcpu.set_boot_registers(&regs, &sregs)
    }

    fn load(&self, bytes: &[u8], ram: &Ram) -> Result<setup_header, VmmError> {
        let refused = |why: String| VmmError::Host {
            what: "loading the Linux kernel",
            source: std::io::Error::other(why),
        };
        let at = Some(GuestAddress(header::LOAD_ADDRESS));
        let result = BzImage::load(ram.memory(), at, &mut Cursor::new(bytes), None)
            .map_err(|error| refused(error.to_string()))?;
        result.setup_header.ok_or_else(|| refused("the loader found no setup header".to_owned()))
    }
}

fn no_memory(error: nvme_model::BadAddress) -> VmmError {
    VmmError::Host {
        what: "writing what Linux boots from",
        source: std::io::Error::other(format!("{:#x} is not memory", error.address)),
    }
}
