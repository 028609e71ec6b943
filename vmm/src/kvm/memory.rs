//! Guest memory: one private anonymous mapping, 2 MiB aligned, on transparent huge pages.
//!
//! The alignment and `MADV_HUGEPAGE` decide the guest's speed: with 4 KiB host pages every first touch
//! costs a fault of its own in the nested or shadow page tables.
//!
//! Invariant: the mapping lives as long as any clone of the [`Ram`] that points into it.

// UNSAFETY: maps, unmaps and discards host memory, copies from and to it, and hands its address to
// vm-memory.
#![expect(unsafe_code)]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nvme_model::{BadAddress, GuestMemory};
use vm_memory::mmap::MmapRegionBuilder;
use vm_memory::{GuestAddress, GuestMemoryMmap, GuestRegionMmap};

use super::streaming;
use crate::VmmError;

/// A huge page.
const HUGE_PAGE_BYTES: usize = 2 << 20;

const PROTECTION: i32 = libc::PROT_READ | libc::PROT_WRITE;
const FLAGS: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;

/// A host mapping that is unmapped when dropped. `size` may be smaller than what was mapped.
#[derive(Debug)]
struct Mapping {
    /// What `mmap` returned.
    base: *mut libc::c_void,
    /// What was mapped.
    mapped_bytes: usize,
    /// The first 2 MiB boundary in it.
    aligned: *mut u8,
    /// What the guest gets.
    size_bytes: usize,
}

// SAFETY: the pointers are plain addresses of a mapping that no thread owns; every access through
// them is a copy of bytes or of a whole dword, or goes through vm-memory or the kernel.
unsafe impl Send for Mapping {}
// SAFETY: as for Send; no method of `Mapping` changes it through a shared reference.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(size_bytes: usize) -> Result<Self, io::Error> {
        let mapped_bytes = size_bytes + HUGE_PAGE_BYTES;
        // SAFETY: an anonymous mapping at an address of the kernel's choice touches no existing memory.
        let base =
            unsafe { libc::mmap(std::ptr::null_mut(), mapped_bytes, PROTECTION, FLAGS, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let slack = base.cast::<u8>().align_offset(HUGE_PAGE_BYTES);
        let aligned = base.cast::<u8>().wrapping_add(slack);
        let mapping = Self { base, mapped_bytes, aligned, size_bytes };
        // SAFETY: `aligned..aligned + size_bytes` lies in the mapping made above (slack < 2 MiB), and
        // MADV_HUGEPAGE changes no content.
        let advised = unsafe { libc::madvise(aligned.cast(), size_bytes, libc::MADV_HUGEPAGE) };
        if advised != 0 {
            log::warn!(
                "guest memory stays on small pages, which is slow: {}",
                io::Error::last_os_error()
            );
        }
        Ok(mapping)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly the range that `new` mapped; by the module's invariant nothing points into it
        // any more, and the VM that knew the address was closed before (see `Vm`).
        unsafe { libc::munmap(self.base, self.mapped_bytes) };
    }
}

/// The guest's memory, from guest-physical address 0 on. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Ram {
    memory: GuestMemoryMmap,
    mapping: Arc<Mapping>,
}

impl Ram {
    /// Maps `size_bytes`, all zero.
    ///
    /// # Errors
    /// The host has no address space or memory left.
    pub(crate) fn new(size_bytes: usize) -> Result<Self, VmmError> {
        let failed = |source| VmmError::Host { what: "mapping guest memory", source };
        let mapping = Arc::new(Mapping::new(size_bytes).map_err(failed)?);
        let builder =
            MmapRegionBuilder::new(size_bytes).with_mmap_prot(PROTECTION).with_mmap_flags(FLAGS);
        // SAFETY: the pointer is the start of `size_bytes` mapped bytes; `mapping` keeps them mapped for
        // as long as `memory`, which stands beside it in `Self`.
        let builder = unsafe { builder.with_raw_mmap_pointer(mapping.aligned) };
        let region = builder.build().map_err(|e| failed(io::Error::other(e.to_string())))?;
        let region = GuestRegionMmap::new(region, GuestAddress(0))
            .ok_or_else(|| failed(io::Error::other("address overflow")))?;
        let memory = GuestMemoryMmap::from_regions(vec![region])
            .map_err(|e| failed(io::Error::other(e.to_string())))?;
        Ok(Self { memory, mapping })
    }

