//! The zero page: what the boot loader tells the kernel.

use linux_loader::configurator::linux::LinuxBootConfigurator;
use linux_loader::configurator::{BootConfigurator, BootParams};
use linux_loader::loader::bootparam::{boot_e820_entry, boot_params, setup_header};
use vm_memory::GuestAddress;

use crate::boot::command_line;
use crate::boot::memory_map::memory_map;
use crate::kvm::Ram;
use crate::{VmmError, acpi};

/// Where it lies.
pub(super) const ADDRESS: u64 = 0x7000;

/// `type_of_loader`: a loader without a number of its own.
// Spec: Linux-boot "type_of_loader"
const LOADER_UNDEFINED: u8 = 0xff;

/// Writes the zero page, around the header that came with the kernel.
pub(super) fn write(
    ram: &Ram,
    setup: setup_header,
    initrd_at: u64,
    initrd_bytes: u64,
) -> Result<(), VmmError> {
    let map = memory_map(ram.size_bytes());
    let mut params = boot_params { hdr: setup, ..Default::default() };
    params.hdr.type_of_loader = LOADER_UNDEFINED;
    params.hdr.cmd_line_ptr = command_line::ADDRESS as u32;
    params.hdr.cmdline_size = command_line::BYTES_MAX as u32;
    // Memory ends below 4 GiB (`machine::layout::MEMORY_BYTES_MAX`), so the low halves are all.
    params.hdr.ramdisk_image = if initrd_bytes > 0 { initrd_at as u32 } else { 0 };
    params.hdr.ramdisk_size = initrd_bytes as u32;
    params.acpi_rsdp_addr = acpi::RSDP;
    params.e820_entries = map.len() as u8;
    for (entry, range) in params.e820_table.iter_mut().zip(map) {
        *entry =
            boot_e820_entry { addr: range.address, size: range.size_bytes, r#type: range.kind };
    }
    let page = BootParams::new(&params, GuestAddress(ADDRESS));
    LinuxBootConfigurator::write_bootparams(&page, ram.memory()).map_err(|error| VmmError::Host {
        what: "writing the zero page",
        source: std::io::Error::other(error.to_string()),
    })
}
