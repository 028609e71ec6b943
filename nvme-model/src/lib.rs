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
//! | device | `device`, `inventory` | what outlives a reset, what goes on in the background, which namespaces there are |
//! | storage | `namespace`, `format`, `protection`, `reservation`, `cache`, [`media`] | what is durable and what is not |
//! | power | [`crash`] | what a power cut may leave: one image of it, or all |
//!
//! A command takes effect, data transfer included, at the virtual time at which it completes; one that
//! is aborted or lost before has no effect at all. At equal times the command that was fetched first
//! comes first. A place in the completion queue is reserved before a command is fetched.
//!
//! # Who learns of an error, and how
//!
//! A field, a range or a namespace that is wrong is a status with an entry in the error log; what belongs to
//! no command is an asynchronous event; what makes further work impossible is CSTS.CFS; what the host's own
//! storage does wrong is told to the owner ([`Controller::host_failure`]). `docs/nvme-errors.md` decides
//! case by case.
//!
//! # What it does not implement
//!
//! Each with the reason; `docs/nvme-coverage.md` has the whole list of what there is, with tests.
//!
//! - CMB, PMR: where bytes are, not what goes wrong with them; every driver does without. Boot partitions,
//!   host memory buffer: no driver under test keeps anything there.
//! - SR-IOV, more than one controller, ANA, shared namespaces: paths and their failover are another
//!   laboratory's subject. ZNS, key value, FDP, I/O Management: swap and filesystems ask for none of it.
//! - Security Send and Receive, Virtualization Management, NVMe-MI, Lockdown, Capacity Management, Cancel,
//!   directives but the identify directive: they neither carry data nor fail it. Invalid Opcode or Invalid
//!   Field, and not advertised.
//! - SGLs for admin commands, keyed and offset descriptors, lists longer than their data: optional, refused.
//! - Qualified protection information formats. A host that did not enable extended LBA formats may use them
//!   nevertheless. Limits of Verify, Write Zeroes and Dataset Management beyond the namespace: there are none.
//! - An interrupted format leaves the namespace as it was; a format keeps no progress (FPI).
//! - Preempt and Abort aborts nothing: hosts take turns with a reset between them, which ends their commands. A
//!   host that was away is told of notifications when it is back.
//! - Namespaces that the host creates live in memory, thin provisioning is refused: all space is there.
//! - Sanitize deallocates whatever it was asked; firmware is a revision and no program; a self-test looks at
//!   health and readability: there is no flash below. The latencies of power states are maxima that are never
//!   used, and there are no autonomous transitions, no host controlled thermal management: a driver cannot
//!   tell.
//! - Logs of endurance groups, predictable latency, NVM sets, rotational media: it has none. SMART per
//!   namespace: optional, LPA says so.
//! - Volatile Write Zeroes and deallocate in a controller that runs: there they are durable at once. In the log of
//!   writes they are as volatile as any write, so that every image without them is among those of [`crash`].
//! - Write Uncorrectable, too, is durable at once: no host relies on it to be lost. Which blocks are
//!   uncorrectable is known to the controller, not to the media: a new controller does not know.
//! - NVM subsystem shutdown (NSSD, CSTS.ST): with one controller it is CC.SHN. Readiness without media (CRIME):
//!   the media are always there; CSTS.RDY that comes late is a fault rule.
//! - Snapshots on disk, migration: [`Snapshot`] lives in this process. A run is repeated from its text and seed, byte
//!   for byte, so no state has to outlive the process that made it.
//! - PCI identity, BARs, MSI-X and the wire of the interrupt pin: the owner's business.
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
mod block_set;
mod buffer;
mod cache;
mod command;
mod config;
mod controller;
pub mod crash;
mod data;
mod device;
mod event;
mod failure;
pub mod fault;
mod features;
pub mod findings;
mod format;
mod health;
mod inventory;
mod lab;
pub mod media;
mod namespace;
mod numbered;
mod nvm;
mod place;
mod ports;
mod protection;
mod queue;
mod radix;
mod reservation;
#[cfg(test)]
mod rig;
mod sick;

pub use buffer::{BLOCK_HEADER_BYTES, BlockBytes};
pub use cache::{CachedWrite, WriteCache};
pub use config::{CachePolicy, Config, ConfigError, ConfigFileError, Timing};
pub use controller::{Controller, Snapshot};
pub use event::{BlockFate, EVENT_BYTES, Event, FatalCause};
pub use fault::{FaultEngine, FaultPlan};
pub use findings::{Finding, FindingKind, Findings};
pub use inventory::{NamespaceError, NamespaceInfo};
pub use lab::{LabBound, LabClock, LabIrq, LabWake, LabWorld, lab_wait, lab_wait_in};
pub use media::{Access, FileAccess, FileMedia, Media, MediaError, OverlayMedia, RamMedia};
pub use ports::{BadAddress, GuestMemory, IrqSink, Observer, Ports};
pub use prefetch::Rest;
