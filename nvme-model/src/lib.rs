//! An NVMe controller as a sans-I/O state machine, with fault injection as one of its stages.
//!
//! The controller owns no thread, no clock and no memory of the guest. Its owner carries register
//! accesses in, says what time it is, and lends memory, interrupts and an observer for the length of a
//! call ([`Ports`]). Whatever the guest does becomes a status, an asynchronous event or CSTS.CFS; it
//! never panics. The same accesses at the same times give the same [`Event`]s, byte for byte.
//!
//! # The way of a command
//!
//! registers -> queues -> decode -> fault stage -> (time) -> execute -> fault stage -> completion
//!
//! | stage | module | knows |
//! |---|---|---|
//! | registers | `controller::mmio`, `controller::registers`, `controller::lifecycle` | offsets, widths, resets |
//! | queues | `queue` | rings, doorbells, places for completions |
//! | decode | `command` | raw entry to typed command, every field checked once |
//! | faults | [`fault`] | rules; says what to do wrong, does nothing itself |
//! | execute | `admin`, `nvm`, `data` | what commands do |
//! | storage | `namespace`, `cache`, [`media`] | what is durable and what is not |
//!
//! A command takes effect, data transfer included, at the virtual time at which it completes; one that
//! is aborted or lost before has no effect at all. At equal times the command that was fetched first
//! comes first. A place in the completion queue is reserved before a command is fetched.
//!
//! # Who learns of an error, and how
//!
//! | what is wrong | what happens |
//! |---|---|
//! | a field of a command, its range, its size, its namespace | status, with Do Not Retry and an error log entry |
//! | a data pointer's alignment | status PRP Offset Invalid |
//! | a data pointer outside of memory | status Data Transfer Error |
//! | an SGL of a wrong kind, number of descriptors, segment or length | status SGL Descriptor Type, Number, Segment or Length Invalid |
//! | a command identifier in use | status Command ID Conflict for the second command |
//! | a doorbell of a queue that is not there | asynchronous event: invalid doorbell register |
//! | a doorbell value outside of the queue or past its other end | asynchronous event: invalid doorbell value; ignored |
//! | a doorbell before ready, after a failure or a shutdown | ignored |
//! | CC.EN = 1 with CC, AQA, ASQ or ACQ that are not supported | CSTS.CFS |
//! | a submission queue entry that cannot be read | CSTS.CFS |
//! | a completion queue entry that cannot be written | CSTS.CFS |
//! | a register access of another width or alignment | reads zeros, writes nothing |
//! | an asynchronous event request too many | status Asynchronous Event Request Limit Exceeded |
//! | temperature outside of the thresholds | SMART critical warning; asynchronous event if enabled |
//! | the host's own storage fails | status Internal Error, and [`Controller::host_failure`] for the owner |
//!
//! # What it does not implement
//!
//! - Metadata, end-to-end protection, fused operations, directives; all refused by Invalid Field.
//! - Copy, reservations; Format, Sanitize, namespace management,
//!   firmware download, self-test, Keep Alive, doorbell buffers: Invalid Opcode, and not advertised.
//! - More than one namespace (everything is keyed by its identifier already), and changing the LBA
//!   format of one: it follows the media.
//! - Identify beyond CNS 0 to 3, 5, 6, 8, 10h to 13h and 1Ch, and of command sets but NVM; telemetry, persistent event and vendor log pages.
//! - Weighted arbitration, interrupt coalescing (the features hold their values), power states but one.
//! - CMB, PMR, boot partitions, host memory buffer, SR-IOV, more than one controller.
//! - Volatile Write Zeroes, deallocate and Write Uncorrectable: all are durable at once. Which blocks
//!   are uncorrectable is known to the controller, not to the media: a new controller does not know.
//! - A choice of survivors at a power cut beyond all or none.
//! - PCI identity, BARs and MSI-X: the owner's business.
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
mod data;
mod event;
mod failure;
pub mod fault;
mod features;
pub mod findings;
mod health;
mod lab;
pub mod media;
mod namespace;
mod nvm;
mod ports;
mod queue;
mod radix;
#[cfg(test)]
mod rig;
mod sick;

pub use cache::{CachedWrite, WriteCache};
pub use config::{Config, ConfigError, Timing};
pub use controller::{CachePolicy, Controller};
pub use event::{EVENT_BYTES, Event, FatalCause};
pub use fault::{FaultEngine, FaultPlan};
pub use findings::{Finding, FindingKind, Findings};
pub use lab::{LabIrq, LabWake, lab_wait};
pub use media::{FileAccess, FileMedia, Media, MediaError, OverlayMedia, RamMedia};
pub use ports::{BadAddress, GuestMemory, IrqSink, Observer, Ports};
