//! A driver for a virtio device with one queue, over [`hal`]: registers of the MMIO transport in a function's
//! BAR 0, a split virtqueue, one interrupt vector.
//!
//! [`Transport::start`] brings the device up and, whatever became of it before, back: a reset gives every
//! buffer back to the driver. [`Transport::send`] makes a chain of buffers available, [`Transport::reap`] takes
//! what the device has used.
//!
//! What this crate does not do: no second queue, no indirect descriptors, no packed ring, no event index, no
//! messages: what is in the buffers is its user's business.
//!
//! Invariant: nothing that the device writes can panic the driver or make it loop. What the driver needs to know
//! of a chain is in memory that the device does not see; an index, a head or a length that cannot be is
//! [`Broken`].
//!
//! Invariant: nothing is allocated after [`Transport::new`].
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod queue;
mod rings;
#[cfg(test)]
mod tests;
mod transport;

pub use queue::{Broken, Buffer, Token, Used};
pub use transport::{Error, Transport};
