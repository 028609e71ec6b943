//! What the driver takes for hardware: a register window that traps, and DMA memory.

mod bar;
mod dma;

pub(crate) use bar::{Bar, Device, MMIO};
pub(crate) use dma::{Granted, device_dma};
