//! An NVMe driver for the guest: one controller, one namespace, one I/O queue pair.
//!
//! Modelled on Linux `drivers/nvme/host`: the same set-up, the same time-out ladder (poll, abort,
//! reset, give up), the same table from status to block error, the same retry rule. It is generic over
//! [`hal::Platform`], so that it is the same source under KVM and in a process that steps a controller
//! model; it meets the model in bytes only.
//!
//! What it does not do: several I/O queues, several namespaces, metadata and protection, SGLs,
//! controller memory buffers, power states, firmware, namespace management. A namespace that grows while it is in use
//! stays as large as it was at the probe; one that shrinks, becomes another, or goes ends the device.
//!
//! Invariants:
//! - Nothing that the device writes or answers can panic this crate or make it wait for ever.
//! - A bio's pages go back to their owner only when the controller answered that very command (CID
//!   with sequence bits), after CSTS.RDY = 0, or when the controller can no longer reach memory.
//! - Nothing is borrowed while [`hal::Platform::wait`] runs.
//! - No heap allocation after probe in submit, try_take and wait, as long as no more completions than
//!   [`Config::untaken_max`] lie untaken.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

mod admin;
mod async_events;
mod cid;
mod command;
mod config;
mod configure;
mod counters;
mod driver;
mod enable;
mod error;
pub mod events;
#[cfg(test)]
mod fake;
mod finished;
mod identity;
mod ladder;
mod phase;
mod prp;
mod reap;
mod registers;
mod rescan;
mod ring;
mod shadow;
mod slots;
mod state;
mod status;

pub use config::{Completion, Config};
pub use counters::Counters;
pub use driver::NvmeDriver;
pub use error::{Error, Missing, Stage};
