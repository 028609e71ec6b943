//! Units, engines, oracles, verdicts: from a scenario's name to a judged result.
//!
//! ```text
//! scenario -> units -> engine (host or kvm) -> trace -> oracles -> verdict -> report
//! ```
//!
//! Oracles read the trace and nothing else, so a verdict can be checked again from a stored trace.
//!
//! What this crate does not do: it prints nothing and exits nowhere; that is the command line's.
#![forbid(unsafe_code)]

mod build;
pub mod control;
pub mod crash;
pub mod disk_image;
pub mod engine;
mod fired;
pub mod fleet;
pub mod oracle;
pub mod plan;
mod recipe;
mod record;
pub mod report;
pub mod rig;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod trace;
mod unit;
mod unit_text;
mod verdict;

pub use build::this_build;
pub use recipe::{build_word, line_to_paste, signature};
pub use record::record;
pub use unit::{Prediction, Role, Source, Unit};
pub use verdict::{Finding, Oracle, Verdict};