    /// Guest memory as the rust-vmm crates want it. Not to be kept longer than `self`.
    pub(crate) fn memory(&self) -> &GuestMemoryMmap {
        &self.memory
    }

    /// Bytes of guest memory.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.mapping.size_bytes as u64
    }

    /// The host address of guest-physical 0.
    pub(super) fn host_address(&self) -> u64 {
        self.mapping.aligned as u64
    }

    /// Gives the pages from `address` to the end back to the host: they read as zero afterwards.
    ///
    /// # Errors
    /// The host refuses.
    pub(crate) fn discard_from(&self, address: u64) -> Result<(), VmmError> {
        let start = usize::try_from(address).unwrap_or(usize::MAX).min(self.mapping.size_bytes);
        let size_bytes = self.mapping.size_bytes - start;
        // SAFETY: the range lies in the mapping; it is guest memory, whose content nobody in this process
        // holds a reference to, and the guest does not run (the caller has `&mut Machine`).
        let done = unsafe {
            libc::madvise(
                self.mapping.aligned.wrapping_add(start).cast(),
                size_bytes,
                libc::MADV_DONTNEED,
            )
        };
        if done == 0 {
            return Ok(());
        }
        Err(VmmError::Host { what: "discarding guest memory", source: io::Error::last_os_error() })
    }

    /// Replaces the dword at `address` if it is `old`, in order with all other accesses; whether it was.
    ///
    /// # Errors
    /// The address is not that of an aligned dword of memory.
    pub(crate) fn replace_u32(&self, address: u64, old: u32, new: u32) -> Result<bool, BadAddress> {
        let place = self.host_range(address, size_of::<u32>())?;
        let word = dword(place, size_of::<u32>()).ok_or(BadAddress { address })?;
        // SAFETY: as in `read` below: a dword of the mapping, which is memory and no Rust object.
        let word = unsafe { AtomicU32::from_ptr(word) };
        // Looking costs the guest's processor nothing, trying to write would.
        Ok(word.load(Ordering::Relaxed) == old
            && word.compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst).is_ok())
    }

    /// Writes zeroes to `from..to`.
    pub(crate) fn zero(&self, from: u64, to: u64) -> Result<(), BadAddress> {
        const ZEROES: [u8; 4096] = [0; 4096];
        let mut address = from;
        while address < to {
            let chunk = usize::try_from(to - address).unwrap_or(usize::MAX).min(ZEROES.len());
            GuestMemory::write(self, address, &ZEROES[..chunk])?;
            address += chunk as u64;
        }
        Ok(())
    }
}

impl Ram {
    /// Where a range of guest memory is in this process.
    fn host_range(&self, address: u64, length: usize) -> Result<*mut u8, BadAddress> {
        let bad = BadAddress { address };
        let start = usize::try_from(address).map_err(|_| bad)?;
        let end = start.checked_add(length).ok_or(bad)?;
        if end > self.mapping.size_bytes {
            return Err(bad);
        }
        Ok(self.mapping.aligned.wrapping_add(start))
    }
}

