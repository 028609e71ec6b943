//! The machine that the VMM builds and the bootable guest finds: the bytes both agree on.
//!
//! Constants and wire layouts only, `no_std`, no code that runs on one side alone. As with the NVMe
//! wire layout, the VMM and the guest meet in these bytes and nowhere else.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod call_page;
pub mod frame;
pub mod lab_device;
pub mod layout;
pub mod pci_ids;
pub mod ports;
pub mod warm_start;
