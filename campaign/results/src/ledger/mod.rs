//! A ledger: the results of one shard, one line a unit, only ever added to.
//!
//! A batch of lines is on the disk before [`Ledger::append`] returns, so a process that is killed loses
//! the batch it was at and nothing else. A line that was torn by that is ignored when the ledger is read
//! and cut off when it is continued. What was written once is never changed.

mod append;
mod read;

use serde::{Deserialize, Serialize};

use crate::{Build, PlanHeader, Shard};

pub use append::{Ledger, Standing};
pub use read::LedgerReader;

const SCHEMA: &str = "swaplab-results/1";

/// The first line of a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerHeader {
    schema: String,
    /// The campaign's name.
    pub campaign: String,
    /// The plan's hash.
    pub plan: String,
    /// The build that ran the units.
    pub build: Build,
    /// The shard; missing where shards were merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
}

impl LedgerHeader {
    /// The header of the results that `build` gets from a shard of the plan.
    #[must_use]
    pub fn new(plan: &PlanHeader, build: Build, shard: Shard) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            campaign: plan.campaign.clone(),
            plan: plan.plan.clone(),
            build,
            shard: Some(shard.to_string()),
        }
    }

    /// The header of merged results.
    #[must_use]
    pub fn merged(self) -> Self {
        Self { shard: None, ..self }
    }
}

#[cfg(test)]
mod tests;
