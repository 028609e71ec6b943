//! An NVMe controller as a sans-I/O state machine, with fault injection as one of its stages.
//!
//! The controller owns no thread, no clock and no memory of the guest. Its owner carries register
//! accesses in ([`GuestMemory`], [`IrqSink`] and [`Observer`] are the owner's side) and says what time
//! it is.
#![forbid(unsafe_code)]

mod ports;

pub use ports::{BadAddress, GuestMemory, IrqSink};
