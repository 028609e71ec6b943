//! DMA memory: pages of the heap, whose address is the device's address, and a list of what is granted.
//!
//! Invariant: the device reaches what the driver has allocated at this moment and nothing else; an
//! access to anything else is a failed test.
// UNSAFETY: the driver's interface to memory is an unsafe trait, and a device writes through addresses.
#![expect(unsafe_code, reason = "implements dma_api::DmaOp")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dma_api::{
    DeviceDma, DmaAddr, DmaAllocHandle, DmaCoherency, DmaConstraints, DmaDeviceInfo, DmaDirection,
    DmaDomainId, DmaError, DmaMapHandle, DmaOp,
};
use nvme_model::{BadAddress, GuestMemory};

const PAGE_BYTES: usize = 4096;

/// First address to length of every live allocation of this process.
static LIVE: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());

fn live() -> MutexGuard<'static, BTreeMap<usize, usize>> {
    // A test that failed while it held the lock has left the list whole.
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Memory as the device sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Granted;

impl Granted {
    /// Where `length` bytes at `address` are, if all of them are granted.
    fn at(address: u64, length: usize) -> Result<*mut u8, BadAddress> {
        let bad = BadAddress { address };
        let start = usize::try_from(address).map_err(|_| bad)?;
        let end = start.checked_add(length).ok_or(bad)?;
        let live = live();
        let (first, size) = live.range(..=start).next_back().ok_or(bad)?;
        if end > first + size {
            return Err(bad);
        }
        Ok(std::ptr::with_exposed_provenance_mut(start))
    }
}

impl GuestMemory for Granted {
    fn read(&self, address: u64, dst: &mut [u8]) -> Result<(), BadAddress> {
        let from = Self::at(address, dst.len())?;
        // SAFETY: the range is inside of one live allocation, and `dst` is not part of it: DMA memory
        // is lent to nobody while the device works on it.
        unsafe { from.copy_to_nonoverlapping(dst.as_mut_ptr(), dst.len()) };
        Ok(())
    }

    fn write(&self, address: u64, src: &[u8]) -> Result<(), BadAddress> {
        let to = Self::at(address, src.len())?;
        // SAFETY: as above.
        unsafe { to.copy_from_nonoverlapping(src.as_ptr(), src.len()) };
        Ok(())
    }
}

struct Heap;

static HEAP: Heap = Heap;

/// What the driver allocates from.
pub(crate) fn device_dma() -> DeviceDma {
    let constraints = DmaConstraints::new(u64::MAX);
    let info = DmaDeviceInfo::new(DmaDomainId::Direct, DmaCoherency::Coherent, constraints);
    DeviceDma::new(info, &HEAP)
}

// SAFETY of the implementation: every handle stands for memory of the heap with the layout asked for,
// zeroed, listed as live until it is given back.
impl DmaOp for Heap {
    fn page_size(&self) -> usize {
        PAGE_BYTES
    }

    unsafe fn alloc_contiguous(
        &self,
        constraints: DmaConstraints,
        layout: Layout,
    ) -> Option<DmaAllocHandle> {
        // Whole pages, so that a device that reads a page of a shorter structure is not accused.
        let layout = layout.align_to(constraints.align.max(PAGE_BYTES)).ok()?;
        let whole = whole_pages(layout);
        // SAFETY: the layout is not empty.
        let memory = NonNull::new(unsafe { alloc_zeroed(whole) })?;
        let address = memory.as_ptr().expose_provenance();
        live().insert(address, whole.size());
        // SAFETY: both addresses are those of the new allocation.
        Some(unsafe { DmaAllocHandle::new(memory, memory, (address as u64).into(), layout) })
    }

    unsafe fn dealloc_contiguous(&self, handle: DmaAllocHandle) {
        let memory = handle.allocation_ptr().as_ptr();
        let known = live().remove(&memory.addr());
        assert!(known.is_some(), "DMA memory that was never allocated, or is free already");
        // SAFETY: the memory was allocated with this layout and is given back once.
        unsafe { dealloc(memory, whole_pages(handle.layout())) };
    }

    unsafe fn alloc_coherent(
        &self,
        constraints: DmaConstraints,
        layout: Layout,
    ) -> Option<DmaAllocHandle> {
        // SAFETY: the same contract.
        unsafe { self.alloc_contiguous(constraints, layout) }
    }

    unsafe fn dealloc_coherent(&self, handle: DmaAllocHandle) -> Result<(), DmaError> {
        // SAFETY: the same contract.
        unsafe { self.dealloc_contiguous(handle) };
        Ok(())
    }

    unsafe fn map_streaming(
        &self,
        _constraints: DmaConstraints,
        memory: NonNull<u8>,
        size: NonZeroUsize,
        _direction: DmaDirection,
    ) -> Result<DmaMapHandle, DmaError> {
        let layout = Layout::from_size_align(size.get(), 1)?;
        let address = DmaAddr::from(memory.as_ptr().expose_provenance() as u64);
        live().insert(memory.as_ptr().addr(), size.get());
        // SAFETY: the caller keeps the buffer alive until it is unmapped.
        Ok(unsafe { DmaMapHandle::new(memory, address, layout, None) })
    }

    unsafe fn unmap_streaming(&self, handle: DmaMapHandle) {
        live().remove(&handle.as_ptr().as_ptr().addr());
    }
}

fn whole_pages(layout: Layout) -> Layout {
    let size = layout.size().max(1).next_multiple_of(PAGE_BYTES);
    Layout::from_size_align(size, layout.align().max(PAGE_BYTES)).expect("a layout of whole pages")
}
