//! Fault injection: a stage of the one controller, between decode and execution.
//!
//! A [`FaultPlan`] is data: rules, each a *match* (which commands), a *when* (which of them), a *do*
//! (what happens) and an *until* (how long). The [`FaultEngine`] asks every rule about every command,
//! once at its submission and once at its completion, counts, decides and logs. It never touches
//! guest memory or media itself: it says what the controller has to do wrong.
//!
//! Same plan, same commands, same times: same decisions. Probabilities come from the plan's seed.

mod decide;
mod engine;
mod parse;
mod rule;
mod table;
mod text;
mod values;
mod words;

pub use engine::{Decision, FaultEngine, RuleCounts};
pub use parse::RuleError;
pub use rule::{
    Action, ActionKind, FaultPlan, Match, OpClass, Phase, Probability, Rule, SqeMask, Until, When,
};
pub use table::PlanError;

pub(crate) use decide::{Subject, SubmissionFaults};

#[cfg(test)]
mod tests;
