//! Cooperative tasks of the guest: who runs next is chosen by the seed, and who waits for whom is known.
//!
//! A task runs until it waits. [`Tasks::run`] resumes one ready task after the other; when none is ready, it
//! lets time pass by the one real wait of the machine ([`hal::Platform::wait`]) until the next interrupt or
//! deadline. So waiting cycles can close, and close again when the unit is run again.
//!
//! ```text
//! program on the root stack -- Tasks::run --> resume a task <-> suspend      (the engine's Switch)
//!                                   nobody ready: Platform::wait             (the engine's time)
//! ```
//!
//! Every choice, every wait and its resource go into the trace ([`events`]). Two watchers tell different
//! things: [`LockOrder`] sees an order that could deadlock and none of the others; a cycle of waits and the bound
//! on progress in virtual time see the deadlock itself ([`Stuck`]).
//!
//! A program that spawns nothing is as it was without this crate: the trace is the same.
//!
//! What this crate does not do: no preemption, no priorities, no second processor; no wait for two devices at the
//! same time ([`DriveAndServer`]); it makes no stacks ([`Switch`] is the engine's) and owns no memory ([`Memory`] is
//! whoever manages it).
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod cycle;
pub mod events;
mod handle;
mod idle;
mod lock;
mod memory;
mod order;
mod resource;
mod scheduler;
mod seed;
mod state;
mod switch;

pub use handle::TaskHandle;
pub use idle::{DriveAndServer, Idle, TaskPlatform};
pub use lock::SleepLock;
pub use memory::{Gfp, Memory};
pub use order::{LockClass, LockOrder};
pub use resource::{Resource, ResourceKind};
pub use scheduler::{Role, Stuck, Tasks};
pub use seed::Seed;
pub use state::TaskName;
pub use switch::{NoStack, Ran, Switch, TaskId};

/// There is nobody else who could run: the caller is not a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alone;
