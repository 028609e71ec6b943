//! The MSI-X capability and its table, as numbers.
// Spec: PCI-3.0 6.8.2 "MSI-X Capability and Table Structures"

/// The capability's id.
pub const CAPABILITY_ID: u8 = 0x11;
/// Bytes of one table entry.
pub const ENTRY_BYTES: usize = 16;
/// Message Control, in the upper half of the capability's first dword: MSI-X Enable.
pub const CONTROL_ENABLE: u32 = 1 << 31;
/// Message Control: Function Mask.
pub const CONTROL_FUNCTION_MASK: u32 = 1 << 30;

/// Where a function's MSI-X table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// The BAR that holds it.
    pub bar: u8,
    /// Its offset in that BAR.
    pub offset: usize,
    /// Its entries.
    pub entries: u16,
}

impl Table {
    /// Decodes the capability's dwords 0 (with Message Control) and 1 (Table Offset and BIR).
    #[must_use]
    pub fn from_capability(dword0: u32, dword1: u32) -> Self {
        Self {
            bar: (dword1 & 7) as u8,
            offset: (dword1 & !7) as usize,
            entries: ((dword0 >> 16 & 0x7ff) + 1) as u16,
        }
    }
}

/// An unmasked table entry that raises `vector` at the local APIC with id 0: address, upper address,
/// data, vector control.
#[must_use]
pub fn entry(vector: u8) -> [u32; 4] {
    // Edge-triggered, fixed delivery, physical destination 0.
    [machine::layout::LAPIC_BASE as u32, 0, u32::from(vector), 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_found() {
        let table = Table::from_capability(0x8040_0011, 0x0000_2004);
        assert_eq!(table, Table { bar: 4, offset: 0x2000, entries: 65 });
    }

    #[test]
    fn an_entry_points_to_the_local_apic_and_is_unmasked() {
        assert_eq!(entry(0x31), [0xfee0_0000, 0, 0x31, 0]);
    }
}
