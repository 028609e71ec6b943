//! A file server behind a virtio device, as a sans-I/O state machine, with fault injection as one of its
//! stages: the other end of the `net` swap path.
//!
//! ```text
//! registers -> queue -> message -> FAULTS -> (time) -> server -> reply -> queue
//! ```
//!
//! Its owner carries register accesses in, says what time it is, and lends memory, interrupts and an observer
//! for the length of a call ([`Ports`]); the virtual machine and the host engine own the same one. The
//! messages are 9P2000.L's (`p9-wire`). A request takes effect at the time of its reply, after a service time
//! ([`Timing`]); one that is dropped before has no effect.
//!
//! A file in memory stands for the server's disk ([`Export`]). It outlives sessions and power cycles: what the
//! guest loses with its power is the session.
//!
//! What this crate does not do: one client, one directory, no permissions, no `Tflush`, no `Treaddir`, no
//! removal; nothing that swap does not need.
//!
//! Invariant: guest input never panics it. It becomes an error reply, or the device asks for a reset.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod device;
pub mod errno;
mod event;
mod fault;
mod server;
mod session;
mod store;
#[cfg(test)]
mod tests;

pub use device::{FileServer, Observer, Ports, ServerConfig, Timing};
pub use event::{EVENT_BYTES, Event};
pub use fault::{ACTIONS, Action, Op, RuleCounts, ServerPlan, ServerRule};
pub use store::{CONTROL, Export};
