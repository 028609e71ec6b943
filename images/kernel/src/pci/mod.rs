//! PCI, as far as this guest needs it: bus 0, memory BARs, MSI-X.
//!
//! Firmware may have placed the BARs or not. Those of a function whose memory decoding is on are used
//! as they are; all others are sized and placed here.

pub(crate) mod bus;
mod function;
mod msix;

pub(crate) use bus::Bus;
pub(crate) use function::Function;
