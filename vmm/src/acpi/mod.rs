//! ACPI tables for guests that find their hardware that way: one processor, PCI Express, a serial port,
//! and how to switch off. Hardware-reduced: there is no fixed ACPI hardware.
//!
//! What they do not describe: interrupts of PCI pins (functions have MSI-X), no I/O APIC, no timer but
//! the processor's own.

mod dsdt;

use acpi_tables::Aml;
use acpi_tables::fadt::{FADTBuilder, Flags};
use acpi_tables::gas::{AccessSize, AddressSpace, GAS};
use acpi_tables::madt::{EnabledStatus, LocalInterruptController, MADT, ProcessorLocalApic};
use acpi_tables::mcfg::MCFG;
use acpi_tables::rsdp::Rsdp;
use acpi_tables::xsdt::XSDT;
use machine::{layout, ports};
use nvme_model::{BadAddress, GuestMemory};

use crate::kvm::Ram;

/// Where the root pointer lies: in the legacy hole, where guests look for it.
pub(crate) const RSDP: u64 = 0xe_0000;
/// The tables follow.
const TABLES: u64 = RSDP + 0x40;

const OEM: [u8; 6] = *b"SWPLAB";
const OEM_TABLE: [u8; 8] = *b"SWAPLAB ";
const REVISION: u32 = 1;

/// `IAPC_BOOT_ARCH`: no VGA, no CMOS clock; no legacy devices and no keyboard controller either.
const NO_VGA_NO_CLOCK: u16 = 1 << 2 | 1 << 5;

/// Writes all tables.
pub(crate) fn write(ram: &Ram) -> Result<(), BadAddress> {
    let mut place = Place { ram, next: TABLES };
    let dsdt = place.add(&dsdt::dsdt())?;
    let fadt = place.add(&fadt(dsdt))?;
    let madt = place.add(&madt())?;
    let mcfg = place.add(&mcfg())?;
    let mut xsdt = XSDT::new(OEM, OEM_TABLE, REVISION);
    for table in [fadt, madt, mcfg] {
        xsdt.add_entry(table);
    }
    let xsdt = place.add(&bytes(&xsdt))?;
    GuestMemory::write(ram, RSDP, &bytes(&Rsdp::new(OEM, xsdt)))
}

/// Where the next table goes.
struct Place<'a> {
    ram: &'a Ram,
    next: u64,
}

impl Place<'_> {
    /// Writes a table; returns its address.
    fn add(&mut self, table: &[u8]) -> Result<u64, BadAddress> {
        let address = self.next;
        GuestMemory::write(self.ram, address, table)?;
        self.next = (address + table.len() as u64).next_multiple_of(16);
        Ok(address)
    }
}

fn bytes(table: &dyn Aml) -> Vec<u8> {
    let mut bytes = Vec::new();
    table.to_aml_bytes(&mut bytes);
    bytes
}

// Spec: ACPI-6.4 5.2.9 "Fixed ACPI Description Table (FADT)"
fn fadt(dsdt: u64) -> Vec<u8> {
    let port = |number: u16| {
        GAS::new(AddressSpace::SystemIo, 8, 0, AccessSize::ByteAccess, u64::from(number))
    };
    let mut fadt = FADTBuilder::new(OEM, OEM_TABLE, REVISION)
        .dsdt_64(dsdt)
        .flag(Flags::HwReducedAcpi)
        .flag(Flags::ResetRegSup);
    fadt.iapc_boot_arch = NO_VGA_NO_CLOCK.into();
    fadt.reset_reg = port(ports::ACPI_RESET);
    fadt.reset_value = ports::ACPI_RESET_VALUE;
    fadt.sleep_control_reg = port(ports::ACPI_SLEEP_CONTROL);
    fadt.sleep_status_reg = port(ports::ACPI_SLEEP_STATUS);
    bytes(&fadt.finalize())
}

// Spec: ACPI-6.4 5.2.12 "Multiple APIC Description Table (MADT)"
fn madt() -> Vec<u8> {
    let apic = LocalInterruptController::Address(layout::LAPIC_BASE as u32);
    let mut madt = MADT::new(OEM, OEM_TABLE, REVISION, apic);
    madt.add_structure(ProcessorLocalApic::new(0, 0, EnabledStatus::Enabled));
    bytes(&madt)
}

// Spec: PCI-Firmware-3.3 4.1.2 "MCFG Table Description"
fn mcfg() -> Vec<u8> {
    let mut mcfg = MCFG::new(OEM, OEM_TABLE, REVISION);
    mcfg.add_ecam(layout::ECAM_BASE, 0, 0, 0);
    bytes(&mcfg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ram: &Ram, address: u64, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        GuestMemory::read(ram, address, &mut bytes).expect("memory");
        bytes
    }

    fn number(bytes: &[u8]) -> u64 {
        bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    /// The table at `address`, whose sum must be zero.
    fn table(ram: &Ram, address: u64) -> Vec<u8> {
        let length = number(&read(ram, address + 4, 4)) as usize;
        let table = read(ram, address, length);
        assert_eq!(table.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)), 0);
        table
    }

    #[test]
    fn every_table_is_found_from_the_root_and_sums_to_zero() {
        let ram = Ram::new(16 << 20).expect("memory");
        write(&ram).expect("room");
        let root = read(&ram, RSDP, 36);
        assert_eq!(&root[..8], b"RSD PTR ");
        for part in [&root[..20], &root] {
            assert_eq!(part.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)), 0);
        }
        let xsdt = table(&ram, number(&root[24..32]));
        let found: Vec<Vec<u8>> =
            xsdt[36..].chunks(8).map(|entry| table(&ram, number(entry))).collect();
        let names: Vec<&[u8]> = found.iter().map(|table| &table[..4]).collect();
        assert_eq!(names, [&b"FACP"[..], b"APIC", b"MCFG"]);
        let dsdt = table(&ram, number(&found[0][140..148]));
        assert_eq!(&dsdt[..4], b"DSDT");
        assert_eq!(number(&found[2][44..52]), layout::ECAM_BASE);
    }
}
