//! The program that the guest runs: it plays a script, a scenario of the laboratory told word by word
//! ([`Script`], [`Op`]).
//!
//! The program is ordinary guest code over `hal`, `guest-fs` and `swap-path`; the bootable kernel and the
//! host engine run the same source. It *observes* and never *judges*: what it saw goes into the event
//! trace ([`events`]), and the oracles on the host decide what that means.
//!
//! What this crate does not do: it knows no expected verdict, and it survives every error that it
//! provokes (an errno is an observation).
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod beside_swapoff;
mod crowd;
pub mod events;
mod pattern;
mod play;
mod run;
mod spec;
mod steps;
mod touch;
mod tripwire;
mod workload;

pub use pattern::{PageContent, Pattern};
pub use run::{LabError, run};
pub use spec::{
    Down, FileKind, Knob, Knobs, Op, Script, SpecError, Stage, Trip, TripPhase, UnitSpec,
};
