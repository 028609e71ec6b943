//! The rules of a running machine, and how far each has come.
//!
//! Beside this file: how they are asked (`ask`), what is healed by writing (`healing`), and what they have
//! done (`report`).

mod ask;
mod healing;
mod report;

use std::collections::BTreeMap;

use super::holds::Holds;
use super::index::Index;
use super::kinds::{Action, Seen};
use super::log::DecisionLog;
use super::progress::{LastFired, Progress};
use super::rule::{FaultPlan, Match, OpClass, Rule, START, Transition};

pub use report::RuleStatus;

/// The rules of a plan and how far each has come. Survives resets and power cuts.
#[derive(Clone, Debug)]
pub struct FaultEngine {
    plan: FaultPlan,
    progress: Vec<Progress>,
    index: Index,
    log: DecisionLog,
    /// What the rules have set.
    state: String,
    /// Rules with a name that have fired.
    fired: BTreeMap<String, LastFired>,
    holds: Holds,
    /// Rules that are healed by writing.
    healing: Vec<u32>,
    /// Kept to save allocations.
    candidates: Vec<u32>,
    wants: Wants,
}

/// What rules need to know beyond the entry of a command.
#[derive(Clone, Copy, Debug, Default)]
struct Wants {
    stale_reads: bool,
    data: bool,
    ranges: bool,
    happens_at_once: bool,
}

/// Whether the host could see the rule's effect in the same moment in which it rings a doorbell or
/// writes a register, and not only in a later completion.
fn happens_at_once(rule: &Rule) -> bool {
    rule.action.kind().row().seen == Seen::AtOnce
        || matches!(rule.matcher.op, OpClass::Transition(_))
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl FaultEngine {
    pub(crate) fn new(plan: FaultPlan) -> Self {
        let progress = plan.rules.iter().map(Progress::new).collect();
        let mut engine = Self {
            plan,
            progress,
            index: Index::default(),
            log: DecisionLog::default(),
            state: START.into(),
            fired: BTreeMap::new(),
            holds: Holds::default(),
            healing: Vec::new(),
            candidates: Vec::new(),
            wants: Wants::default(),
        };
        engine.rebuild();
        engine
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    /// Adds a rule to the plan of a running machine; returns its index.
    ///
    /// A name whose rules are all disarmed begins anew: who waits for it waits for the new rule.
    pub fn arm(&mut self, rule: Rule) -> u32 {
        let index = number(self.plan.rules.len());
        if rule.name.as_ref().is_some_and(|name| !self.has_live(name)) {
            self.fired.remove(rule.name.as_deref().unwrap_or_default());
        }
        self.progress.push(Progress::new(&rule));
        self.plan.rules.push(rule);
        self.rebuild();
        index
    }

    /// Whether a rule of this name is not disarmed.
    fn has_live(&self, name: &str) -> bool {
        let mut rules = self.plan.rules.iter().zip(&self.progress);
        rules.any(|(rule, progress)| rule.name.as_deref() == Some(name) && !progress.is_disarmed)
    }

    /// Makes sure that a rule does not fire any more. `false` if there is none of this index.
    pub fn disarm(&mut self, index: u32) -> bool {
        let progress = usize::try_from(index).ok().and_then(|index| self.progress.get_mut(index));
        let is_there = progress.map(|progress| progress.is_disarmed = true).is_some();
        self.holds.rule_was_disarmed(index);
        self.rebuild();
        is_there
    }

    fn rebuild(&mut self) {
        let rules = (0..).zip(&self.plan.rules).zip(&self.progress);
        let armed = rules.filter(|(_, progress)| !progress.is_disarmed).map(|(rule, _)| rule);
        self.index = Index::new(armed.clone());
        self.wants = armed.clone().fold(Wants::default(), |wants, (_, rule)| Wants {
            stale_reads: wants.stale_reads || rule.action == Action::StaleRead,
            data: wants.data || rule.matcher.asks(|matcher: &Match| matcher.data.is_some()),
            ranges: wants.ranges || rule.matcher.asks(|matcher: &Match| matcher.lba.is_some()),
            happens_at_once: wants.happens_at_once || happens_at_once(rule),
        });
        let is_healed =
            |(number, rule): (u32, &Rule)| rule.until.is_until_rewrite.then_some(number);
        self.healing = armed.filter_map(is_healed).collect();
    }

    pub(crate) fn on_reset(&mut self) {
        for (rule, progress) in self.plan.rules.iter().zip(&mut self.progress) {
            progress.is_over |= rule.until.is_until_reset;
        }
        self.holds.forget();
    }

    /// Whether a rule holds the command of this number.
    pub(crate) fn holds(&self, command: u64) -> bool {
        self.holds.has(command)
    }

    /// Whether commands that were held may go on.
    pub(crate) fn has_released(&self) -> bool {
        self.holds.has_released()
    }

    /// Takes the numbers of commands that were held and may go on.
    pub(crate) fn take_released(&mut self) -> Vec<u64> {
        self.holds.take_released()
    }

    /// Whether what a write replaces has to be kept.
    pub(crate) fn has_stale_reads(&self) -> bool {
        self.wants.stale_reads
    }

    /// Whether a rule looks at the data that commands move.
    pub(crate) fn wants_data(&self) -> bool {
        self.wants.data
    }

    /// Whether a rule looks at blocks, which some commands have in their data.
    pub(crate) fn wants_ranges(&self) -> bool {
        self.wants.ranges
    }

    /// Whether a rule does something that the host could see at once.
    pub(crate) fn happens_at_once(&self) -> bool {
        self.wants.happens_at_once
    }

    /// Whether any rule is about this transition.
    pub(crate) fn watches(&self, transition: Transition) -> bool {
        self.index.has_transition(transition)
    }
}
