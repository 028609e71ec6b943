//! Fault injection: a stage of the one controller, between decode and execution.
//!
//! A [`FaultPlan`] is data: rules, each a *match* (which commands), a *when* (which of them), a *do*
//! (what happens) and an *until* (how long). The [`FaultEngine`] asks every rule about every command,
//! once at its submission and once at its completion, counts, decides and logs. It never touches
//! guest memory or media itself: it says what the controller has to do wrong.
//!
//! What a rule can do is in the table [`KINDS`], one row a kind; `delay` takes a time or a
//! [`Distribution`]. Some words in the place of a command (`enable`, `doorbell`, `register-read` ...)
//! stand for a [`Transition`]: something else that the host does. Matches are combined by `any{ | }`,
//! `all{ | }` and `not{ | }`; a rule can wait for another (`after`, `within`) and for a state that
//! another has set (`state=NAME`, `set=NAME`).
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! for line in [
//!     "write lba=0x100..0x200 chance=0.01 => torn=1",
//!     "read => delay=lognormal(80us,0.5)",
//!     "read lba=7 => status=media/unrecovered-read until-rewrite",
//!     "io nth=100 => wrong-phase=inverted",
//!     "disable nth=1 => rdy-delay=5s",
//!     "io any{ queue=1 | write lba=5..9 } not{ nsid=2 } => hang",
//!     "doorbell queue=1 nth=3 => power-cut",
//! ] {
//!     let rule: nvme_model::fault::Rule = line.parse()?;
//!     assert_eq!(rule.to_string().parse(), Ok(rule));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Same plan, same commands, same times: same decisions. Probabilities come from the plan's seed.

mod bad_blocks;
mod builder;
mod check;
mod delay;
mod distributions;
mod engine;
mod error;
mod fired;
mod forms;
mod holds;
mod index;
mod kinds;
mod log;
mod number;
mod parse;
mod payload;
mod pieces;
mod plan;
mod progress;
mod rule;
mod schema;
mod subject;
mod target;
mod text;
mod time;
mod toml_in;
mod toml_out;
mod toml_place;
mod values;
mod words;

pub use delay::{Bucket, Distribution};
pub use distributions::distributions;
pub use engine::{FaultEngine, RuleStatus};
pub use error::RuleError;
pub use kinds::{Action, ActionKind, At, Group, KINDS, Kind, On, Seen};
pub use log::{Decision, DecisionLog, LOG_DECISIONS_MAX};
pub use payload::{BytePattern, DmaTarget, Flip, Notice, PhaseFault, Torn};
pub use pieces::{Delay, positive, range, time_ns};
pub use plan::PlanError;
pub use progress::RuleCounts;
pub use rule::{
    FaultPlan, Match, OpClass, Phase, Probability, Rule, START, Transition, Until, When, Within,
};
pub use schema::json_schema;
pub use target::Target;
pub use words::{Section, WORDS, Word};

pub(crate) use fired::{Faults, value_of};
pub(crate) use subject::{Contents, NamedBlocks, Subject};

#[cfg(test)]
mod tests;
