//! The boot protocol's description of the machine: start info and memory map.
//!
//! The bytes come from whoever booted us, so they are checked; a map that cannot be used is an error
//! and never a guess.

use core::fmt;
use core::ops::Range;

// Spec: PVH hvm_start_info "magic"
const START_MAGIC: u32 = 0x336e_c578;
// Spec: PVH hvm_memmap_table_entry "type"
const TYPE_RAM: u32 = 1;

/// Bytes of the start info (version 1).
pub const START_INFO_BYTES: usize = 56;
/// Bytes of one entry of the memory map.
pub const MEMORY_MAP_ENTRY_BYTES: usize = 24;

/// Why the boot information was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The start info does not begin with its magic number.
    BadMagic(u32),
    /// The start info is of version 0, which has no memory map.
    NoMemoryMap,
    /// No range of RAM is left beside the kernel.
    NoMemory,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadMagic(magic) => {
                write!(f, "start info: magic {magic:#x} instead of {START_MAGIC:#x}")
            }
            Self::NoMemoryMap => f.write_str("start info: version 0 has no memory map"),
            Self::NoMemory => f.write_str("memory map: no RAM left beside the kernel"),
        }
    }
}

impl core::error::Error for Error {}

/// Where the loader put things.
// Spec: PVH hvm_start_info
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartInfo {
    /// The command line's address, a C string; 0 if there is none.
    pub cmdline: u64,
    /// The memory map's address.
    pub memory_map: u64,
    /// Entries of the memory map.
    pub memory_map_entries: u32,
}

impl StartInfo {
    /// Decodes the start info.
    ///
    /// # Errors
    /// [`Error::BadMagic`], [`Error::NoMemoryMap`].
    pub fn from_bytes(bytes: &[u8; START_INFO_BYTES]) -> Result<Self, Error> {
        let magic = u32_at(bytes, 0);
        if magic != START_MAGIC {
            return Err(Error::BadMagic(magic));
        }
        let info = Self {
            cmdline: u64_at(bytes, 24),
            memory_map: u64_at(bytes, 40),
            memory_map_entries: u32_at(bytes, 48),
        };
        let version = u32_at(bytes, 4);
        if version == 0 || info.memory_map == 0 || info.memory_map_entries == 0 {
            return Err(Error::NoMemoryMap);
        }
        Ok(info)
    }
}

/// The RAM that one entry of the map describes; `None` if it is something else.
#[must_use]
pub fn ram_of_entry(entry: &[u8; MEMORY_MAP_ENTRY_BYTES]) -> Option<Range<u64>> {
    let (start, size) = (u64_at(entry, 0), u64_at(entry, 8));
    (u32_at(entry, 16) == TYPE_RAM).then(|| start..start.saturating_add(size))
}

/// The largest page-aligned range of RAM at or above `floor` and below `ceiling`.
///
/// # Errors
/// [`Error::NoMemory`] if nothing is left.
pub fn largest_ram(
    entries: impl Iterator<Item = Range<u64>>,
    floor: u64,
    ceiling: u64,
) -> Result<Range<u64>, Error> {
    const PAGE: u64 = hal::PAGE_BYTES as u64;
    entries
        .map(|ram| {
            let start = ram.start.max(floor).next_multiple_of(PAGE);
            start..ram.end.min(ceiling) / PAGE * PAGE
        })
        .filter(|ram| ram.start < ram.end)
        .max_by_key(|ram| (ram.end - ram.start, core::cmp::Reverse(ram.start)))
        .ok_or(Error::NoMemory)
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[offset..offset + 4]);
    u32::from_le_bytes(word)
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from(u32_at(bytes, offset + 4)) << 32 | u64::from(u32_at(bytes, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start_info(magic: u32, version: u32) -> [u8; START_INFO_BYTES] {
        let mut bytes = [0; START_INFO_BYTES];
        bytes[0..4].copy_from_slice(&magic.to_le_bytes());
        bytes[4..8].copy_from_slice(&version.to_le_bytes());
        bytes[24..32].copy_from_slice(&0x9000_u64.to_le_bytes());
        bytes[40..48].copy_from_slice(&0x8000_u64.to_le_bytes());
        bytes[48..52].copy_from_slice(&3_u32.to_le_bytes());
        bytes
    }

    #[test]
    fn the_start_info_has_this_wire_form() {
        let info = StartInfo::from_bytes(&start_info(START_MAGIC, 1)).unwrap();
        assert_eq!(info, StartInfo { cmdline: 0x9000, memory_map: 0x8000, memory_map_entries: 3 });
    }

    #[test]
    fn a_wrong_magic_and_an_old_version_are_refused() {
        assert_eq!(StartInfo::from_bytes(&start_info(7, 1)), Err(Error::BadMagic(7)));
        assert_eq!(StartInfo::from_bytes(&start_info(START_MAGIC, 0)), Err(Error::NoMemoryMap));
    }

    #[test]
    fn only_ram_counts() {
        let mut entry = [0; MEMORY_MAP_ENTRY_BYTES];
        entry[0..8].copy_from_slice(&0x1000_u64.to_le_bytes());
        entry[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(ram_of_entry(&entry), None);
        entry[16] = 1;
        assert_eq!(ram_of_entry(&entry), Some(0x1000..u64::MAX));
    }

    #[test]
    fn the_largest_range_is_trimmed_to_whole_pages_between_floor_and_ceiling() {
        let map = [0..0x9_fc00, 0x10_0000..0x40_0123, 0x1_0000_0000..0x9_0000_0000];
        let ram = largest_ram(map.iter().cloned(), 0x12_3456, 0xc000_0000).unwrap();
        assert_eq!(ram, 0x12_4000..0x40_0000);
        let none = largest_ram(map.iter().cloned(), 0x40_0000, 0xc000_0000);
        assert_eq!(none, Err(Error::NoMemory));
    }
}
