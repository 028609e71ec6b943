//! The memory of a client's guest, as far as the client shares it.
//!
//! The client names ranges of its guest's address space and the file behind each. What has no file (ROM, the registers
//! of other devices) cannot be reached: a transfer there is an error of the transfer, as on a bus.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nvme_model::{BadAddress, GuestMemory};
use vfio_user::DmaMapFlags;
use vm_memory::mmap::MmapRegionBuilder;
use vm_memory::{
    Bytes, FileOffset, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion,
    GuestRegionMmap,
};

/// What is mapped at the moment: one set for each direction, since a range may be for one of them only.
#[derive(Debug, Default)]
pub(super) struct Windows {
    readable: GuestMemoryMmap,
    writable: GuestMemoryMmap,
}

impl Windows {
    /// Maps `size` bytes of `file` from `offset` on at `address`.
    ///
    /// # Errors
    /// The range overlaps one that is mapped, the file is too short or cannot be mapped like this.
    pub(super) fn map(
        &mut self,
        flags: DmaMapFlags,
        file: File,
        offset: u64,
        address: u64,
        size: u64,
    ) -> io::Result<()> {
        let is_writable = flags.contains(DmaMapFlags::WRITE);
        let protection = libc::PROT_READ | if is_writable { libc::PROT_WRITE } else { 0 };
        let length = usize::try_from(size).map_err(invalid)?;
        check_length(&file, offset, size)?;
        let region = MmapRegionBuilder::new(length)
            .with_file_offset(FileOffset::new(file, offset))
            .with_mmap_prot(protection)
            .with_mmap_flags(libc::MAP_SHARED | libc::MAP_NORESERVE)
            .build()
            .map_err(invalid)?;
        let region = GuestRegionMmap::new(region, GuestAddress(address));
        let region =
            Arc::new(region.ok_or_else(|| invalid("the range ends after the last address"))?);
        // Both sets or none: a range that is refused leaves no half behind.
        let mut readable = self.readable.clone();
        if flags.contains(DmaMapFlags::READ) {
            readable = readable.insert_region(Arc::clone(&region)).map_err(invalid)?;
        }
        if is_writable {
            self.writable = self.writable.insert_region(region).map_err(invalid)?;
        }
        self.readable = readable;
        Ok(())
    }

    /// Takes back what lies in `size` bytes from `address` on.
    ///
    /// # Errors
    /// A range that is mapped lies in it in part only.
    pub(super) fn unmap(&mut self, address: u64, size: u64) -> io::Result<()> {
        let (readable, writable) =
            (without(&self.readable, address, size)?, without(&self.writable, address, size)?);
        (self.readable, self.writable) = (readable, writable);
        Ok(())
    }

    /// Takes everything back.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Touching a mapping behind the end of its file is fatal, so there may be none. A device has no length to check.
fn check_length(file: &File, offset: u64, size: u64) -> io::Result<()> {
    let about = file.metadata()?;
    let is_inside = offset.checked_add(size).is_some_and(|end| end <= about.len());
    if about.is_file() && !is_inside {
        return Err(invalid("the file ends before the range"));
    }
    Ok(())
}

/// The regions of `memory` that do not lie in a range.
fn without(memory: &GuestMemoryMmap, address: u64, size: u64) -> io::Result<GuestMemoryMmap> {
    // Inclusive ends: a range may end with the last address.
    let last = address.saturating_add(size.saturating_sub(1));
    let mut rest = memory.clone();
    for region in memory.iter() {
        let (start, end) = (region.start_addr().0, region.last_addr().0);
        if size == 0 || end < address || start > last {
            continue;
        }
        if start < address || end > last {
            return Err(invalid("only a part of what was mapped is to be unmapped"));
        }
        rest = rest.remove_region(region.start_addr(), region.len()).map_err(invalid)?.0;
    }
    Ok(rest)
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

/// A dword that is aligned is moved whole and in order with what was moved before and after, as in the memory of our
/// own machine.
impl GuestMemory for Windows {
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        let at = GuestAddress(address);
        if is_dword(address, dst.len())
            && let Some(bytes) = dst.first_chunk_mut()
        {
            let word: u32 =
                self.readable.load(at, Ordering::Acquire).map_err(|_| BadAddress { address })?;
            *bytes = word.to_ne_bytes();
            return Ok(());
        }
        self.readable.read_slice(dst, at).map_err(|_| BadAddress { address })
    }

    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress> {
        let at = GuestAddress(address);
        if is_dword(address, src.len())
            && let Some(bytes) = src.first_chunk()
        {
            let word = u32::from_ne_bytes(*bytes);
            return self
                .writable
                .store(word, at, Ordering::Release)
                .map_err(|_| BadAddress { address });
        }
        self.writable.write_slice(src, at).map_err(|_| BadAddress { address })
    }
}

/// Whether a range is an aligned dword.
fn is_dword(address: u64, length: usize) -> bool {
    length == size_of::<u32>() && address.is_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of two pages: ones, then twos.
    fn file() -> File {
        let file = tempfile::tempfile().expect("a file");
        let bytes = [[1_u8; 4096], [2; 4096]].concat();
        std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).expect("room");
        file
    }

