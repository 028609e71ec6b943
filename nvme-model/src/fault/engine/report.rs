//! What the rules have done so far, for reports and lists.

use super::FaultEngine;
use crate::fault::kinds::ActionKind;
use crate::fault::log::DecisionLog;
use crate::fault::progress::{Progress, RuleCounts};
use crate::fault::rule::Rule;

/// Whether a rule can still fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleStatus {
    /// It can.
    Armed,
    /// Its end has come.
    Over,
    /// It was disarmed.
    Disarmed,
}

impl RuleStatus {
    /// The status in one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Over => "over",
            Self::Disarmed => "disarmed",
        }
    }
}

impl FaultEngine {
    /// How far each rule has come, in the plan's order.
    pub fn counts(&self) -> impl Iterator<Item = (&Rule, RuleCounts)> {
        self.plan.rules.iter().zip(self.progress.iter().map(|progress| progress.counts))
    }

    /// Whether each rule can still fire, in the plan's order.
    pub fn statuses(&self) -> impl Iterator<Item = RuleStatus> {
        self.progress.iter().map(|progress| match progress {
            Progress { is_disarmed: true, .. } => RuleStatus::Disarmed,
            Progress { is_over: true, .. } => RuleStatus::Over,
            _ => RuleStatus::Armed,
        })
    }

    /// Rules that have not fired as often as the plan promises: a run with any is not exercised.
    ///
    /// What was disarmed is no longer planned.
    pub fn unfired(&self) -> impl Iterator<Item = &Rule> {
        let rules = self.plan.rules.iter().zip(&self.progress);
        let is_unfired = |progress: &Progress| {
            !progress.is_disarmed && progress.counts.fired < progress.counts.planned
        };
        rules.filter(move |(_, progress)| is_unfired(progress)).map(|(rule, _)| rule)
    }

    /// Rules that forbid what then happened.
    pub fn violations(&self) -> impl Iterator<Item = (&Rule, RuleCounts)> {
        self.counts()
            .filter(|(rule, counts)| rule.action.kind() == ActionKind::Forbid && counts.fired > 0)
    }

    /// The last decisions.
    #[must_use]
    pub fn log(&self) -> &DecisionLog {
        &self.log
    }

    /// The state that the rules have set.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }
}
