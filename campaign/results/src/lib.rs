//! What a campaign keeps: plans, shards, records, and the law by which they merge.
//!
//! ```text
//! plan -> shard 1/n ... n/n -> one ledger each -> merge -> reports, comparisons
//! ```
//!
//! A unit is named by the hash of its text, so everything here is a set keyed by [`UnitId`]: shards are
//! disjoint parts of a plan, a ledger is an append-only part of the results, and merging is set union.
//! That is why nobody has to coordinate: any split, any order, any number of interruptions gives the
//! same merged outcomes, byte for byte.
//!
//! What this crate does not do: it runs nothing and judges nothing. A unit is a line of text to it, a
//! verdict a word.
#![forbid(unsafe_code)]

mod build;
pub mod compare;
pub mod export;
pub mod ledger;
mod lines;
pub mod merge;
mod plan;
mod record;
mod shard;
pub mod statistics;
pub mod summary;
mod unit_id;
mod verdict;

pub use build::Build;
pub use lines::FileError;
pub use plan::{Plan, PlanHeader, PlannedUnit, SpaceLine};
pub use record::{ErrorSeen, FaultCount, FiredAt, HostPart, Outcome, Record, Role};
pub use shard::{Assignment, Shard, ShardError};
pub use unit_id::{ParseUnitIdError, UnitId};
pub use verdict::{ParseVerdictError, VerdictLabel, VerdictWord};
