//! From a campaign file to a plan: every unit that is to be run, and how large a space they cover.
//!
//! ```text
//! campaign.toml -> units (scenario x case x path x fault x point x seed) -> results::Plan
//! ```
//!
//! A plan is a list of texts: whoever has it needs no campaign file any more.
//!
//! What this does not do: it decides no verdict. What is predicted of a unit is the scenario's.

mod census;
mod expand;
mod faults;
mod file;
mod obligations;
mod select;
mod soak;

use std::path::Path;

use results::{Build, Plan};

pub use expand::planned;
pub use file::CampaignError;
use file::Source;
pub use obligations::{FaultRow, Owes, ROWS};

/// A plan, and what a reader of it should know.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The units.
    pub plan: Plan,
    /// What the campaign is to find out.
    pub question: String,
}

/// Plans the campaign with this text, which is the content of `file`.
///
/// # Errors
/// [`CampaignError`] with file, line, column and what could stand there.
pub fn plan(file: &Path, text: &str, build: Build) -> Result<Planned, CampaignError> {
    let source = Source { file, text };
    let campaign = source.parse()?;
    let (units, space) = expand::expand(&source, &campaign)?;
    let plan = Plan::new(campaign.name.get_ref(), build, space, units);
    Ok(Planned { plan, question: campaign.question })
}

/// Reads a campaign file and plans it.
///
/// # Errors
/// [`CampaignError`].
pub fn plan_file(file: &Path, build: Build) -> Result<Planned, CampaignError> {
    let text =
        std::fs::read_to_string(file).map_err(|error| CampaignError::unreadable(file, &error))?;
    plan(file, &text, build)
}

#[cfg(test)]
mod tests;
