//! What one rule alone cannot know: whether what it waits for can happen in its plan.

use super::kinds::Action;
use super::rule::{FaultPlan, Match, Rule, START};

/// The state that no rule can set: what is held for it is held until somebody ends it.
pub(super) const NEVER: &str = "never";

/// A rule waits for a rule that is not there, or for a state that no other rule sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// The rule's number, from 1.
    pub rule: usize,
    /// The word of the rule: `after`, `state` or `hold`.
    pub word: &'static str,
    /// What it waits for.
    pub name: String,
    /// What it could have waited for.
    known: Vec<String>,
}

impl PlanError {
    /// What is wrong, and what could have been there; without the number of the rule.
    #[must_use]
    pub fn problem(&self) -> String {
        let Self { word, name, known, .. } = self;
        let known = known.join(", ");
        match *word {
            "after" if known.is_empty() => {
                format!("after={name:?} names no rule; no other has a name")
            }
            "after" => format!("after={name:?} names no rule; names: {known}"),
            word => format!("{word}={name:?} is a state that no other rule sets; states: {known}"),
        }
    }

    /// Whether it is in order to arm the rule in the hope of one that is armed later.
    ///
    /// Of rules that wait for each other's states one has to be the first. A rule that waits for another one
    /// to fire can always be armed after it.
    #[must_use]
    pub fn may_come_later(&self) -> bool {
        self.word != "after"
    }
}

impl std::fmt::Display for PlanError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "fault rule {}: {}", self.rule, self.problem())
    }
}

impl std::error::Error for PlanError {}

impl Match {
    /// The states that it names, in its groups, too.
    fn states(&self) -> Vec<&str> {
        let groups = self.all.iter().chain(&self.any).chain(&self.not);
        self.state.as_deref().into_iter().chain(groups.flat_map(Self::states)).collect()
    }
}

/// What a rule waits for: names of rules, and names of states.
fn waits_for(rule: &Rule) -> impl Iterator<Item = (&'static str, &str)> {
    let after = rule.when.after.as_deref().map(|name| ("after", name));
    let held = match &rule.action {
        Action::Hold(state) => Some(("hold", state.as_str())),
        _ => None,
    };
    let states = rule.matcher.states().into_iter().map(|state| ("state", state));
    after.into_iter().chain(states).chain(held)
}

impl FaultPlan {
    /// Checks what one rule alone cannot know: that `after` names another rule, and `state` and `hold` a
    /// state that another rule sets. The rules begin in [`START`]; `hold=never` is held for ever on purpose.
    ///
    /// # Errors
    /// The first of [`Self::dangling`].
    pub fn check(&self) -> Result<(), PlanError> {
        self.dangling().into_iter().next().map_or(Ok(()), Err)
    }

    /// Everything that rules wait for and that no other rule does, in the plan's order.
    #[must_use]
    pub fn dangling(&self) -> Vec<PlanError> {
        let rules = || (1..).zip(&self.rules);
        let others = |number: usize| rules().filter(move |(other, _)| *other != number);
        let mut found = Vec::new();
        for (number, rule) in rules() {
            for (word, name) in waits_for(rule) {
                let rules = others(number).map(|(_, other)| other);
                let (given, is_there_anyway): (Vec<&str>, &[&str]) = match word {
                    "after" => (rules.filter_map(|other| other.name.as_deref()).collect(), &[]),
                    "hold" => (rules.filter_map(|other| other.sets.as_deref()).collect(), &[NEVER]),
                    _ => (rules.filter_map(|other| other.sets.as_deref()).collect(), &[START]),
                };
                let mut known: Vec<&str> = is_there_anyway.iter().copied().chain(given).collect();
                if !known.contains(&name) {
                    known.dedup();
                    let known = known.into_iter().map(str::to_owned).collect();
                    found.push(PlanError { rule: number, word, name: name.into(), known });
                }
            }
        }
        found
    }
}
