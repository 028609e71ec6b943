//! The setup header of a bzImage, checked field by field.

use std::ops::Range;

use machine::layout;

use crate::ImageError;
use crate::boot::fields::Fields;

/// Where the protected-mode part goes.
pub(super) const LOAD_ADDRESS: u64 = layout::KERNEL_BASE;

// Spec: Linux-boot "The Real-Mode Kernel Header"
const SETUP_SECTS: u64 = 0x1f1;
const MAGIC: u64 = 0x202;
const VERSION: u64 = 0x206;
const LOADFLAGS: u64 = 0x211;
const INITRD_ADDR_MAX: u64 = 0x22c;
const XLOADFLAGS: u64 = 0x236;
const PREF_ADDRESS: u64 = 0x258;
const INIT_SIZE: u64 = 0x260;
const HEADER_END: u64 = 0x264;

/// The first version whose kernels say whether they have a 64-bit entry.
const VERSION_MIN: u64 = 0x20c;
/// `loadflags`: the protected-mode part is loaded high.
const LOADED_HIGH: u64 = 1;
/// `xloadflags`: there is a 64-bit entry.
const XLF_KERNEL_64: u64 = 1;
/// The 64-bit entry's distance from the load address.
const ENTRY_64: u64 = 0x200;
const SECTOR_BYTES: u64 = 512;

/// Whether a file is a Linux kernel: it has the header's magic number.
pub(in crate::boot) fn is_linux(bytes: &[u8]) -> bool {
    bytes.get(MAGIC as usize..MAGIC as usize + 4) == Some(b"HdrS")
}

/// What matters of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    kernel_bytes: u64,
    initrd_addr_max: u64,
    pref_address: u64,
    init_size: u64,
}

impl Header {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ImageError> {
        let file = Fields(bytes);
        file.check("the Linux setup header", 0, HEADER_END)?;
        let wrong = |field, offset, found, expected| {
            Err(ImageError::WrongLinux { field, offset, found, expected })
        };
        let version = file.get::<2>("version", VERSION)?;
        if version < VERSION_MIN {
            return wrong("version", VERSION, version, "0x20c (2.12) or later");
        }
        let loadflags = file.get::<1>("loadflags", LOADFLAGS)?;
        if loadflags & LOADED_HIGH == 0 {
            return wrong("loadflags", LOADFLAGS, loadflags, "LOADED_HIGH: a bzImage");
        }
        let xloadflags = file.get::<2>("xloadflags", XLOADFLAGS)?;
        if xloadflags & XLF_KERNEL_64 == 0 {
            return wrong("xloadflags", XLOADFLAGS, xloadflags, "XLF_KERNEL_64: a 64-bit kernel");
        }
        // Zero means four, for kernels older than any of these.
        let sectors = match file.get::<1>("setup_sects", SETUP_SECTS)? {
            0 => 4,
            sectors => sectors,
        };
        let setup_bytes = (sectors + 1) * SECTOR_BYTES;
        file.check("the setup code", 0, setup_bytes)?;
        let kernel_bytes = bytes.len() as u64 - setup_bytes;
        file.check("the 64-bit entry", setup_bytes, ENTRY_64 + 1)?;
        Ok(Self {
            kernel_bytes,
            initrd_addr_max: file.get::<4>("initrd_addr_max", INITRD_ADDR_MAX)?,
            pref_address: file.get::<8>("pref_address", PREF_ADDRESS)?,
            init_size: file.get::<4>("init_size", INIT_SIZE)?,
        })
    }

    /// The 64-bit entry.
    pub(super) fn entry(&self) -> u64 {
        LOAD_ADDRESS + ENTRY_64
    }

    /// One past the last byte of the file in memory.
    pub(super) fn file_end(&self) -> u64 {
        LOAD_ADDRESS.saturating_add(self.kernel_bytes)
    }

    /// What the kernel occupies until it knows of the memory map: it unpacks itself to its preferred
    /// address if that is above where it was loaded.
    pub(super) fn memory(&self) -> Range<u64> {
        let runtime = self.pref_address.max(LOAD_ADDRESS).saturating_add(self.init_size);
        LOAD_ADDRESS..runtime.max(self.file_end())
    }

    /// One past the highest byte that the RAM disk may have.
    pub(super) fn initrd_end_max(&self) -> u64 {
        self.initrd_addr_max + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header as a current kernel has it, with so much behind the setup code.
    fn bzimage(kernel_bytes: usize) -> Vec<u8> {
        let mut bytes = vec![0; 5 * 512 + kernel_bytes];
        let mut put = |at: u64, field: &[u8]| {
            bytes[at as usize..at as usize + field.len()].copy_from_slice(field);
        };
        put(SETUP_SECTS, &[4]);
        put(MAGIC, b"HdrS");
        put(VERSION, &[0x0f, 2]);
        put(LOADFLAGS, &[1]);
        put(XLOADFLAGS, &[1, 0]);
        put(INITRD_ADDR_MAX, &0x7fff_ffff_u32.to_le_bytes());
        put(PREF_ADDRESS, &0x100_0000_u64.to_le_bytes());
        put(INIT_SIZE, &0x20_0000_u32.to_le_bytes());
        bytes
    }

    #[test]
    fn a_current_kernel_is_recognised_and_knows_what_it_needs() {
        let file = bzimage(0x1000);
        assert!(is_linux(&file));
        let header = Header::read(&file).expect("a good header");
        assert_eq!(header.entry(), 0x10_0200);
        assert_eq!(header.file_end(), 0x10_1000);
        assert_eq!(header.memory(), 0x10_0000..0x120_0000);
    }

    #[test]
    fn a_kernel_without_a_64_bit_entry_is_refused_with_the_field() {
        let cases = [(VERSION, 0x0b, "version"), (LOADFLAGS, 0, "loadflags")];
        for (offset, value, name) in cases.into_iter().chain([(XLOADFLAGS, 2, "xloadflags")]) {
            let mut file = bzimage(0x1000);
            file[offset as usize] = value;
            let error = Header::read(&file).expect_err("not for us");
            let is_named = matches!(error, ImageError::WrongLinux { field, .. } if field == name);
            assert!(is_named, "{error}");
        }
    }

    #[test]
    fn every_truncation_is_refused() {
        let file = bzimage(0x1000);
        for length in 0x206..5 * 512 + 0x201 {
            let error = Header::read(&file[..length]).expect_err("truncated");
            assert!(matches!(error, ImageError::Truncated { .. }), "{length:#x}: {error}");
        }
        Header::read(&file[..5 * 512 + 0x201]).expect("just enough");
        assert!(!is_linux(&file[..0x205]));
    }
}