/// The way of every byte that a device moves, so without detours. A dword that is aligned is moved whole
/// and in order with what was moved before and after: doorbells and phase tags are such dwords. Nothing else
/// has an order that a guest may rely on.
impl GuestMemory for Ram {
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        let from = self.host_range(address, dst.len())?;
        if let Some(word) = dword(from, dst.len()) {
            // SAFETY: aligned and inside of the mapping, which lives as long as `self`; whatever the guest
            // does to it at the same time, it does to memory and not to a Rust object.
            let word = unsafe { AtomicU32::from_ptr(word) };
            dst.copy_from_slice(&word.load(Ordering::Acquire).to_ne_bytes());
            return Ok(());
        }
        // SAFETY: `host_range` says that all of it is inside of the mapping; `dst` is a Rust object, which
        // guest memory is never part of, so they do not overlap. The guest may write at the same time: then
        // any mixture of bytes is a right answer.
        unsafe { from.copy_to_nonoverlapping(dst.as_mut_ptr(), dst.len()) };
        Ok(())
    }

    fn passes_caches(&self) -> bool {
        true
    }

    fn read_past_caches(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        let from = self.host_range(address, dst.len())?;
        // SAFETY: as in `read`. Whoever has `dst` is on this thread and sees what it wrote; before another thread gets
        // it, this one has called `settle` (`Dma` does at the end of each step, and nobody else calls this).
        unsafe { streaming::copy(from, dst) };
        Ok(())
    }

    fn settle(&self) {
        streaming::settle();
    }

    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress> {
        let to = self.host_range(address, src.len())?;
        if let (Some(word), Some(bytes)) = (dword(to, src.len()), src.first_chunk()) {
            // SAFETY: as in `read`.
            let word = unsafe { AtomicU32::from_ptr(word) };
            word.store(u32::from_ne_bytes(*bytes), Ordering::Release);
            return Ok(());
        }
        // SAFETY: as in `read`, the other way round.
        unsafe { to.copy_from_nonoverlapping(src.as_ptr(), src.len()) };
        Ok(())
    }
}

/// The address as that of a dword, if a range is one.
fn dword(address: *mut u8, length: usize) -> Option<*mut u32> {
    let word = address.cast::<u32>();
    (length == size_of::<u32>() && word.is_aligned()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guest_memory_is_zero_aligned_and_bounded() {
        let ram = Ram::new(4 << 20).expect("4 MiB");
        assert_eq!(ram.host_address() % HUGE_PAGE_BYTES as u64, 0);
        let mut bytes = [1; 8];
        GuestMemory::read(&ram, (4 << 20) - 8, &mut bytes).expect("the last bytes");
        assert_eq!(bytes, [0; 8]);
        for address in [(4 << 20) - 7, 4 << 20, u64::MAX - 3, u64::MAX] {
            assert_eq!(GuestMemory::read(&ram, address, &mut bytes), Err(BadAddress { address }));
            assert_eq!(GuestMemory::write(&ram, address, &bytes), Err(BadAddress { address }));
        }
    }

    #[test]
    fn what_is_written_is_read_back_whatever_its_length_and_place() {
        let ram = Ram::new(4 << 20).expect("4 MiB");
        for (address, length) in [(0, 4), (2, 4), (4094, 4), (8, 8), (60, 12), (64, 64), (1, 9000)]
        {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251 + 1) as u8).collect();
            GuestMemory::write(&ram, address, &bytes).expect("memory");
            let mut seen = vec![0; length + 1];
            GuestMemory::read(&ram, address, &mut seen).expect("memory");
            assert_eq!(seen[..length], bytes, "{length} bytes at {address}");
            assert_eq!(seen[length], 0, "the byte after {length} at {address}");
            ram.zero(address, address + length as u64).expect("memory");
        }
    }

    #[test]
    fn a_dword_is_replaced_if_it_is_what_was_expected() {
        let ram = Ram::new(4 << 20).expect("4 MiB");
        assert_eq!(ram.replace_u32(8, 0, 7), Ok(true));
        assert_eq!(ram.replace_u32(8, 0, 9), Ok(false));
        assert_eq!(ram.replace_u32(8, 7, 9), Ok(true));
        for address in [6, 4 << 20, u64::MAX - 3] {
            assert_eq!(ram.replace_u32(address, 0, 1), Err(BadAddress { address }));
        }
    }

    #[test]
    fn discarded_and_zeroed_memory_reads_as_zero() {
        let ram = Ram::new(4 << 20).expect("4 MiB");
        for address in [0x5ff8_u64, 0x6000, 2 << 20, (4 << 20) - 8] {
            GuestMemory::write(&ram, address, &[0xff; 8]).expect("memory");
        }
        ram.discard_from(2 << 20).expect("a page boundary");
        ram.zero(0x6000, 0x8000).expect("memory");
        let word = |address| {
            let mut bytes = [0; 8];
            GuestMemory::read(&ram, address, &mut bytes).expect("memory");
            u64::from_le_bytes(bytes)
        };
        assert_eq!([word(0x6000), word(2 << 20), word((4 << 20) - 8)], [0; 3]);
        assert_eq!(word(0x5ff8), u64::MAX);
    }
}
