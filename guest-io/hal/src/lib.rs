//! The only hardware boundary of the guest: registers, DMA memory, interrupts, time, page tables.
//!
//! Everything above (driver, block layer, filesystem, swap) is written against these traits and is the
//! same source in both engines. Two parties implement them: the bootable kernel (`images/kernel`),
//! where a register access is an instruction, and the host engine (`campaign`), where it is a call
//! into the controller model.
//!
//! All methods take `&self`: a driver holds DMA buffers of the same machine while it waits, so
//! interior mutability lives in the implementation and nowhere else. Nothing here is `async`: the one
//! place where time passes is [`Platform::wait`].
//!
//! What this crate does not do: no bus enumeration (the kernel's business), no allocation policy, no
//! threads.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod dma;
mod mmio;
mod platform;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod time;
pub mod trace;
mod user;

pub use dma::{DmaBuf, Iova, OutOfMemory, PAGE_BYTES};
pub use mmio::Mmio;
pub use platform::{Platform, Wake};
pub use time::Instant;
pub use trace::Tracer;
pub use user::{
    Access, BusError, FaultOutcome, PageFault, Unmapped, UserAddr, UserMemory, UserPage,
};
