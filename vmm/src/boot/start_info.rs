//! The boot pages: PVH start info, memory map and command line.

use linux_loader::configurator::BootConfigurator;
use linux_loader::configurator::BootParams;
use linux_loader::configurator::pvh::PvhBootConfigurator;
use linux_loader::loader::elf::start_info::{hvm_memmap_table_entry, hvm_start_info};
use machine::layout;
use vm_memory::GuestAddress;

use crate::VmmError;
use crate::kvm::Ram;

/// `hvm_start_info.magic`: "xEn3".
// Spec: PVH "hvm_start_info.magic"
const MAGIC: u32 = 0x336e_c578;

/// Where the start info lies.
pub(super) const START_INFO: u64 = 0x1000;
/// Where the memory map lies.
const MEMORY_MAP: u64 = 0x1100;
/// Where the command line lies.
const COMMAND_LINE: u64 = 0x2000;
/// The longest command line, without its final zero.
const COMMAND_LINE_BYTES_MAX: usize = 0x3fff;
/// One past the boot pages.
pub(super) const END: u64 =
    layout::CONFIG_COPY + layout::CONFIG_COPY_BYTES * layout::CONFIG_COPY_DEVICES;

/// The legacy hole, which holds nothing here but which guests expect not to be memory.
const LOW_MEMORY_END: u64 = 0x9_fc00;

// Spec: PVH "hvm_memmap_table_entry.type" (the numbers of E820)
const TYPE_RAM: u32 = 1;
const TYPE_RESERVED: u32 = 2;

/// Writes the boot pages. `cmdline` gets the addresses of ECAM and of the copy of
/// configuration space appended.
pub(super) fn write(ram: &Ram, cmdline: &str) -> Result<(), VmmError> {
    write_command_line(ram, cmdline)?;
    let entry = |addr, size, type_| hvm_memmap_table_entry { addr, size, type_, reserved: 0 };
    let map = [
        entry(0, LOW_MEMORY_END, TYPE_RAM),
        entry(layout::KERNEL_BASE, ram.size_bytes() - layout::KERNEL_BASE, TYPE_RAM),
        entry(layout::ECAM_BASE, layout::ECAM_BYTES, TYPE_RESERVED),
    ];
    let info = hvm_start_info {
        magic: MAGIC,
        version: 1,
        cmdline_paddr: COMMAND_LINE,
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

fn write_command_line(ram: &Ram, cmdline: &str) -> Result<(), VmmError> {
    let separator = if cmdline.is_empty() { "" } else { " " };
    let (ecam, config) = (layout::ECAM_BASE, layout::CONFIG_COPY);
    let text = format!("{cmdline}{separator}ecam={ecam:#x} config={config:#x}\0");
    if text.len() > COMMAND_LINE_BYTES_MAX + 1 || cmdline.contains('\0') {
        return Err(VmmError::CommandLineTooLong {
            bytes: text.len(),
            max: COMMAND_LINE_BYTES_MAX,
        });
    }
    nvme_model::GuestMemory::write(ram, COMMAND_LINE, text.as_bytes()).map_err(|e| VmmError::Host {
        what: "writing the command line",
        source: std::io::Error::other(format!("{:#x} is not memory", e.address)),
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
        assert_eq!(u64::from_le_bytes(bytes(&ram, START_INFO + 24)), COMMAND_LINE);
        assert_eq!(u64::from_le_bytes(bytes(&ram, START_INFO + 40)), MEMORY_MAP);
        assert_eq!(u32::from_le_bytes(bytes(&ram, START_INFO + 48)), 3);
        assert_eq!(u64::from_le_bytes(bytes(&ram, MEMORY_MAP + 24)), layout::KERNEL_BASE);
        assert_eq!(u64::from_le_bytes(bytes(&ram, MEMORY_MAP + 32)), 15 << 20);
        assert_eq!(
            &bytes::<47>(&ram, COMMAND_LINE),
            b"program=1 seed=7 ecam=0xe0000000 config=0x6000\0"
        );
    }

    #[test]
    fn a_command_line_that_does_not_fit_is_refused() {
        let ram = Ram::new(16 << 20).expect("memory");
        let suffix = " ecam=0xe0000000 config=0x6000".len();
        write(&ram, &"x".repeat(COMMAND_LINE_BYTES_MAX - suffix)).expect("fits exactly");
        let error = write(&ram, &"x".repeat(COMMAND_LINE_BYTES_MAX - suffix + 1));
        assert!(matches!(error, Err(VmmError::CommandLineTooLong { bytes: 0x4001, .. })));
        assert!(matches!(write(&ram, "a\0b"), Err(VmmError::CommandLineTooLong { .. })));
    }
}