    fn byte(windows: &Windows, address: u64) -> Result<u8, BadAddress> {
        let mut bytes = [0; 3];
        windows.read(address, &mut bytes).map(|()| bytes[0])
    }

    #[test]
    fn what_is_mapped_is_reached_and_nothing_else() {
        let mut windows = Windows::default();
        windows.map(DmaMapFlags::READ_WRITE, file(), 4096, 0x10_0000, 4096).expect("mapped");
        assert_eq!(byte(&windows, 0x10_0000), Ok(2));
        windows.write(0x10_0ffc, &7_u32.to_ne_bytes()).expect("memory");
        let mut word = [0; 4];
        windows.read(0x10_0ffc, &mut word).expect("memory");
        assert_eq!(u32::from_ne_bytes(word), 7);
        for address in [0, 0xf_ffff, 0x10_0ffe, 0x10_1000, u64::MAX - 1] {
            assert_eq!(byte(&windows, address), Err(BadAddress { address }));
            assert_eq!(windows.write(address, &[0; 4]), Err(BadAddress { address }));
        }
        windows.unmap(0x10_0000, 4096).expect("whole");
        assert_eq!(byte(&windows, 0x10_0000), Err(BadAddress { address: 0x10_0000 }));
    }

    #[test]
    fn a_transfer_may_cross_from_one_range_into_the_next() {
        let mut windows = Windows::default();
        windows.map(DmaMapFlags::READ_WRITE, file(), 4096, 0, 4096).expect("mapped");
        windows.map(DmaMapFlags::READ_WRITE, file(), 0, 4096, 4096).expect("mapped");
        let mut bytes = [0; 4];
        windows.read(4094, &mut bytes).expect("memory");
        assert_eq!(bytes, [2, 2, 1, 1]);
    }

    #[test]
    fn a_range_for_one_direction_is_not_reached_in_the_other() {
        let mut windows = Windows::default();
        windows.map(DmaMapFlags::READ, file(), 0, 0, 4096).expect("mapped");
        assert_eq!(byte(&windows, 0), Ok(1));
        assert_eq!(windows.write(0, &[9]), Err(BadAddress { address: 0 }));
        windows.map(DmaMapFlags::WRITE, file(), 0, 8192, 4096).expect("mapped");
        assert_eq!(byte(&windows, 8192), Err(BadAddress { address: 8192 }));
        windows.write(8192, &[9]).expect("memory");
    }

    #[test]
    fn what_cannot_be_mapped_or_unmapped_is_refused_and_changes_nothing() {
        let mut windows = Windows::default();
        let both = DmaMapFlags::READ_WRITE;
        windows.map(both, file(), 0, 4096, 8192).expect("mapped");
        for (offset, address, size) in [
            (0, 8192, 4096),
            (0, 0, 8192),
            (4096, 1 << 20, 8192),
            (0, u64::MAX - 4095, 8192),
            (0, 0, 0),
        ] {
            windows.map(both, file(), offset, address, size).expect_err("cannot be");
        }
        windows.unmap(4096, 4096).expect_err("a part");
        windows.unmap(0, 8192).expect_err("a part");
        windows.unmap(1 << 20, 4096).expect("nothing there");
        assert_eq!(byte(&windows, 8192), Ok(2));
        windows.unmap(0, u64::MAX).expect("all of it");
        assert_eq!(byte(&windows, 8192), Err(BadAddress { address: 8192 }));
    }
}
