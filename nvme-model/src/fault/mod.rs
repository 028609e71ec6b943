//! Fault injection: a stage of the one controller, between decode and execution.
//!
//! A [`FaultPlan`] is data: rules, each a *match* (which commands), a *when* (which of them), a *do*
//! (what happens) and an *until* (how long). The [`FaultEngine`] asks every rule about every command,
//! once at its submission and once at its completion, counts, decides and logs. It never touches
//! guest memory or media itself: it says what the controller has to do wrong.
//!
//! What a rule can do is in [`Action`]; `delay` takes a time or a [`Distribution`]. Four words in the
//! place of a command (`enable`, `disable`, `shutdown`, `subsystem-reset`) stand for a [`Transition`]:
//! something that the host does to the controller as a whole.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! for line in [
//!     "write lba=0x100..0x200 chance=0.01 => torn=1",
//!     "read => delay=lognormal(80us,0.5)",
//!     "read lba=7 => status=media/unrecovered-read until-rewrite",
//!     "io nth=100 => wrong-phase=inverted",
//!     "disable nth=1 => rdy-delay=5s",
//! ] {
//!     let rule: nvme_model::fault::Rule = line.parse()?;
//!     assert_eq!(rule.to_string().parse(), Ok(rule));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Same plan, same commands, same times: same decisions. Probabilities come from the plan's seed.

mod action;
mod decide;
mod delay;
mod engine;
mod parse;
mod rule;
mod table;
mod text;
mod values;
mod verbs;
mod words;

pub use action::{Action, ActionKind, DmaTarget, PhaseFault, Torn};
pub use delay::Distribution;
pub use engine::{Decision, FaultEngine, RuleCounts};
pub use parse::RuleError;
pub use rule::{
    FaultPlan, Match, OpClass, Phase, Probability, Rule, SqeMask, Transition, Until, When,
};
pub use table::PlanError;

pub(crate) use decide::{CompletionFaults, Subject, SubmissionFaults, TransitionFaults};

#[cfg(test)]
mod tests;
