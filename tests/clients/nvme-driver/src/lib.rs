//! An outside client of the controller model: the crate `nvme-driver` of the rcore-os project, which
//! was written by other people against other devices, in one process with `nvme-model`.
//!
//! Our driver and our model were read out of the standard by the same eyes; a misreading in both would
//! never be noticed. This driver has its own. It knows PRP lists, MSI-X and INTx, several queues, and
//! treats a completion that it cannot place as fatal. It has no time-outs, aborts or resets: those are
//! the caller's, here the test's.
//!
//! - `hardware` makes a register window out of a page fault and DMA memory out of the heap.
//! - `machine` is the controller in virtual time behind that window.
//! - `client` is the operating system that the driver wants: it delivers interrupts and requests.
//!
//! What it does not do: it tests neither the fault engine nor our driver; `guest-io/nvme-driver` does.

mod client;
mod hardware;
mod machine;

pub use client::{Client, Done, Interrupts};
pub use machine::Machine;
