//! The wire layout of NVMe: what driver and controller share, and nothing else.
//!
//! Registers, queue entries, status codes, identify and log structures as bytes with names. Integers
//! are little-endian on the wire and native in the accessors; a field that the standard defines as
//! zero-based ends in `_z`. Addresses and sizes are in bytes unless the name says otherwise.
//!
//! What is not here: behaviour. No queue, no command execution, no policy. Nor zoned namespaces, key-value
//! commands and fabrics capsules.
//!
//! Follows NVMe base 2.0 and the NVM command set 1.0.
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

#[macro_use]
mod bits;
#[macro_use]
mod structure;

pub mod aer;
pub mod command;
pub mod copy;
mod cqe;
pub mod dsm;
pub mod feature;
pub mod identify;
pub mod log;
mod opcode;
pub mod prp;
pub mod register;
pub mod reservation;
pub mod sgl;
mod sqe;
pub mod status;

pub use cqe::{CQE_BYTES, Cqe};
pub use opcode::{AdminOpcode, NvmOpcode};
pub use sqe::{SQE_BYTES, Sqe};
pub use status::{Status, StatusCode};

/// The namespace identifier that means every namespace.
pub const NSID_BROADCAST: u32 = 0xffff_ffff;

/// The identifier of the admin submission and completion queue.
pub const ADMIN_QID: u16 = 0;
