//! An NVMe controller as a sans-I/O state machine, with fault injection as one of its stages.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod admin;
mod async_events;
mod cache;
mod command;
mod config;
mod controller;
mod event;
mod failure;
pub mod fault;
mod features;
mod health;
mod lab;
pub mod media;
mod namespace;
mod nvm;
mod ports;
mod prp;
mod queue;
#[cfg(test)]
mod rig;

pub use cache::{CachedWrite, WriteCache};
pub use config::{Config, ConfigError, Timing};
pub use controller::{CachePolicy, Controller};
pub use event::{EVENT_BYTES, Event, FatalCause};
pub use fault::{FaultEngine, FaultPlan};
pub use lab::{LabIrq, LabWake, lab_wait};
pub use media::{FileMedia, Media, MediaError, RamMedia};
pub use ports::{BadAddress, GuestMemory, IrqSink, Observer, Ports};
