//! The boot pages of PVH: start info, memory map, and the command line with what our guest wants to know.

use linux_loader::configurator::BootConfigurator;
use linux_loader::configurator::BootParams;
use linux_loader::configurator::pvh::PvhBootConfigurator;
use linux_loader::loader::elf::start_info::{hvm_memmap_table_entry, hvm_start_info};
use machine::{call_page, layout};
use vm_memory::GuestAddress;

use super::command_line;
use super::memory_map::memory_map;
use crate::VmmError;
use crate::kvm::Ram;

/// `hvm_start_info.magic`: "xEn3".
// Spec: PVH "hvm_start_info.magic"
const MAGIC: u32 = 0x336e_c578;

/// Where the start info lies.
pub(super) const START_INFO: u64 = 0x1000;
/// Where the memory map lies.
const MEMORY_MAP: u64 = 0x1100;
/// One past the boot pages.
pub(super) const END: u64 =
    layout::CALL_PAGE + call_page::PAGE_BYTES as u64 + layout::CALL_RING_BYTES;

const _: () = assert!(
    layout::CONFIG_COPY + layout::CONFIG_COPY_BYTES * layout::CONFIG_COPY_DEVICES
        <= layout::CALL_PAGE
);

/// Writes the boot pages. `cmdline` gets the addresses of ECAM, of the copy of configuration space and of the memory for a
/// call page appended.
pub(super) fn write(ram: &Ram, cmdline: &str) -> Result<(), VmmError> {
    let separator = if cmdline.is_empty() { "" } else { " " };
    let (ecam, config, page) = (layout::ECAM_BASE, layout::CONFIG_COPY, layout::CALL_PAGE);
    let places = format!("ecam={ecam:#x} config={config:#x} page={page:#x}");
    command_line::write(ram, &format!("{cmdline}{separator}{places}"))?;
    let end = page + call_page::PAGE_BYTES as u64;
    ram.zero(page, end).map_err(|e| VmmError::Host {
        what: "clearing the memory for a call page",
        source: std::io::Error::other(format!("{:#x} is not memory", e.address)),
    })?;
    // Spec: PVH "hvm_memmap_table_entry.type" (the numbers of E820)
    let map = memory_map(ram.size_bytes()).map(|range| hvm_memmap_table_entry {
        addr: range.address,
        size: range.size_bytes,
        type_: range.kind,
        reserved: 0,
    });
    let info = hvm_start_info {
        magic: MAGIC,
        version: 1,
        cmdline_paddr: command_line::ADDRESS,
        memmap_paddr: MEMORY_MAP,
        memmap_entries: map.len() as u32,
        ..Default::default()
    };
    let mut params = BootParams::new(&info, GuestAddress(START_INFO));
    params.set_sections(&map, GuestAddress(MEMORY_MAP));
    PvhBootConfigurator::write_bootparams(&params, ram.memory()).map_err(|e| VmmError::Host {
        what: "writing the PVH start info",
        source: std::io::Error::other(e.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use nvme_model::GuestMemory;

    use super::*;

    fn bytes<const N: usize>(ram: &Ram, address: u64) -> [u8; N] {
        let mut bytes = [0; N];
        GuestMemory::read(ram, address, &mut bytes).expect("memory");
        bytes
    }

    #[test]
    fn the_boot_pages_have_the_layout_of_the_protocol() {
        let ram = Ram::new(16 << 20).expect("memory");
        write(&ram, "program=1 seed=7").expect("room");
        assert_eq!(bytes::<4>(&ram, START_INFO), *b"\x78\xc5\x6e\x33");
        assert_eq!(u64::from_le_bytes(bytes(&ram, START_INFO + 24)), command_line::ADDRESS);
        assert_eq!(u64::from_le_bytes(bytes(&ram, START_INFO + 40)), MEMORY_MAP);
        assert_eq!(u32::from_le_bytes(bytes(&ram, START_INFO + 48)), 3);
        assert_eq!(u64::from_le_bytes(bytes(&ram, MEMORY_MAP + 24)), layout::KERNEL_BASE);
        assert_eq!(u64::from_le_bytes(bytes(&ram, MEMORY_MAP + 32)), 15 << 20);
        assert_eq!(
            &bytes::<59>(&ram, command_line::ADDRESS),
            b"program=1 seed=7 ecam=0xe0000000 config=0x6000 page=0x7000\0"
        );
    }
}
