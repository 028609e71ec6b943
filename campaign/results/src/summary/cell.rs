//! One cell of the matrix scenario x path x fault.

use std::collections::BTreeMap;

use crate::{Outcome, VerdictWord};

/// Which cell. Made of the unit's words, so that a new scenario or path needs nothing here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellKey {
    /// The scenario.
    pub scenario: String,
    /// The swap path, with the switched knobs in brackets.
    pub path: String,
    /// What the unit's faults do: the part of each rule behind `=>`; `-` without faults.
    pub fault: String,
}

impl CellKey {
    /// The cell of an outcome.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        let word = |key| outcome.word(key).unwrap_or("-");
        let path = match outcome.word("knobs").filter(|knobs| !knobs.is_empty()) {
            Some(knobs) => format!("{} ({knobs})", word("path")),
            None => word("path").to_owned(),
        };
        let mut faults: Vec<&str> =
            outcome.faults.iter().map(|fault| action(&fault.rule)).collect();
        faults.sort_unstable();
        let fault = if faults.is_empty() { "-".to_owned() } else { faults.join(" + ") };
        Self { scenario: word("scenario").to_owned(), path, fault }
    }
}

/// What a rule does, in a word: the status, drop, delay, ... behind the arrow.
fn action(rule: &str) -> &str {
    let after = rule.split_once("=>").map_or(rule, |(_, action)| action).trim();
    after.split_whitespace().next().unwrap_or("-")
}

/// What came out in a cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// How many units have which verdict.
    pub verdicts: BTreeMap<VerdictWord, u64>,
    /// Units whose verdict was a surprise.
    pub surprises: u64,
    /// Fires that the rules promised.
    pub planned: u64,
    /// Fires that happened.
    pub fired: u64,
}

impl Cell {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        *self.verdicts.entry(outcome.verdict.word).or_default() += 1;
        self.surprises += u64::from(!outcome.is_expected());
        for fault in &outcome.faults {
            self.planned += fault.planned;
            self.fired += fault.fired;
        }
    }

    /// How many units the cell has.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.verdicts.values().sum()
    }
}

impl Outcome {
    /// The value of a `key=value` word of the unit.
    #[must_use]
    pub fn word(&self, key: &str) -> Option<&str> {
        self.unit
            .split_whitespace()
            .filter_map(|word| word.split_once('='))
            .find_map(|(name, value)| (name == key).then_some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FaultCount;
    use crate::merge::testing::record;

    #[test]
    fn a_cell_is_named_by_scenario_path_with_knobs_and_what_the_faults_do() {
        let mut outcome = record(1).outcome;
        outcome.unit = "scenario=shutdown path=swap knobs=k1,k2 seed=1".into();
        let fault = |rule: &str| FaultCount {
            rule: rule.into(),
            planned: 1,
            armed: 2,
            fired: 1,
            fired_at: vec![],
        };
        outcome.faults = vec![fault("read nth=3 => status=media/x dnr"), fault("write => drop")];
        let key = CellKey::of(&outcome);
        assert_eq!((key.scenario.as_str(), key.path.as_str()), ("shutdown", "swap (k1,k2)"));
        assert_eq!(key.fault, "drop + status=media/x");
        outcome.faults.clear();
        outcome.unit = "scenario=shutdown path=swap knobs= seed=1".into();
        let key = CellKey::of(&outcome);
        assert_eq!((key.path.as_str(), key.fault.as_str()), ("swap", "-"));
    }
}
