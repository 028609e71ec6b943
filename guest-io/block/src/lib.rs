//! The block layer's contract: bios that own their pages, tickets, flush and FUA.
//!
//! A filesystem or a swap path builds a [`Bio`], submits it and gets the same bio back with a
//! [`BlockError`] or success. While a bio is in flight it owns its pages, so nobody can touch memory
//! that a device may be writing. A bio that comes back keeps the capacity of its page vector: a caller
//! that reuses it allocates nothing.
//!
//! What this crate does not do: no scheduling, no merging, no partition table, no retry.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod bio;
mod device;
mod error;
#[cfg(any(test, feature = "testing"))]
pub mod ram;

pub use bio::{BLOCK_BYTES, Bio, Op};
pub use device::{BlockDevice, Done, Geometry, Rejected, Ticket};
pub use error::{BlockError, DeviceStatus};
