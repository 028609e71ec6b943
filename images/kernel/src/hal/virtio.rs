//! What the virtio library needs of this machine: pages, and the identity of addresses.
// UNSAFETY: the library's contract is an unsafe trait.
#![expect(unsafe_code, reason = "implements virtio_drivers::Hal")]

use core::ptr::NonNull;

use hal::{DmaBuf, PAGE_BYTES};
use virtio_drivers::{BufferDirection, Hal, PhysAddr};

use super::dma::DmaPages;
use super::memory;
use crate::arch::boot::physical_address;
use crate::arch::mmio::is_device_memory;

/// This machine, to the virtio library.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VirtioHal;

// SAFETY: pages come zeroed from the frame allocator, are identity-mapped and stay ours until they are
// given back; device memory is mapped as a whole and holds no Rust object.
unsafe impl Hal for VirtioHal {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        let pages = DmaPages::own(pages).expect("memory for a virtqueue");
        assert!(pages.size_bytes() >= PAGE_BYTES, "a virtqueue of no pages");
        let address = pages.leak();
        (address, pointer(address))
    }

    unsafe fn dma_dealloc(address: PhysAddr, _pointer: NonNull<u8>, pages: usize) -> i32 {
        memory::free_frames(address, pages);
        0
    }

    unsafe fn mmio_phys_to_virt(address: PhysAddr, size_bytes: usize) -> NonNull<u8> {
        assert!(is_device_memory(address, size_bytes), "virtio registers at {address:#x}");
        pointer(address)
    }

    unsafe fn share(buffer: NonNull<[u8]>, _direction: BufferDirection) -> PhysAddr {
        physical_address(buffer.cast::<u8>().addr().get() as u64)
    }

    unsafe fn unshare(_address: PhysAddr, _buffer: NonNull<[u8]>, _direction: BufferDirection) {}
}

fn pointer(address: u64) -> NonNull<u8> {
    NonNull::new(core::ptr::with_exposed_provenance_mut(address as usize)).expect("no page at zero")
}
