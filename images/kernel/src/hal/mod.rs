//! The `hal` traits on this machine.

pub(crate) mod bar;
pub(crate) mod calls;
pub(crate) mod clock;
pub(crate) mod config_space;
pub(crate) mod dma;
mod heap;
pub(crate) mod lab_device;
pub(crate) mod memory;
pub(crate) mod platform;
pub(crate) mod trace;
pub(crate) mod transmit;
pub(crate) mod user;
pub(crate) mod virtio;
