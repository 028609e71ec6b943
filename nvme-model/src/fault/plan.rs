//! What one rule alone cannot know: whether what it waits for can happen in its plan.

use std::collections::BTreeSet;

use super::kinds::Action;
use super::rule::{FaultPlan, Match, Rule, START};

/// The state that no rule can set: what is held for it is held until somebody ends it.
pub(super) const NEVER: &str = "never";

/// A rule waits for a rule that is not there, for a state that no other rule sets, or for what itself waits for
/// that rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// The rule's number, from 1.
    pub rule: usize,
    /// The word of the rule: `after`, `state` or `hold`.
    pub word: &'static str,
    /// What it waits for.
    pub name: String,
    /// What it could have waited for; `None` if what it waits for is there, and cannot come.
    known: Option<Vec<String>>,
}

impl PlanError {
    /// What is wrong, and what could have been there; without the number of the rule.
    #[must_use]
    pub fn problem(&self) -> String {
        let Self { word, name, known, .. } = self;
        let Some(known) = known else {
            return format!(
                "{word}={name:?} never comes: who could bring it waits for this in turn"
            );
        };
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
    /// The first of [`Self::dangling`]; if there is none, the first rule that waits in a circle.
    pub fn check(&self) -> Result<(), PlanError> {
        let circle = || self.first_in_a_circle();
        self.dangling().into_iter().next().or_else(circle).map_or(Ok(()), Err)
    }

    /// The first rule that can never be the next to fire, whatever the host does: it waits for a rule or a
    /// state that only rules like it could bring. Groups of matches are left out.
    fn first_in_a_circle(&self) -> Option<PlanError> {
        let mut names = BTreeSet::new();
        let mut states = BTreeSet::from([START]);
        let mut waiting: Vec<(usize, &Rule)> = (1..).zip(&self.rules).collect();
        loop {
            let (free, stuck): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(_, rule)| {
                let Rule { when, matcher, .. } = rule;
                when.after.as_deref().is_none_or(|name| names.contains(name))
                    && matcher.state.as_deref().is_none_or(|state| states.contains(state))
            });
            if free.is_empty() {
                let (number, rule) = *stuck.first()?;
                let after = rule.when.after.as_deref().filter(|name| !names.contains(name));
                let state = rule.matcher.state.as_deref();
                let (word, name) =
                    after.map(|name| ("after", name)).or(state.map(|s| ("state", s)))?;
                return Some(PlanError { rule: number, word, name: name.into(), known: None });
            }
            names.extend(free.iter().filter_map(|(_, rule)| rule.name.as_deref()));
            states.extend(free.iter().filter_map(|(_, rule)| rule.sets.as_deref()));
            waiting = stuck;
        }
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
                    let known = Some(known.into_iter().map(str::to_owned).collect());
                    found.push(PlanError { rule: number, word, name: name.into(), known });
                }
            }
        }
        found
    }
}
