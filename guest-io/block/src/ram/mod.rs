//! A block device in RAM for unit tests: errors on demand, and a volatile cache that can be lost.
//!
//! What it does not do: no time passes, nothing is reordered by itself. Requests are executed when
//! they are submitted or, with [`RamDisk::set_deferred`], when they are taken back.

mod disk;
mod fault;
mod hooked;
mod media;

pub use disk::{RamDisk, Request};
pub use fault::{Fault, OpKind};
pub use hooked::{Hook, Hooked};
