//! The bootable guest's own logic, as far as it needs no hardware.
//!
//! `images/kernel` is the other half: everything here is plain data in, plain data out, so that it is
//! tested on the host. What this crate does not do: touch a register, a page table or a port.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod bars;
pub mod calls;
pub mod clock;
pub mod command_line;
pub mod fault;
pub mod frames;
pub mod memory_map;
pub mod msix;
pub mod outbox;
