//! Stand-ins for a machine, for unit tests: DMA memory on the heap, a page table in software, a trace
//! in a vector.
//!
//! What this module does not do: no registers and no clock. A test that needs a device brings its own
//! [`crate::Platform`].

mod dma;
mod sink;
mod user;

pub use dma::{DmaPool, Inaccessible, PoolDma};
pub use sink::VecSink;
pub use user::SoftUserMemory;
