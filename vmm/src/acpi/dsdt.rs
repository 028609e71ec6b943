//! The differentiated table: what devices there are besides those that PCI finds.

use acpi_tables::Aml;
use acpi_tables::aml::{
    AddressSpace, AddressSpaceCacheable, Device, EISAName, IO, Memory32Fixed, Name, Package,
    ResourceTemplate, Scope,
};
use acpi_tables::sdt::Sdt;
use machine::{layout, ports};

use super::{OEM, OEM_TABLE, REVISION};

const HEADER_BYTES: u32 = 36;
/// The revision from which on integers have 64 bits.
const DSDT_REVISION: u8 = 2;

/// Ports of PCI configuration mechanism 1: address and data.
const PCI_PORTS: u8 = 8;

// Spec: ACPI-6.4 5.2.11.1 "Differentiated System Description Table (DSDT)"
pub(super) fn dsdt() -> Vec<u8> {
    let mut code = Vec::new();
    bus(&mut code);
    power(&mut code);
    let mut table = Sdt::new(*b"DSDT", HEADER_BYTES, DSDT_REVISION, OEM, OEM_TABLE, REVISION);
    table.append_slice(&code);
    table.as_slice().to_vec()
}

/// The PCI Express root, the memory that its configuration space takes, the serial port.
fn bus(code: &mut Vec<u8>) {
    let window_last = layout::PCI_WINDOW_BASE + layout::PCI_WINDOW_BYTES - 1;
    let buses = AddressSpace::new_bus_number(0_u16, 0_u16);
    let config_ports = IO::new(ports::PCI_ADDRESS, ports::PCI_ADDRESS, 1, PCI_PORTS);
    let window = AddressSpace::new_memory(
        AddressSpaceCacheable::NotCacheable,
        true,
        layout::PCI_WINDOW_BASE as u32,
        window_last as u32,
        None,
    );
    let root = [
        name("_HID", &EISAName::new("PNP0A08")),
        name("_CID", &EISAName::new("PNP0A03")),
        name("_SEG", &0_u8),
        name("_BBN", &0_u8),
        name("_UID", &0_u8),
        name("_CRS", &ResourceTemplate::new(vec![&buses, &config_ports, &window])),
    ];
    let ecam = Memory32Fixed::new(true, layout::ECAM_BASE as u32, layout::ECAM_BYTES as u32);
    let board = [
        name("_HID", &EISAName::new("PNP0C02")),
        name("_UID", &0_u8),
        name("_CRS", &ResourceTemplate::new(vec![&ecam])),
    ];
    // No interrupt: the driver polls.
    let uart = IO::new(ports::SERIAL, ports::SERIAL, 1, ports::SERIAL_PORTS as u8);
    let serial = [
        name("_HID", &EISAName::new("PNP0501")),
        name("_UID", &0_u8),
        name("_CRS", &ResourceTemplate::new(vec![&uart])),
    ];
    let device = |path: &str, names: &[Name]| {
        let mut bytes = Vec::new();
        let names = names.iter().map(|name| name as &dyn Aml).collect();
        Device::new(path.into(), names).to_aml_bytes(&mut bytes);
        Raw(bytes)
    };
    let devices = [device("PCI0", &root), device("MBRD", &board), device("COM1", &serial)];
    let devices = devices.iter().map(|device| device as &dyn Aml).collect();
    Scope::new("\\_SB_".into(), devices).to_aml_bytes(code);
}

/// The sleep state that is off.
// Spec: ACPI-6.4 7.4.2 "\_Sx (System State)"
fn power(code: &mut Vec<u8>) {
    let off = ports::ACPI_SLEEP_TYPE_OFF;
    let states = Package::new(vec![&off, &off, &0_u8, &0_u8]);
    name("_S5_", &states).to_aml_bytes(code);
}

fn name(path: &str, value: &dyn Aml) -> Name {
    Name::new(path.into(), value)
}

/// Code that is already bytes.
struct Raw(Vec<u8>);

impl Aml for Raw {
    fn to_aml_bytes(&self, sink: &mut dyn acpi_tables::AmlSink) {
        sink.vec(&self.0);
    }
}
